import numpy as np
import pytest

from osnet_tf.metrics import METRICS, distance_blocks, pairwise_distances
from tests.metrics import oracles


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("block", [1, 3, 7, 100, None])
def test_blocks_equal_the_written_out_formula(metric, block):
    rng = np.random.default_rng(1)
    query = rng.standard_normal((7, 19)).astype(np.float32)
    gallery = rng.standard_normal((11, 19)).astype(np.float32)
    expected = [[oracles.distance(q, g, metric) for g in gallery] for q in query]
    seen = []
    for rows, distances in distance_blocks(query, gallery, metric=metric, block=block):
        assert distances.dtype == np.float32
        np.testing.assert_allclose(distances, expected[rows], rtol=2e-7, atol=0)
        seen += range(rows.start, rows.stop)
    assert seen == list(range(7))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("offset", "scale"), [(0, 1e-20), (0, 1e15), (1000, 1e-2), (0, 1e-40)])
def test_precision_holds_for_features_far_from_zero_or_of_odd_size(metric, offset, scale):
    rng = np.random.default_rng(2)
    query = (offset + scale * rng.standard_normal((4, 16))).astype(np.float32)
    gallery = (offset + scale * rng.standard_normal((5, 16))).astype(np.float32)
    expected = [[oracles.distance(q, g, metric) for g in gallery] for q in query]
    actual = pairwise_distances(query, gallery, metric=metric)
    expected = np.asarray(expected, np.float32)  # squares of 1e-40 are 0 there
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("metric", METRICS)
def test_a_vector_is_at_distance_zero_from_itself(metric):
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((6, 512)).astype(np.float32)
    for features in (rows, 1000 + rows, 1e-20 * rows):
        distances = pairwise_distances(features, features, metric=metric)
        assert (np.diag(distances) == 0).all()
        assert (distances[~np.eye(6, dtype=bool)] > 0).all() or metric == "sqeuclidean"


@pytest.mark.parametrize("metric", METRICS)
def test_equal_gallery_rows_are_equally_far_wherever_they_stand(metric):
    """-0.0 is 0.0; among so many columns a product runs through several of its kernels."""
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((40, 97)).astype(np.float32)
    rows[:, 3] = 0
    place = rng.integers(0, 40, 1013)
    gallery = rows[place]
    gallery[::2, 3] = -0.0
    for block in (1, 3, None):
        for _, found in distance_blocks(rows[:7] + 1, gallery, metric=metric, block=block):
            for row in found:
                first = {at: row[place == at][0] for at in set(place)}
                np.testing.assert_array_equal(row, [first[at] for at in place])


def test_one_row_far_off_leaves_the_others_precise():
    rng = np.random.default_rng(6)
    query, gallery = rng.standard_normal((2, 4, 16)).astype(np.float32)
    gallery[1] *= 1e6
    expected = [[oracles.distance(q, g) for g in gallery] for q in query]
    np.testing.assert_allclose(pairwise_distances(query, gallery), expected, rtol=1e-6)


def test_cosine_of_a_zero_vector_is_distance_one_to_everything():
    query = np.array([[0, 0], [1, 0]], np.float32)
    gallery = np.array([[0, 0], [2, 0], [-3, 0]], np.float32)
    actual = pairwise_distances(query, gallery, metric="cosine")
    np.testing.assert_allclose(actual, [[1, 1, 1], [1, 0, 2]], atol=1e-7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "euclid"}, r"Did you mean 'euclidean'\? Received: metric='euclid'"),
        ({"metric": "Cosine"}, r"Did you mean 'cosine'\? Received: metric='Cosine'"),
        ({"block": 0}, r"`block` must be an integer >= 1\. Received: block=0"),
        ({"query": np.zeros((2, 4))}, r"same number of columns.*\(2, 4\).*\(3, 3\)"),
        ({"query": np.zeros(3)}, r"query must be a non-empty array of shape \(N, D\).*\(3,\)"),
        ({"gallery": np.zeros((0, 3))}, r"gallery must be a non-empty array.*\(0, 3\)"),
        ({"query": [[0, np.nan, 1]]}, r"query must be finite: row 0 holds NaN or infinity"),
        ({"query": [[1e300, 0.0, 1]]}, r"query must be finite: row 0"),
        ({"gallery": [[0, 0, 1], [0, -np.inf, np.inf]]}, r"row 1 .*\(1 of 2 rows do\)"),
    ],
)
def test_invalid_arguments(arguments, message):
    arguments = {"query": np.zeros((2, 3)), "gallery": np.ones((3, 3)), **arguments}
    with pytest.raises(ValueError, match=message):
        distance_blocks(arguments.pop("query"), arguments.pop("gallery"), **arguments)


@pytest.mark.parametrize("features", [[["a", "b"]], [[1j, 0]], [[True, False]]])
def test_features_that_are_not_real_numbers(features):
    with pytest.raises(TypeError, match="query must hold real numbers"):
        distance_blocks(features, np.zeros((3, 2)))


def test_half_and_bfloat16_features_are_taken():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    rows = np.array([[1, 2], [3, 5]])
    expected = pairwise_distances(rows, rows)
    for dtype in (np.float16, ml_dtypes.bfloat16, np.float64, np.uint8):
        np.testing.assert_array_equal(
            pairwise_distances(rows.astype(dtype), rows.astype(dtype)), expected
        )
