from collections import Counter

import numpy as np
import pytest

from osnet_tf.data import identity_batches, random_batches

RAGGED = np.repeat([40, 7, 3, 900, 12, 55], [9, 1, 4, 16, 2, 3])


# --- random_batches


@pytest.mark.parametrize(("n", "batch"), [(10, 4), (12, 4), (5, 5), (1, 1), (1000, 64)])
def test_random_batches_are_a_permutation_cut_into_batches(n, batch):
    batches = random_batches(n, batch, seed=3, epoch=2)
    assert batches.dtype == np.int64
    assert batches.shape == (n // batch, batch)
    flat = batches.ravel().tolist()
    assert len(set(flat)) == len(flat)
    assert set(flat) <= set(range(n))


@pytest.mark.parametrize(("n", "batch"), [(10, 4), (12, 4), (3, 8), (1, 5)])
def test_random_batches_without_drop_last_use_everything(n, batch):
    batches = random_batches(n, batch, seed=3, epoch=2, drop_last=False)
    assert batches.shape == (-(-n // batch), batch)
    flat = batches.ravel()
    assert sorted(flat[:n]) == list(range(n))
    # The filling is the same permutation from its start.
    assert all(flat[i] == flat[i % n] for i in range(len(flat)))


def test_drop_last_only_drops():
    full = random_batches(10, 4, seed=1, epoch=0, drop_last=False)
    np.testing.assert_array_equal(random_batches(10, 4, seed=1, epoch=0), full[:2])


def test_random_batches_leave_out_other_samples_each_epoch():
    seen = np.concatenate([random_batches(10, 4, seed=0, epoch=e).ravel() for e in range(20)])
    counts = np.bincount(seen, minlength=10)
    assert counts.min() > 5
    assert counts.sum() == 160


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 0}, "num_samples must be an integer >= 1. Received: num_samples=0"),
        ({"batch_size": 0}, "batch_size must be an integer >= 1. Received: batch_size=0"),
        ({"batch_size": 2.0}, "batch_size must be an integer >= 1. Received: batch_size=2.0"),
        ({"batch_size": True}, "batch_size must be an integer >= 1. Received: batch_size=True"),
        ({"seed": -1}, "seed must be an integer >= 0. Received: seed=-1"),
        ({"seed": None}, "seed must be an integer >= 0. Received: seed=None"),
        ({"epoch": -1}, "epoch must be an integer >= 0. Received: epoch=-1"),
        (
            {"batch_size": 11},
            "batch_size must not exceed num_samples when drop_last=True. "
            "Received: batch_size=11, num_samples=10",
        ),
    ],
)
def test_random_batches_invalid(arguments, message):
    with pytest.raises(ValueError) as error:
        random_batches(**{"num_samples": 10, "batch_size": 4, "seed": 0, "epoch": 0, **arguments})
    assert str(error.value) == message


# --- identity_batches


