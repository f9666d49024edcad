from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osnet_tf.metrics import rank
from tests.metrics import oracles

REFERENCE = Path(__file__).parents[2].parent / "shared" / "reference"
MEASURES = ("mAP", "mAP_trapezoid", "mINP", "num_valid_queries", "num_unmatched_queries")
FEW = settings(max_examples=40, deadline=None, derandomize=True)


def random_case(seed, num_query=9, num_gallery=40, width=8, num_pids=5, num_cams=3):
    rng = np.random.default_rng(seed)
    return (
        rng.standard_normal((num_query, width)).astype(np.float32),
        rng.standard_normal((num_gallery, width)).astype(np.float32),
        rng.integers(0, num_pids, num_query),
        rng.integers(0, num_pids, num_gallery),
        rng.integers(0, num_cams, num_query),
        rng.integers(0, num_cams, num_gallery),
    )


def assert_equals_oracle(case, *, metric="euclidean", max_rank=20, aware=True, **options):
    expected = oracles.evaluate(*case, metric=metric, max_rank=max_rank, aware=aware)
    if expected is None:
        with pytest.raises(ValueError, match="No query has a match"):
            rank(*case, metric=metric, max_rank=max_rank, camera_aware=aware, **options)
        return None
    actual = rank(*case, metric=metric, max_rank=max_rank, camera_aware=aware, **options)
    np.testing.assert_allclose(actual.cmc, expected["cmc"], rtol=1e-12)
    np.testing.assert_array_equal(actual.first_match, expected["first_match"])
    for name in MEASURES:
        assert getattr(actual, name) == pytest.approx(expected[name], rel=1e-12), name
    return actual


def assert_same(one, other):
    for name in ("cmc", "first_match", "average_precision", "num_matches"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)


def test_hits_at_ranks_one_and_three():
    gallery = [[1.0], [2.0], [3.0]]
    result = rank([[0.0]], gallery, [7], [7, 4, 7], [0], [1, 1, 2])
    assert result.mAP == pytest.approx((1 + 2 / 3) / 2)  # 0.8333, not interpolated
    assert result.mAP_trapezoid == pytest.approx((1 + (1 / 2 + 2 / 3) / 2) / 2)  # 0.7917
    assert result.mINP == pytest.approx(2 / 3)
    np.testing.assert_array_equal(result.cmc, np.ones(50))
    np.testing.assert_array_equal(result.num_matches, [2])


def test_same_camera_matches_are_taken_out_and_others_stay():
    # The nearest is of the query's camera: the same person's goes, another person's stays.
    gallery = [[0.1], [0.2], [0.3]]
    result = rank([[0.0]], gallery, [7], [7, 4, 7], [5], [5, 5, 6], max_rank=2)
    np.testing.assert_array_equal(result.cmc, [0, 1])
    assert result.mAP == 0.5
    unaware = rank([[0.0]], gallery, [7], [7, 4, 7], None, None, max_rank=2, camera_aware=False)
    np.testing.assert_array_equal(unaware.cmc, [1, 1])
    assert unaware.mAP == pytest.approx((1 + 2 / 3) / 2)


def test_a_query_without_a_match_is_reported_and_not_averaged():
    query = [[0.0], [0.0], [0.0]]
    result = rank(query, [[1.0], [2.0]], [1, 2, 3], [1, 2], [0, 0, 0], [1, 0], max_rank=2)
    assert (result.num_valid_queries, result.num_unmatched_queries) == (1, 2)
    np.testing.assert_array_equal(result.first_match, [1, np.nan, np.nan])
    np.testing.assert_array_equal(result.average_precision, [1, np.nan, np.nan])
    np.testing.assert_array_equal(result.num_matches, [1, 0, 0])
    assert result.mAP == 1
    np.testing.assert_array_equal(result.cmc, [1, 1])


def test_gallery_smaller_than_max_rank_keeps_the_last_value():
    result = rank([[0.0]], [[1.0], [2.0]], [1], [0, 1], [0], [1, 1], max_rank=5)
    np.testing.assert_array_equal(result.cmc, [0, 1, 1, 1, 1])
    assert result.rank_k(5) == 1
    assert result.summary(ranks=(1, 2)) == {"Rank-1": 0, "Rank-2": 1, "mAP": 0.5, "mINP": 0.5}
    with pytest.raises(ValueError, match=r"k must be <= max_rank=5\. Received: k=6"):
        result.rank_k(6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("aware", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_equals_the_oracle_on_random_features(metric, aware, seed):
    assert_equals_oracle(random_case(seed), metric=metric, aware=aware)


@FEW
@given(st.data())
def test_equals_the_oracle_with_ties(data):
    """Small integers: many equal distances, all exact in float64."""
    num_query, num_gallery = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 12))
    width, seed = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 10**6))
    rng = np.random.default_rng(seed)
    case = (
        rng.integers(-1, 2, (num_query, width)),
        rng.integers(-1, 2, (num_gallery, width)),
        rng.integers(0, 3, num_query),
        rng.integers(0, 3, num_gallery),
        rng.integers(0, 2, num_query),
        rng.integers(0, 2, num_gallery),
    )
    block = data.draw(st.integers(1, 6))
    assert_equals_oracle(case, block=block, max_rank=data.draw(st.integers(1, 15)))


