"""Pairs, constraints, tracklets, and all of them together, each against loops over pairs."""

from itertools import combinations

import numpy as np
import pytest

from osnet_tf.errors import ArgumentError
from osnet_tf.identities import cannot_link, identify, join_tracklets, pair_distances, pairs
from osnet_tf.metrics import Reranker, pairwise_distances


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "sqeuclidean"])
def test_pair_distances_are_those_of_every_pair(metric):
    features = np.random.default_rng(0).normal(size=(30, 4)).astype("float32")
    full = pairwise_distances(features, features, metric=metric)
    seen = []
    found = pair_distances(features, metric=metric, progress=seen.append)
    np.testing.assert_array_equal(found, [full[i, j] for i, j in combinations(range(30), 2)])
    assert sum(seen) == 30


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_reranked_pairs_are_the_means_of_both_ways(metric):
    features = np.random.default_rng(1).normal(size=(40, 4)).astype("float32")
    found = pair_distances(features, metric=metric, rerank=True, k1=5, k2=3)
    full = Reranker(features, k1=5, k2=3, metric=metric).distances()
    expected = [(full[i, j] + full[j, i]) / 2 for i, j in combinations(range(40), 2)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def brute_overlap(camids, times, within_camera):
    out = []
    for i, j in combinations(range(len(camids)), 2):
        apart = times[i][1] < times[j][0] or times[j][1] < times[i][0]
        known = not np.isnan([*times[i], *times[j]]).any()
        out.append(camids[i] == camids[j] and (within_camera or (known and not apart)))
    return np.array(out)


def test_cannot_link_by_brute_force():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 20))
        camids = rng.integers(0, 3, n)
        times = np.sort(rng.integers(0, 12, (n, 2)).astype(float), axis=1)
        times[rng.random(n) < 0.2] = np.nan
        for within in (False, True):
            expected = brute_overlap(camids, times, within)
            found = cannot_link(camids, times, within_camera=within)
            np.testing.assert_array_equal(found, expected.astype(bool))
        instants = times[:, 0]
        expected = brute_overlap(camids, np.stack([instants, instants], 1), False)
        np.testing.assert_array_equal(cannot_link(camids, instants), expected.astype(bool))


def test_tracklets_are_means_and_spans():
    features = np.array([[1.0, 0.0], [3.0, 2.0], [5.0, 5.0], [7.0, 1.0]])
    times = [4.0, np.nan, 2.0, np.nan]
    joined = join_tracklets(features, [9, 3, 9, 3], ["a", "b", "a", "b"], times)
    np.testing.assert_array_equal(joined.features, [[5.0, 1.5], [3.0, 2.5]])
    np.testing.assert_array_equal(joined.times, [[np.nan, np.nan], [2.0, 4.0]])
    assert joined.camids.tolist() == ["b", "a"]
    assert joined.members.tolist() == [1, 0, 1, 0]
    with pytest.raises(ArgumentError, match=r"by one camera\. Received: 9 by several"):
        join_tracklets(features, [9, 3, 9, 3], [0, 1, 1, 1])


def test_people_of_several_cameras():
    """Three people before three cameras. Two of them look alike, but were seen at one time."""
    rng = np.random.default_rng(0)
    looks = np.array([[1.0, 0.0, 0.0], [0.9995, 0.03, 0.0], [0.0, 0.0, 1.0]])
    pids = np.repeat([0, 1, 2], 6)
    camids = np.tile([0, 0, 1, 1, 2, 2], 3)
    features = looks[pids] + rng.normal(scale=0.005, size=(18, 3))
    assert np.unique(identify(features, 0.2)).tolist() == [0, 1]
    tracklets = pids * 3 + camids
    times = np.tile([0.0, 5.0], 9)
    options = {"camids": camids, "times": times, "tracklets": tracklets}
    np.testing.assert_array_equal(identify(features, 0.2, **options), pids)
    options = {"camids": camids, "tracklets": tracklets, "within_camera": True}
    np.testing.assert_array_equal(identify(features, 0.2, **options), pids)
    assert len(np.unique(identify(features, 0.2, camids=camids, within_camera=True))) == 6
    assert identify(features[:1], 0.2).tolist() == [0]


def test_the_order_of_the_images_does_not_count():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(60, 3))
    order = rng.permutation(60)
    for rerank in (False, True):
        first = identify(features, 0.3, rerank=rerank)
        second = identify(features[order], 0.3, rerank=rerank)
        assert 1 < first.max() < 59
        np.testing.assert_array_equal(
            np.equal.outer(first, first)[np.ix_(order, order)], np.equal.outer(second, second)
        )


def test_arguments_that_are_refused(monkeypatch):
    features = np.eye(3)
    for options, rule in (
        ({"times": [1, 2, 3]}, "`camids` must be given with times"),
        ({"within_camera": True}, "`camids` must be given with times"),
        ({"camids": [[0]]}, r"camids must be \(n,\).*shape=\(1, 1\)"),
        ({"camids": [0, 0, 0], "times": [1, 2]}, r"shape \(3,\) or \(3, 2\)"),
        ({"camids": [0, 0, 0], "times": [[1, 2], [4, 3], [1, 1]]}, r"times\[1\]=\[4.0, 3.0\]"),
        ({"metric": "l2"}, "`metric` must be one of"),
        ({"rerank": True}, "k1 must be < the 3 images"),
    ):
        with pytest.raises(ArgumentError, match=rule):
            identify(features, 0.5, **options)
    monkeypatch.setattr(pairs, "MOST", 2)
    with pytest.raises(ArgumentError, match=r"there may be 2 of them\. Received: 3\. Join"):
        identify(features, 0.5)
