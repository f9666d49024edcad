"""Re-ranking against the dense formulation, written out from the paper (arXiv 1701.08398)."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osnet_tf.metrics import Reranker, rank, rank_distances, rerank

pytest.importorskip("scipy")


def dense(query, gallery, k1, k2, lambda_value, metric="euclidean"):
    """Equations 1 to 12, with whole N x N float64 matrices and plain loops."""
    x = np.concatenate([query, gallery]).astype(np.float32).astype(np.float64)
    if metric == "cosine":
        x /= np.sqrt((x**2).sum(axis=1, keepdims=True))
    total = len(x)
    original = np.array([((x - row) ** 2).sum(axis=1) for row in x])
    lists = np.argsort(original, axis=1, kind="stable")
    original /= original.max(axis=1, keepdims=True)

    def reciprocal(p, k):
        return {q for q in lists[p, : k + 1] if p in lists[q, : k + 1]}

    encodings = np.zeros((total, total))
    for p in range(total):
        core = reciprocal(p, k1)
        expanded = set(core)
        for q in core:
            other = reciprocal(q, round(k1 / 2))
            if 3 * len(other & core) > 2 * len(other):
                expanded |= other
        for g in expanded:
            encodings[p, g] = np.exp(-original[p, g])
        if expanded:
            encodings[p] /= encodings[p].sum()
    if k2 > 1:
        encodings = np.array([encodings[lists[p, :k2]].mean(axis=0) for p in range(total)])
    out = np.empty((len(query), len(gallery)))
    for p in range(len(query)):
        for g in range(len(gallery)):
            other = encodings[len(query) + g]
            least = np.minimum(encodings[p], other).sum()
            most = np.maximum(encodings[p], other).sum()
            jaccard = 1 - least / most if most else 1.0
            out[p, g] = (1 - lambda_value) * jaccard
            out[p, g] += lambda_value * original[p, len(query) + g]
    return out


def clustered(seed, num_query, num_gallery, width=16, people=8, spread=0.5):
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((people, width))
    q_pids, g_pids = rng.integers(0, people, num_query), rng.integers(0, people, num_gallery)
    query = centers[q_pids] + spread * rng.standard_normal((num_query, width))
    gallery = centers[g_pids] + spread * rng.standard_normal((num_gallery, width))
    return query.astype(np.float32), gallery.astype(np.float32), q_pids, g_pids


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("people", [1, 8])
@pytest.mark.parametrize(("k1", "k2", "lambda_value"), [(20, 6, 0.3), (5, 1, 0), (7, 8, 1)])
def test_equals_the_dense_formulation(metric, people, k1, k2, lambda_value):
    query, gallery, *_ = clustered(1, 12, 60, people=people)
    expected = dense(query, gallery, k1, k2, lambda_value, metric)
    options = {"k1": k1, "k2": k2, "lambda_value": lambda_value, "metric": metric}
    actual = rerank(query, gallery, **options)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)
    for block in (1, 5):
        actual = rerank(query, gallery, block=block, **options)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 6), st.integers(1, 3))
def test_equals_the_dense_formulation_with_ties(seed, k1, k2, width):
    """Small integers: equal distances, and more duplicates than a neighbourhood holds."""
    rng = np.random.default_rng(seed)
    query, gallery = rng.integers(0, 3, (4, width)), rng.integers(0, 3, (20, width))
    query[0] += 5  # so that no row of distances is all zero
    k2 = min(k2, k1 + 1)
    expected = dense(query, gallery, k1, k2, 0.3)
    actual = rerank(query, gallery, k1=k1, k2=k2)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_features_of_odd_size_change_nothing(scale):
    query, gallery, *_ = clustered(2, 10, 50)
    np.testing.assert_allclose(
        rerank(query * np.float32(scale), gallery * np.float32(scale), k1=6, k2=3),
        rerank(query, gallery, k1=6, k2=3),
        atol=1e-5,
    )


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_equal_features_are_equally_far(metric):
    for rows in (np.ones((33, 4)), np.tile([3e-5, -0.7, 1e-3], (33, 1)), np.zeros((33, 2))):
        actual = rerank(rows[:3], rows[3:], k1=5, k2=3, metric=metric)
        options = {"camera_aware": False, "max_rank": 3}
        found = rank_distances(actual, [1, 2, 3], np.arange(1, 31), None, None, **options)
        # Neighbourhoods are the first images: those share all of theirs, the others nothing
        assert (np.diff(actual, axis=1) >= 0).all()
        assert found.first_match.tolist() == [1, 2, 3]


@pytest.mark.parametrize("spread", [1e-3, 1e-5, 1e-6])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_nearly_collapsed_features_as_in_the_dense_formulation(metric, spread):
    """As an untrained network's; several of them are the same but for the last bits."""
    query, gallery, *_ = clustered(4, 6, 40)
    query, gallery = (1 + spread * rows.astype(np.float64) for rows in (query, gallery))
    query, gallery = query.astype(np.float32), gallery.astype(np.float32)
    expected = dense(query, gallery, 8, 3, 0.3, metric)
    actual = rerank(query, gallery, k1=8, k2=3, metric=metric)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)


def test_raises_the_map_of_clustered_people():
    query, gallery, q_pids, g_pids = clustered(3, 40, 300, people=20, spread=1.2)
    labels = q_pids, g_pids, np.zeros(40, int), np.ones(300, int)
    before = rank(query, gallery, *labels).mAP
    reranker = Reranker(query, gallery, k1=15, k2=4)
    after = rank_distances(reranker.blocks(), *labels).mAP
    assert after > before + 0.02
    assert rank_distances(reranker.distances(), *labels).mAP == after


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k1": 0}, r"`k1` must be an integer >= 1\. Received: k1=0"),
        ({"k1": 7}, r"k1 must be < the 7 images in all\. Received: k1=7"),
        ({"k2": 5}, r"k2 must be <= k1 \+ 1\. Received: k2=5, k1=3"),
        (
            {"lambda_value": 1.5},
            r"`lambda_value` must be >= 0 and <= 1\. Received: lambda_value=1\.5",
        ),
        ({"metric": "jaccard"}, r"`metric` must be one of"),
    ],
)
def test_invalid_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        rerank(np.eye(3), np.ones((4, 3)), **{"k1": 3, "k2": 2, **change})


def test_scipy_is_not_loaded_by_import():
    code = "import sys, osnet_tf.metrics; sys.exit('scipy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_images_among_themselves(metric):
    """A set's own distances hold those of any two parts of it."""
    query, gallery, *_ = clustered(5, 9, 31)
    together = Reranker(np.concatenate([query, gallery]), k1=6, k2=3, metric=metric).distances()
    assert together.shape == (40, 40)
    expected = dense(query, gallery, 6, 3, 0.3, metric)
    np.testing.assert_allclose(together[:9, 9:], expected, rtol=0, atol=1e-5)
