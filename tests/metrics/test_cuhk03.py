import itertools

import numpy as np
import pytest

from osnet_tf.metrics import rank, rank_single_shot
from tests.metrics import oracles


def random_case(seed, num_query=6, num_gallery=20, people=4):
    rng = np.random.default_rng(seed)
    sizes = (people, num_query), (people, num_gallery), (2, num_query), (2, num_gallery)
    return (
        rng.standard_normal((num_query, 5)).astype(np.float32),
        rng.standard_normal((num_gallery, 5)).astype(np.float32),
        *(rng.integers(0, n, size) for n, size in sizes),
    )


def test_equals_a_loop_over_the_same_draws():
    query, gallery, q_pids, g_pids, q_camids, g_camids = case = random_case(0)
    chance = np.random.default_rng(11).random((30, len(set(g_pids))))
    expected = np.zeros((6, 30), int)
    for i, repeat in itertools.product(range(6), range(30)):
        rows = []
        for column, pid in enumerate(sorted(set(g_pids))):
            images = [j for j, p in enumerate(g_pids) if p == pid]
            if pid == q_pids[i]:
                images = [j for j in images if g_camids[j] != q_camids[i]]
            if images:
                j = images[int(chance[repeat, column] * len(images))]
                rows.append((oracles.distance(query[i], gallery[j]), j))
        hits = [k for k, (_, j) in enumerate(sorted(rows), 1) if g_pids[j] == q_pids[i]]
        expected[i, repeat] = hits[0] if hits else 0
    result = rank_single_shot(*case, repeats=30, seed=11, max_rank=6)
    np.testing.assert_array_equal(result.first_match, expected)
    valid = expected[expected[:, 0] > 0]
    curves = np.array([[(run <= k).mean() for k in range(1, 7)] for run in valid.T])
    np.testing.assert_allclose(result.cmc, curves.mean(axis=0))
    np.testing.assert_allclose(result.cmc_std, curves.std(axis=0, ddof=1))
    assert result.num_valid_queries + result.num_unmatched_queries == 6


def test_approaches_the_mean_over_all_galleries():
    query, gallery = np.zeros((1, 1)), np.array([[1.0], [4], [2], [5], [3], [6]])
    g_pids = [0, 0, 1, 1, 2, 2]
    ranks = []
    for a, b, c in itertools.product((1, 4), (2, 5), (3, 6)):
        ranks.append(1 + (b < a) + (c < a))
    expected = [np.mean(np.array(ranks) <= k) for k in (1, 2, 3)]
    case = query, gallery, [0], g_pids, [0], [1] * 6
    result = rank_single_shot(*case, repeats=20000, max_rank=3)
    np.testing.assert_allclose(result.cmc, expected, atol=0.02)


def test_one_image_a_person_is_the_plain_ranking():
    query, gallery, *_ = random_case(3, num_gallery=12)
    labels = np.arange(6), np.arange(12), np.zeros(6, int), np.ones(12, int)
    result = rank_single_shot(query, gallery, *labels, max_rank=12)
    np.testing.assert_allclose(result.cmc, rank(query, gallery, *labels, max_rank=12).cmc)
    np.testing.assert_allclose(result.cmc_std, 0, atol=1e-12)


def test_the_seed_decides():
    case = random_case(5)
    first, again = (rank_single_shot(*case, seed=1).first_match for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != rank_single_shot(*case, seed=2).first_match).any()


def test_invalid_arguments():
    with pytest.raises(
        ValueError, match=r"`repeats` must be an integer >= 1\. Received: repeats=0"
    ):
        rank_single_shot(*random_case(0), repeats=0)
    assert np.isnan(rank_single_shot(*random_case(0), repeats=1).cmc_std).all()
