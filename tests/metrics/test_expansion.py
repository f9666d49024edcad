import numpy as np
import pytest

from osnet_tf.metrics import augment_gallery, expand_queries
from tests.metrics import oracles


def mean_with_neighbors(row, gallery, k, alpha, metric, left_out=None):
    order = sorted((oracles.distance(row, g, metric), j) for j, g in enumerate(gallery))
    order = [j for _, j in order if j != left_out][:k]
    unit = lambda v: v / np.linalg.norm(v)  # noqa: E731
    total, weights = row.copy() if metric != "cosine" else unit(row), 1.0
    for j in order:
        cosine = unit(row) @ unit(gallery[j])
        weight = 1.0 if alpha is None else (cosine**alpha if cosine > 0 else 0.0)
        total = total + weight * (unit(gallery[j]) if metric == "cosine" else gallery[j])
        weights += weight
    return unit(total / weights) if metric == "cosine" else total / weights


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("alpha", [None, 0, 3.0])
@pytest.mark.parametrize("k", [1, 4])
def test_equal_the_written_out_means(metric, alpha, k):
    rng = np.random.default_rng(0)
    query, gallery = rng.standard_normal((5, 3)), rng.standard_normal((9, 3))
    query, gallery = (x.astype(np.float32).astype(np.float64) for x in (query, gallery))
    options = {"k": k, "alpha": alpha, "metric": metric}
    expected = [mean_with_neighbors(q, gallery, k, alpha, metric) for q in query]
    np.testing.assert_allclose(expand_queries(query, gallery, **options), expected, atol=1e-6)
    expected = [
        mean_with_neighbors(g, gallery, k, alpha, metric, left_out=j) for j, g in enumerate(gallery)
    ]
    np.testing.assert_allclose(augment_gallery(gallery, **options), expected, atol=1e-6)


def test_more_duplicates_than_neighbors():
    np.testing.assert_array_equal(
        augment_gallery(np.ones((6, 2)), k=2, metric="euclidean"), np.ones((6, 2))
    )


def test_zero_vectors_stay_zero():
    expanded = expand_queries(np.zeros((2, 3)), np.zeros((4, 3)), k=2, alpha=2)
    np.testing.assert_array_equal(expanded, np.zeros((2, 3)))


def test_invalid_arguments():
    with pytest.raises(ValueError, match=r"k must be < the 3 rows of gallery\. Received: k=3"):
        augment_gallery(np.ones((3, 2)), k=3)
    for call in (expand_queries, augment_gallery):
        sets = [np.ones((3, 2))] * (2 if call is expand_queries else 1)
        with pytest.raises(ValueError, match=r"`alpha` must be >= 0\. Received: alpha=-1"):
            call(*sets, k=1, alpha=-1)
        with pytest.raises(ValueError, match=r"`k` must be an integer >= 1\. Received: k=0"):
            call(*sets, k=0)
