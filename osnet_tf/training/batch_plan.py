"""Which images make which batch, in every epoch of a run."""

import numpy as np

from osnet_tf.config import ConfigError
from osnet_tf.data.sampling import identity_batches, random_batches


class BatchPlan:
    """The batches of a run: indices into its training samples, pure in (seed, epoch).

    Images of one person lie side by side and no part of a batch, be it a replica's or one of
    several that are accumulated, gets only some of them.

    Args:
        groups: int `(images,)`, what P x K batches group images by: the person in each.
        batch_size: Images in a batch, over all replicas.
        instances: K of P x K; 0 draws images at random.
        replicas: Replicas in sync.
        accumulation: Parts that a replica's share of a batch is cut into.
        seed: >= 0.

    Attributes:
        steps: Batches in every epoch. (P x K epochs would vary by a step or two; they are cut to
            the first one's length, so that schedules in steps end where they should.)

    Raises ConfigError for a batch that cannot be cut, or is larger than the training set.

    >>> plan = BatchPlan([7, 7, 8, 8, 9, 9, 9, 9], batch_size=4, instances=2)
    >>> plan(epoch=0).shape[1], bool((plan(epoch=3) == plan(epoch=3)).all())
    (4, True)
    """

    def __init__(self, groups, *, batch_size, instances=0, replicas=1, accumulation=1, seed=0):
        self._parts = replicas * accumulation
        if batch_size % self._parts:
            raise ConfigError(
                "batch_size",
                f"must be a multiple of {replicas} replicas x {accumulation} parts",
                batch_size,
            )
        self._groups = np.asarray(groups)
        if batch_size > len(self._groups):
            raise ConfigError(
                "batch_size", f"must be <= the {len(self._groups)} images", batch_size
            )
        people = len(np.unique(self._groups))
        if instances and batch_size > people * instances:
            raise ConfigError(
                "batch_size", f"must be <= {people} people x {instances} instances", batch_size
            )
        if instances and batch_size // instances % self._parts:
            raise ConfigError(
                "batch_size",
                f"must be a multiple of {instances} instances x {self._parts} parts, so that the "
                "images of one person stay in one part",
                batch_size,
            )
        self._batch_size = batch_size
        self._instances = instances
        self._seed = seed
        self.steps = len(self._batches(0))

    def __call__(self, epoch):
        """int `(steps, batch_size)`."""
        return self._batches(epoch)[: self.steps]

    def _batches(self, epoch):
        order = {"seed": self._seed, "epoch": epoch}
        if not self._instances:
            return random_batches(len(self._groups), self._batch_size, **order)
        identities = self._batch_size // self._instances
        return identity_batches(
            self._groups, identities, self._instances, replicas=self._parts, **order
        )
