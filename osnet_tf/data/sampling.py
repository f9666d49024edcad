"""Which images go into which batch: NumPy only, and nothing but (seed, epoch) decides.

Both samplers return the whole epoch as one array of indices into the training samples. There is no
state: the same arguments give the same epoch in any process, on any host, in any order of calls.
"""

import operator

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.errors import ArgumentError

# The third word of each seed, so that two samplers never draw the same stream.
_RANDOM = int.from_bytes(b"rand", "big")
_IDENTITY = int.from_bytes(b"pxk ", "big")


def random_batches(
    num_samples: int, batch_size: int, *, seed: int, epoch: int, drop_last: bool = True
) -> np.ndarray:
    """Cuts a random permutation of all samples into batches.

    Args:
        num_samples: the number of training samples, >= 1.
        batch_size: images in a batch, >= 1.
        seed: >= 0.
        epoch: >= 0; every epoch is another permutation.
        drop_last: `True` leaves out the samples that do not fill a batch (another few each epoch).
            `False` uses every sample and fills the last batch from the start of the permutation.

    Returns:
        int64 array (steps, batch_size) of indices into the samples.

    Raises:
        ValueError: an argument is out of its range, or `drop_last` would leave no batch.

    Example:

    >>> batches = random_batches(10, 4, seed=0, epoch=0)
    >>> batches.shape, len(set(batches.ravel().tolist()))
    ((2, 4), 8)
    >>> random_batches(10, 4, seed=0, epoch=0, drop_last=False).shape
    (3, 4)
    """
    num_samples = _integer("num_samples", num_samples, 1)
    batch_size = _integer("batch_size", batch_size, 1)
    order = _generator(seed, epoch, _RANDOM).permutation(num_samples)
    if drop_last:
        steps = num_samples // batch_size
        if steps == 0:
            raise ArgumentError(
                "batch_size must not exceed num_samples when drop_last=True. "
                f"Received: batch_size={batch_size}, num_samples={num_samples}"
            )
    else:
        steps = -(-num_samples // batch_size)
    return np.resize(order, (steps, batch_size)).astype(np.int64, copy=False)


def identity_batches(
    pids: ArrayLike, identities: int, instances: int, *, seed: int, epoch: int, replicas: int = 1
) -> np.ndarray:
    """P x K sampling: every batch holds P distinct people with K images of each.

    An epoch is that of the public RandomIdentitySampler: each person's images are shuffled and cut
    in groups of K (the remainder waits for another epoch; a person with fewer than K images makes
    one group in which each image appears equally often, give or take one), and each batch takes one
    group of P people drawn at random from those who have groups left, until fewer than P have. So
    no image appears twice in an epoch, except inside the group of a person with fewer than K, and
    the number of steps is at most `groups // P` and may differ a little from epoch to epoch.

    A person's K images stand together. A batch that is cut into `replicas` contiguous equal parts
    leaves every person whole, because P must be divisible by `replicas`.

    Source: Hermans et al., "In Defense of the Triplet Loss", arXiv 1703.07737, section 2 (P x K).

    Args:
        pids: integers (num_samples,), the person of each training sample; any integers, any order.
        identities: P, people in a batch, >= 1.
        instances: K, images of each person in a batch, >= 1.
        seed: >= 0.
        epoch: >= 0.
        replicas: how many equal parts a batch is cut into, >= 1.

    Returns:
        int64 array (steps, P * K) of indices into `pids`, steps >= 1.

    Raises:
        ValueError: an argument is out of its range, there are fewer than P people, or P is not
            divisible by `replicas`.

    Example:

    >>> pids = np.repeat([11, 22, 33], [4, 5, 1])
    >>> batches = identity_batches(pids, identities=2, instances=2, seed=0, epoch=0)
    >>> batches.shape
    (2, 4)
    >>> bool((pids[batches[:, 0]] == pids[batches[:, 1]]).all())
    True
    """
    pids = np.asarray(pids)
    if pids.ndim != 1 or pids.size == 0 or not np.issubdtype(pids.dtype, np.integer):
        raise ArgumentError(
            "pids must be a 1-D array of integers with at least one entry. "
            f"Received: pids of shape {pids.shape} and dtype {pids.dtype}"
        )
    identities = _integer("identities", identities, 1)
    instances = _integer("instances", instances, 1)
    replicas = _integer("replicas", replicas, 1)
    if identities % replicas:
        raise ArgumentError(
            "identities must be divisible by replicas, so that a person's images stay on one "
            f"replica. Received: identities={identities}, replicas={replicas}"
        )
    _, person, sizes = np.unique(pids, return_inverse=True, return_counts=True)
    if len(sizes) < identities:
        raise ArgumentError(
            f"pids must hold at least `identities` distinct people, but holds {len(sizes)}. "
            f"Received: identities={identities}"
        )

    generator = _generator(seed, epoch, _IDENTITY)
    # Samples grouped by person and shuffled within each person.
    by_person = np.lexsort((generator.random(len(pids)), person))
    starts = np.cumsum(sizes) - sizes
    remaining = np.maximum(sizes // instances, 1)

    # Person i's next group begins at by_person[taken[i]].
    taken = starts.copy()
    chosen, first = [], []
    available = np.arange(len(sizes))
    while len(available) >= identities:
        people = generator.choice(available, identities, replace=False)
        chosen.append(people)
        first.append(taken[people])
        taken[people] += instances
        remaining[people] -= 1
        if not remaining[people].all():
            available = available[remaining[available] > 0]
    chosen, first = np.stack(chosen)[..., None], np.stack(first)[..., None]

    # Whoever has fewer than K images starts over from the first one. All others never wrap.
    offsets = (first - starts[chosen] + np.arange(instances)) % sizes[chosen]
    batches = by_person[starts[chosen] + offsets]
    return batches.reshape(len(batches), identities * instances).astype(np.int64, copy=False)


def _generator(seed: int, epoch: int, purpose: int) -> np.random.Generator:
    entropy = [_integer("seed", seed, 0), _integer("epoch", epoch, 0), purpose]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def _integer(name: str, value: int, lowest: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < lowest:
        raise ArgumentError(f"{name} must be an integer >= {lowest}. Received: {name}={value!r}")
    return number
