import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osnet_tf.metrics import distance_blocks, pairwise_distances, rank, rank_distances
from tests.metrics import oracles


def expected_measures(distances, q_pids, g_pids, q_camids, g_camids, max_rank):
    all_hits = []
    for i, row in enumerate(distances):
        order = sorted(range(len(row)), key=lambda j, row=row: (row[j], j))
        own = [g_pids[j] == q_pids[i] and g_camids[j] == q_camids[i] for j in range(len(row))]
        order = [j for j in order if not own[j]]
        all_hits.append([k for k, j in enumerate(order, 1) if g_pids[j] == q_pids[i]])
    return oracles.measures(all_hits, max_rank)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.sampled_from([np.float32, np.float64, np.int32]))
def test_equals_the_oracle_with_ties(seed, dtype):
    rng = np.random.default_rng(seed)
    distances = rng.integers(-3, 4, (6, 25)).astype(dtype)
    labels = [rng.integers(0, n, size) for n, size in ((4, 6), (4, 25), (2, 6), (2, 25))]
    expected = expected_measures(distances, *labels, 10)
    kept = distances.copy()
    actual = rank_distances(distances, *labels, max_rank=10)
    np.testing.assert_array_equal(distances, kept)
    np.testing.assert_array_equal(actual.first_match, expected["first_match"])
    np.testing.assert_allclose(actual.cmc, expected["cmc"])
    assert actual.mAP == pytest.approx(expected["mAP"])
    blocks = [(slice(i, i + 4), distances[i : i + 4]) for i in (0, 4)]
    assert rank_distances(iter(blocks), *labels).mAP == actual.mAP


def test_many_ties_in_a_long_row():
    rng = np.random.default_rng(0)
    distances = rng.integers(0, 2, (3, 9000))
    labels = np.arange(3), rng.integers(0, 300, 9000), np.zeros(3, int), np.ones(9000, int)
    expected = expected_measures(distances, *labels, 10)
    assert rank_distances(distances, *labels).mAP == pytest.approx(expected["mAP"])


def test_distances_and_features_give_one_result():
    rng = np.random.default_rng(3)
    query, gallery = rng.standard_normal((7, 8)), rng.standard_normal((50, 8))
    labels = [rng.integers(0, n, size) for n, size in ((5, 7), (5, 50), (3, 7), (3, 50))]
    expected = rank(query, gallery, *labels).mAP
    assert rank_distances(pairwise_distances(query, gallery), *labels).mAP == expected
    blocks = distance_blocks(query, gallery, block=3)
    assert rank_distances(blocks, *labels).mAP == expected


@pytest.mark.parametrize(
    ("distances", "error", "message"),
    [
        ([[1.0, 2.0]], ValueError, r"distances must have shape \(2, 2\).*shape=\(1, 2\)"),
        ([[1.0, 2.0], [np.nan, 1.0]], ValueError, r"finite: those of query 1 are not"),
        ([[1.0, 2.0], [np.inf, 1.0]], ValueError, r"finite: those of query 1 are not"),
        ([[True, False], [True, True]], TypeError, r"distances must be real.*bool"),
        (iter([(slice(0, 1), np.ones((1, 2)))]), ValueError, r"must cover 2 queries.*: 1"),
        (iter([(slice(1, 2), np.ones((1, 2)))]), ValueError, r"blocks of consecutive queries"),
    ],
)
def test_invalid_distances(distances, error, message):
    with pytest.raises(error, match=message):
        rank_distances(distances, [1, 2], [1, 2], [0, 0], [1, 1])
