"""Average link under constraints, against joining the two nearest allowed clusters by hand."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from osnet_tf.errors import ArgumentError
from osnet_tf.identities import Dendrogram, score_identities


def by_hand(distances, forbidden, threshold):
    """Labels by joining, again and again, the nearest two clusters that may be joined."""
    clusters = [[i] for i in range(len(distances))]
    while True:
        best = None
        for a in range(len(clusters)):
            for b in range(a):
                between = np.ix_(clusters[a], clusters[b])
                mean = distances[between].mean()
                if not forbidden[between].any() and (best is None or mean < best[0]):
                    best = mean, b, a
        if best is None or best[0] > threshold:
            break
        clusters[best[1]] += clusters.pop(best[2])
    return as_labels(clusters, len(distances))


def as_labels(clusters, n):
    labels = np.empty(n, int)
    for number, cluster in enumerate(sorted(clusters, key=min)):
        labels[cluster] = number
    return labels


def square(condensed, n):
    full = np.zeros((n, n), np.asarray(condensed).dtype)
    full[np.triu_indices(n, 1)] = condensed
    return full | full.T if full.dtype == bool else full + full.T


@pytest.mark.parametrize("share", [0.0, 0.2, 0.7, 1.0])
def test_the_clusters_are_those_by_hand(share):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 14))
        distances = pdist(rng.normal(size=(n, 3)))
        forbidden = rng.random(len(distances)) < share
        full, no = square(distances, n), square(forbidden, n)
        tree = Dendrogram(distances.copy(), forbidden)
        for threshold in (0, *np.quantile(distances, [0.1, 0.3, 0.6, 1.0]), 1e9):
            np.testing.assert_array_equal(tree.cut(threshold), by_hand(full, no, threshold))
            assert not (no & np.equal.outer(*2 * [tree.cut(threshold)])).any()


def test_the_best_threshold_is_that_of_all_cuts():
    for seed in range(6):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 25))
        pids = rng.integers(0, 6, n)
        distances = pdist(rng.normal(size=(n, 2)) + 2.0 * pids[:, None])
        forbidden = (rng.random(len(distances)) < 0.2) if seed % 2 else None
        tree = Dendrogram(distances.copy(), forbidden)
        threshold, f1 = tree.best_threshold(pids)
        assert score_identities(tree.cut(threshold), pids).f1 == pytest.approx(f1)
        cuts = (0, *np.linspace(0, distances.max(), 80))
        assert f1 >= max(score_identities(tree.cut(cut), pids).f1 for cut in cuts) - 1e-12


def test_joins_at_one_height_are_cut_together():
    """Three images, each 1 from the others: one cluster, or three."""
    tree = Dendrogram(np.ones(3))
    assert tree.cut(0.999).tolist() == [0, 1, 2]
    assert tree.cut(1).tolist() == [0, 0, 0]
    assert tree.best_threshold([5, 5, 4]) == (1.0, 0.5)


def test_few_images():
    assert Dendrogram(np.zeros(0)).cut(5).tolist() == [0]
    assert Dendrogram(np.zeros(0)).best_threshold([3]) == (0.0, 1.0)
    assert Dendrogram(np.zeros(1)).cut(0).tolist() == [0, 0]
    tree = Dendrogram(np.zeros(1), np.array([True]))
    assert tree.cut(1e300).tolist() == [0, 1]
    assert tree.best_threshold([3, 3])[1] == 0.0
    assert tree.best_threshold([3, 4])[1] == 1.0


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((np.zeros(2),), r"\(n \(n - 1\) / 2,\).*shape=\(2,\)"),
        ((np.array([np.inf]),), "finite and >= 0"),
        ((np.array([-1.0]),), "finite and >= 0"),
        ((np.zeros(1), np.zeros(1)), r"cannot_link must be bools of shape \(1,\).*float64"),
        ((np.zeros(3), np.zeros(1, bool)), r"shape \(3,\).*shape=\(1,\)"),
    ],
)
def test_arguments_that_are_refused(arguments, rule):
    with pytest.raises(ArgumentError, match=rule):
        Dendrogram(*arguments)


def test_a_threshold_is_a_distance():
    tree = Dendrogram(np.zeros(1))
    for bad in (-0.1, float("nan"), "0.5"):
        with pytest.raises(ArgumentError, match="`threshold` must be"):
            tree.cut(bad)
    with pytest.raises(ArgumentError, match=r"pids must have shape \(2,\)"):
        tree.best_threshold([1])