def check_epoch(pids, batches, identities, instances):
    """The rules of an epoch, by loops over every batch."""
    sizes = Counter(pids.tolist())
    groups = {pid: max(size // instances, 1) for pid, size in sizes.items()}
    used = Counter()
    for batch in batches:
        people = []
        for i in range(identities):
            group = batch[i * instances : (i + 1) * instances].tolist()
            owners = {int(pids[index]) for index in group}
            assert len(owners) == 1  # K images of one person stand together
            pid = owners.pop()
            people.append(pid)
            groups[pid] -= 1
            assert groups[pid] >= 0
            if sizes[pid] >= instances:
                assert len(set(group)) == instances
                used.update(group)
            else:
                repeats = Counter(group)
                assert len(repeats) == sizes[pid]  # every image, before any a second time
                assert max(repeats.values()) - min(repeats.values()) <= 1
        assert len(set(people)) == identities
    assert all(count == 1 for count in used.values())
    # It goes on until fewer than P people have groups left, and no longer.
    assert sum(left > 0 for left in groups.values()) < identities


@pytest.mark.parametrize(
    ("identities", "instances"), [(1, 1), (2, 4), (3, 2), (4, 4), (6, 3), (6, 16), (5, 1), (2, 40)]
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_batch_keeps_the_rules(identities, instances, seed):
    for epoch in range(5):
        batches = identity_batches(RAGGED, identities, instances, seed=seed, epoch=epoch)
        assert batches.dtype == np.int64
        assert batches.shape[1] == identities * instances
        assert len(batches) >= 1
        check_epoch(RAGGED, batches, identities, instances)


def test_rules_hold_for_random_datasets():
    rng = np.random.default_rng(0)
    for trial in range(60):
        people = rng.integers(1, 30)
        pids = rng.choice(10_000, people, replace=False)[rng.integers(people, size=200)]
        distinct = len(set(pids.tolist()))
        identities, instances = int(rng.integers(1, distinct + 1)), int(rng.integers(1, 12))
        batches = identity_batches(pids, identities, instances, seed=trial, epoch=trial)
        check_epoch(pids, batches, identities, instances)


def test_epoch_length_against_a_loop():
    """When everybody has as many groups as everybody else, the last ones left decide."""
    pids = np.repeat(np.arange(8), 12)
    assert identity_batches(pids, 8, 4, seed=0, epoch=0).shape == (3, 32)
    lengths = {len(identity_batches(pids, 3, 4, seed=0, epoch=e)) for e in range(50)}
    assert max(lengths) <= 24 // 3
    assert min(lengths) >= 6


def test_identity_with_one_image_is_repeated():
    pids = np.array([5, 9, 9, 9, 9])
    batches = identity_batches(pids, 2, 4, seed=0, epoch=0)
    assert batches.shape == (1, 8)
    groups = {tuple(sorted(group)) for group in batches.reshape(2, 4).tolist()}
    assert groups == {(0, 0, 0, 0), (1, 2, 3, 4)}


def test_the_extra_repeats_go_to_different_images():
    """Two of three images appear twice among K = 5; over the epochs, each of them."""
    pids = np.array([1, 1, 1])
    twice = set()
    for epoch in range(30):
        counts = Counter(identity_batches(pids, 1, 5, seed=0, epoch=epoch).ravel().tolist())
        twice.add(tuple(sorted(i for i, c in counts.items() if c == 2)))
    assert twice == {(0, 1), (0, 2), (1, 2)}


def test_remainders_get_their_turn_in_other_epochs():
    pids = np.repeat([1, 2], 7)
    seen = np.zeros(14, int)
    for epoch in range(60):
        np.add.at(seen, identity_batches(pids, 2, 4, seed=0, epoch=epoch).ravel(), 1)
    assert seen.sum() == 60 * 8
    assert seen.min() > 20
    assert seen.max() < 50


def test_people_are_drawn_evenly():
    pids = np.repeat(np.arange(10), 2)
    first = np.zeros(10, int)
    for epoch in range(600):
        batch = identity_batches(pids, 2, 2, seed=1, epoch=epoch)[0]
        np.add.at(first, pids[batch[[0, 2]]], 1)
    assert abs(first - 120).max() < 45  # four standard deviations


def test_replicas_get_whole_people_and_the_same_epoch():
    batches = identity_batches(RAGGED, 4, 3, seed=0, epoch=1, replicas=2)
    np.testing.assert_array_equal(batches, identity_batches(RAGGED, 4, 3, seed=0, epoch=1))
    for left, right in batches.reshape(len(batches), 2, 6):
        assert not set(RAGGED[left]) & set(RAGGED[right])
        assert len(set(RAGGED[left])) == len(set(RAGGED[right])) == 2


def test_only_the_order_of_the_pids_matters_not_their_values():
    _, ranks = np.unique(RAGGED, return_inverse=True)
    expected = identity_batches(RAGGED, 3, 2, seed=4, epoch=4)
    for other in (ranks, ranks - 50, ranks.astype(np.uint8), ranks.tolist()):
        np.testing.assert_array_equal(expected, identity_batches(other, 3, 2, seed=4, epoch=4))


def test_pids_need_not_be_grouped():
    pids = np.random.default_rng(0).permutation(RAGGED)
    check_epoch(pids, identity_batches(pids, 3, 4, seed=0, epoch=0), 3, 4)


@pytest.mark.parametrize(
    "sample",
    [
        lambda seed, epoch: random_batches(50, 8, seed=seed, epoch=epoch),
        lambda seed, epoch: identity_batches(RAGGED, 3, 2, seed=seed, epoch=epoch),
    ],
)
def test_pure_in_seed_and_epoch(sample):
    epochs = [sample(0, epoch) for epoch in range(4)]
    np.random.seed(123)  # noqa: NPY002 (the global state must not matter, nor be touched)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    for epoch in (3, 1, 0, 2):
        np.testing.assert_array_equal(sample(0, epoch), epochs[epoch])
        np.testing.assert_array_equal(sample(np.int64(0), np.int32(epoch)), epochs[epoch])
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    texts = {sample(seed, epoch).tobytes() for seed in range(4) for epoch in range(4)}
    assert len(texts) == 16  # (0, 1) is not (1, 0)


def test_arguments_are_not_changed():
    pids = RAGGED.copy()
    identity_batches(pids, 3, 2, seed=0, epoch=0)
    np.testing.assert_array_equal(pids, RAGGED)


def test_at_the_size_of_market1501_every_batch_has_its_people_and_nobody_is_left_out():
    rng = np.random.default_rng(0)
    pids = rng.integers(751, size=12936)
    batches = identity_batches(pids, 16, 4, seed=0, epoch=0)
    people = pids[batches].reshape(len(batches), 16, 4)
    assert (people == people[..., :1]).all()
    assert all(len(set(row[:, 0])) == 16 for row in people)
    assert len(np.unique(people)) == 751
    assert len(batches) > 150


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"identities": 0}, "identities must be an integer >= 1. Received: identities=0"),
        ({"instances": 0}, "instances must be an integer >= 1. Received: instances=0"),
        ({"instances": -2}, "instances must be an integer >= 1. Received: instances=-2"),
        ({"instances": 2.5}, "instances must be an integer >= 1. Received: instances=2.5"),
        ({"replicas": 0}, "replicas must be an integer >= 1. Received: replicas=0"),
        ({"seed": "0"}, "seed must be an integer >= 0. Received: seed='0'"),
        ({"epoch": -1}, "epoch must be an integer >= 0. Received: epoch=-1"),
        (
            {"identities": 7},
            "pids must hold at least `identities` distinct people, but holds 6. "
            "Received: identities=7",
        ),
        (
            {"identities": 3, "replicas": 2},
            "identities must be divisible by replicas, so that a person's images stay on one "
            "replica. Received: identities=3, replicas=2",
        ),
        (
            {"pids": []},
            "pids must be a 1-D array of integers with at least one entry. "
            "Received: pids of shape (0,) and dtype float64",
        ),
        (
            {"pids": np.zeros((2, 3), int)},
            "pids must be a 1-D array of integers with at least one entry. "
            "Received: pids of shape (2, 3) and dtype int64",
        ),
    ],
)
def test_identity_batches_invalid(arguments, message):
    defaults = {"pids": RAGGED, "identities": 2, "instances": 2, "seed": 0, "epoch": 0}
    with pytest.raises(ValueError) as error:
        identity_batches(**{**defaults, **arguments})
    assert str(error.value) == message
