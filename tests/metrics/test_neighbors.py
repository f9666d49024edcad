import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osnet_tf.metrics import METRICS, nearest
from tests.metrics import oracles


def expected_neighbors(query, gallery, k, metric):
    rows = [[(oracles.distance(q, g, metric), j) for j, g in enumerate(gallery)] for q in query]
    return [sorted(row)[:k] for row in rows]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from(METRICS), st.integers(1, 5))
def test_equals_a_sort_with_ties_by_index(seed, k, metric, block):
    rng = np.random.default_rng(seed)
    gallery = rng.standard_normal((4, 3))[rng.integers(0, 4, 12)]
    query = rng.standard_normal((5, 3))
    indices, distances = nearest(query, gallery, k, metric=metric, block=block)
    expected = np.array(expected_neighbors(query, gallery, k, metric))
    np.testing.assert_array_equal(indices, expected[..., 1])
    np.testing.assert_allclose(distances, expected[..., 0], rtol=1e-7)


@pytest.mark.parametrize("kind", ["random", "duplicates", "collapsed", "close"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_large_galleries_equal_a_stable_sort(kind, metric):
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((3000, 32)).astype(np.float32)
    if kind == "duplicates":
        rows = rows[rng.integers(0, 40, 3000)]
    elif kind == "collapsed":
        rows[:] = 2
    elif kind == "close":
        rows = (1 + 1e-5 * rows).astype(np.float32)
    indices, _ = nearest(rows[:30], rows, 15, metric=metric)
    wide = rows.astype(np.longdouble)
    if metric == "cosine":
        wide /= np.sqrt((wide**2).sum(axis=1, keepdims=True))
    for i in range(30):
        distances = ((wide - wide[i]) ** 2).sum(axis=1).astype(np.float32)
        order = np.argsort(distances, kind="stable")
        np.testing.assert_array_equal(indices[i], order[:15])


def test_k_must_fit_the_gallery():
    with pytest.raises(ValueError, match=r"k must be <= the 3 rows of gallery\. Received: k=4"):
        nearest(np.ones((1, 2)), np.ones((3, 2)), 4)
    with pytest.raises(ValueError, match=r"`k` must be an integer >= 1\. Received: k=0"):
        nearest(np.ones((1, 2)), np.ones((3, 2)), 0)