@FEW
@given(seed=st.integers(0, 10**6), metric=st.sampled_from(["euclidean", "cosine"]))
def test_duplicated_features_are_ordered_by_index(seed, metric):
    query, gallery, *labels = random_case(seed, num_gallery=30)
    chosen = np.random.default_rng(seed).integers(0, 4, 30)
    assert_equals_oracle((query, gallery[chosen], *labels), metric=metric)


@FEW
@given(seed=st.integers(0, 10**6), block=st.integers(1, 12))
def test_block_and_gallery_order_do_not_matter_without_ties(seed, block):
    query, gallery, q_pids, g_pids, q_camids, g_camids = case = random_case(seed)
    order = np.random.default_rng(seed).permutation(len(gallery))
    moved = (query, gallery[order], q_pids, g_pids[order], q_camids, g_camids[order])
    expected = rank(*case)
    assert_same(rank(*case, block=block), expected)
    assert_same(rank(*moved, block=block), expected)


@pytest.mark.parametrize("kind", ["collapsed", "close", "far", "tiny", "huge", "outlier", "binary"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_difficult_features_rank_as_in_float64(kind, metric):
    """Where a plain expansion in float32 loses the order."""
    query, gallery, *labels = random_case(5, 12, 3000, 64, num_pids=20)
    if kind == "collapsed":
        query[:], gallery[:] = 1.5, 1.5
    elif kind == "close":
        query, gallery = 1 + 1e-5 * query, 1 + 1e-5 * gallery
    elif kind == "far":
        query, gallery = 5000 + query, 5000 + gallery
    elif kind in ("tiny", "huge"):
        scale = {"tiny": 1e-30, "huge": 1e30}[kind]
        query, gallery = scale * query, scale * gallery
    elif kind == "outlier":
        gallery[7] *= 1e6
    else:
        query, gallery = np.sign(query), np.sign(gallery)
    query, gallery = query.astype(np.float32), gallery.astype(np.float32)
    result = rank(query, gallery, *labels, metric=metric, max_rank=100)
    q_pids, g_pids, q_camids, g_camids = labels
    wide_query, wide_gallery = query.astype(np.longdouble), gallery.astype(np.longdouble)
    if metric == "cosine":
        wide_query /= np.sqrt((wide_query**2).sum(axis=1, keepdims=True))
        wide_gallery /= np.sqrt((wide_gallery**2).sum(axis=1, keepdims=True))
    for i, row in enumerate(wide_query):
        distances = ((wide_gallery - row) ** 2).sum(axis=1)
        distances = distances / 2 if metric == "cosine" else np.sqrt(distances)
        distances = distances.astype(np.float32)  # the order is that of what is given out
        order = np.argsort(distances, kind="stable")
        order = order[~((g_pids[order] == q_pids[i]) & (g_camids[order] == q_camids[i]))]
        hits = np.flatnonzero(g_pids[order] == q_pids[i]) + 1
        assert result.first_match[i] == hits[0]
        assert result.average_precision[i] == pytest.approx(
            (np.arange(1, len(hits) + 1) / hits).mean(), rel=1e-12
        )


def test_block_does_not_matter_where_rounding_would_show():
    """Duplicates across BLAS tile edges, block sizes that change the kernel."""
    rng = np.random.default_rng(8)
    gallery = np.repeat(rng.standard_normal((40, 512)).astype(np.float32), 5, axis=0)
    query = gallery[::7] + np.float32(0.1)
    q_pids, g_pids = rng.integers(0, 4, len(query)), rng.integers(0, 4, len(gallery))
    cams = np.zeros(len(query), int), np.ones(len(gallery), int)
    results = [rank(query, gallery, q_pids, g_pids, *cams, block=b) for b in (1, 2, 5, None)]
    for other in results[1:]:
        assert_same(results[0], other)
    for metric in ("euclidean", "cosine"):
        assert_equals_oracle(
            (query[:3], gallery, q_pids[:3], g_pids, cams[0][:3], cams[1]), metric=metric
        )


def test_integers_beyond_the_floats_stay_apart():
    """2^53 and 2^53 + 1 are one float; NumPy joins int64 and uint64 as floats."""
    big = 2**53
    found = rank(
        [[0.0]],
        [[1.0], [2.0]],
        np.array([big], np.int64),
        np.array([big + 1, big], np.uint64),
        [0],
        [1, 1],
    )
    assert found.mAP == 0.5
    largest = np.array([2**64 - 1, 2**64 - 2], np.uint64)
    query = np.array([[0.0], [0.0]])
    found = rank(
        query, [[1.0], [2.0]], np.array([-1, 5]), np.append(largest[:1], np.uint64(5)), *CAMERAS
    )
    assert found.num_unmatched_queries == 1
    assert found.mAP == 0.5
    found = rank(query, [[1.0], [2.0]], largest, largest[::-1], *CAMERAS)
    assert found.mAP == 3 / 4


CAMERAS = np.array([0, 0], np.uint8), np.array([1, 1], np.uint64)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_exactly_equal_images_follow_the_gallerys_order(metric):
    """Opposite the query, and so many that a product may treat them differently."""
    rng = np.random.default_rng(4)
    row = rng.standard_normal(512).astype(np.float32)
    for count in (2, 67, 1003):
        gallery = np.repeat(row[None], count, axis=0)
        gallery = np.concatenate([gallery, rng.standard_normal((40, 512), np.float32)])
        for match in (0, count // 2, count - 1):
            g_pids = np.zeros(len(gallery), int)
            g_pids[match] = 1
            query = -row[None] + rng.standard_normal((1, 512), np.float32) / 9
            found = rank(query, gallery, [1], g_pids, [0], g_pids, metric=metric, max_rank=1)
            assert found.first_match[0] == 40 + 1 + match  # the 40 others are nearer


def test_labels_may_be_strings():
    query, gallery, *labels = random_case(0)
    names = [[f"x{v}" for v in part] for part in labels]
    assert_same(rank(query, gallery, *names), rank(query, gallery, *labels))


def test_real_features_against_the_oracle():
    path = REFERENCE / "query500_osnet_x0_25_market1501.npz"
    if not path.exists():
        pytest.skip(f"reference features are not there: {path}")
    with np.load(path) as data:
        features, files = data["embeddings"], data["files"]
    pids = np.array([int(name[:4]) for name in files])
    camids = np.array([int(name[6]) for name in files])
    case = (features[::100], features, pids[::100], pids, camids[::100], camids)
    for metric in ("euclidean", "cosine"):
        result = assert_equals_oracle(case, metric=metric)
        assert result.mAP > 0.3


GOOD = {
    "query": np.zeros((2, 3)),
    "gallery": np.ones((3, 3)),
    "q_pids": [1, 2],
    "g_pids": [1, 2, 3],
    "q_camids": [0, 0],
    "g_camids": [1, 1, 1],
}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"max_rank": 0}, ValueError, r"`max_rank` must be an integer >= 1\. Received: max_rank=0"),
        ({"max_rank": 2.5}, ValueError, r"`max_rank` must be an integer .* Received: max_rank=2.5"),
        ({"block": -1}, ValueError, r"`block` must be an integer >= 1\. Received: block=-1"),
        ({"metric": "cosin"}, ValueError, r"Did you mean 'cosine'\? Received: metric='cosin'"),
        ({"metric": None}, ValueError, r"`metric` must be one of .* Received: metric=None"),
        ({"q_pids": [1]}, ValueError, r"q_pids must have shape \(2,\).*shape=\(1,\)"),
        ({"g_camids": [[1], [1], [1]]}, ValueError, r"g_camids must have shape \(3,\)"),
        ({"g_pids": [1.0, 2, 3]}, TypeError, r"g_pids must hold integers or strings.*float64"),
        ({"q_pids": ["1", "2"]}, TypeError, r"q_pids and g_pids must be of one kind"),
        ({"q_camids": None}, ValueError, r"q_camids and g_camids must both be given"),
        ({"q_camids": None, "g_camids": None}, ValueError, r"or camera_aware must be False"),
        ({"query": np.zeros((2, 4))}, ValueError, r"same number of columns"),
        ({"query": [[0, 0, 0], [0, np.nan, 0]], "query_paths": ["a.jpg", "b.jpg"]}, ValueError,
         r"query must be finite: row 1 \(b\.jpg\) holds NaN"),
        ({"gallery_paths": ["a.jpg"]}, ValueError, r"gallery needs one path for each of its 3"),
        ({"g_pids": [7, 8, 9]}, ValueError, r"0 of the 2 query pids are shared with the gallery"),
        ({"g_camids": [0, 0, 0]}, ValueError,
         r"2 of the 2 query pids are shared .* all camera ids are equal.*camera_aware=False"),
        ({"g_camids": [0, 0, 1]}, ValueError, r"by the query's own camera.* other cameras into"),
    ],
)  # fmt: skip
def test_invalid_arguments(change, error, message):
    arguments = {**GOOD, **change}
    positional = [arguments.pop(name) for name in GOOD]
    with pytest.raises(error, match=message):
        rank(*positional, **arguments)
