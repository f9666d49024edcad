"""Hardest pairs against brute force; wrong labels that were planted are found."""

import numpy as np
import pytest

from osnet_tf.errors import ArgumentError
from osnet_tf.metrics import pairwise_distances
from osnet_tf.metrics.hardest import hardest_pairs, label_suspects


def case(seed, queries=13, gallery=31):
    rng = np.random.default_rng(seed)
    features = np.round(rng.standard_normal((queries + gallery, 3)), 1)  # with ties
    pids, camids = rng.integers(0, 5, len(features)), rng.integers(0, 3, len(features))
    pids[:queries] += 1
    parts = slice(0, queries), slice(queries, None)
    sets = [features[part] for part in parts]
    return *sets, *(values[part] for values in (pids, camids) for part in parts)


def by_hand(case, wanted, sign, k):
    query, gallery, q_pids, g_pids, q_camids, g_camids = case
    distances = pairwise_distances(query, gallery)
    pairs = []
    for q in range(len(query)):
        own = [
            (sign * float(distances[q, g]), q, g)
            for g in range(len(gallery))
            if wanted(q_pids[q], g_pids[g], q_camids[q], g_camids[g])
        ]
        pairs += [min(own)] if own else []
    found, people = [], set()
    for signed, q, g in sorted(pairs):
        if q_pids[q] not in people:
            people.add(q_pids[q])
            found.append((q, g, sign * signed))
    return found[:k]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("camera_aware", [True, False])
def test_hardest_pairs(seed, camera_aware):
    sets = case(seed)
    different, same = hardest_pairs(*sets, k=4, camera_aware=camera_aware)
    assert different == by_hand(sets, lambda p, r, *_: p != r, 1, 4)
    counted = lambda p, r, c, d: p == r and (c != d or not camera_aware)  # noqa: E731
    assert same == by_hand(sets, counted, -1, 4)


def test_pairs_of_people_without_a_match():
    sets = [[0.0]], [[1.0], [2.0]], [1], [1, 1], [0], [0, 0]
    assert hardest_pairs(*sets) == ([], [])
    assert hardest_pairs(*sets, camera_aware=False)[1] == [(0, 1, 2.0)]
    with pytest.raises(ArgumentError, match="k=0"):
        hardest_pairs(*sets, k=0)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_suspects_by_hand(metric):
    rng = np.random.default_rng(1)
    features = rng.standard_normal((40, 2))
    pids = np.where(rng.random(40) < 0.2, rng.integers(0, 3, 40), 1 + (features[:, 0] > 0))
    distances = pairwise_distances(features, features, metric=metric)
    expected = []
    for image in range(40):
        order = sorted((float(distances[image, i]), i) for i in range(40) if i != image)[:3]
        labels = {int(pids[i]) for _, i in order}
        if len(labels) == 1 and not labels & {0, int(pids[image])}:
            found = (int(pids[image]), labels.pop(), order[0][1], order[0][0])
            expected.append((image, *found))
    found = label_suspects(features, pids, k=3, metric=metric)
    assert len(found) >= 3
    assert sorted(found) == sorted(expected)
    assert [one.distance for one in found] == sorted(one.distance for one in found)


def test_planted_errors_are_found():
    rng = np.random.default_rng(0)
    right = np.repeat(np.arange(1, 21), 10)
    features = rng.standard_normal((20, 16))[right - 1] + 0.1 * rng.standard_normal((200, 16))
    pids = right.copy()
    wrong = 10 * rng.choice(20, 8, replace=False) + rng.integers(0, 10, 8)  # of eight people
    pids[wrong] = pids[wrong] % 20 + 1
    suspects = label_suspects(features, pids, k=3)
    assert {one.image for one in suspects} == set(wrong)
    assert all(one.suggested == right[one.image] for one in suspects)
    assert label_suspects(features, right, k=3) == []


def test_copies_of_an_image_do_not_vote_for_themselves():
    """Four images that are the same: each has the three others, whichever comes first."""
    found = label_suspects(np.zeros((4, 2)), [1, 2, 2, 2], k=3)
    assert [(one.image, one.suggested, one.distance) for one in found] == [(0, 2, 0.0)]
    assert label_suspects(np.zeros((4, 2)), [1, 0, 0, 0], k=3) == []  # distractors are nobody


def test_arguments():
    with pytest.raises(ArgumentError, match="< the 3 images"):
        label_suspects(np.zeros((3, 2)), [1, 1, 2], k=3)
    with pytest.raises(ArgumentError, match="pids"):
        label_suspects(np.zeros((4, 2)), [1, 1], k=1)
