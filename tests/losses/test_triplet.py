import json
import math

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies

from osnet_tf.losses import BatchHardTripletLoss, SemiHardTripletLoss
from osnet_tf.losses.distances import pairwise_distances
from tests.layer_test_kit import array, value_and_gradient
from tests.losses.batches import BATCHES, EMBEDDINGS, PIDS

TINY = 1e-6  # distances are cut off here


def distance(p, q, kind="euclidean"):
    """Of two vectors, term by term."""
    squared = sum((a - b) ** 2 for a, b in zip(p, q, strict=True))
    if kind != "cosine":
        return squared if kind == "sqeuclidean" else math.sqrt(squared)
    lengths = math.hypot(*p) * math.hypot(*q)
    return 1.0 - (sum(a * b for a, b in zip(p, q, strict=True)) / lengths if lengths else 0.0)


def brute_force(pids, embeddings, margin=0.3, soft_margin=False, distance_kind="euclidean"):
    """For each anchor, over every pair of the batch."""
    losses = []
    rows = np.asarray(embeddings, "float64")
    for a, anchor in enumerate(rows):
        positives, negatives = [0.0], []
        for b, other in enumerate(rows):
            if pids[a] != pids[b]:
                negatives.append(distance(anchor, other, distance_kind))
            elif a != b:
                positives.append(distance(anchor, other, distance_kind))
        if not negatives:
            losses.append(0.0)
            continue
        difference = max(positives) - min(negatives)
        if soft_margin:
            losses.append(float(np.logaddexp(0.0, difference)))
        else:
            losses.append(max(difference + margin, 0.0))
    return losses


def brute_force_semi_hard(pids, embeddings, margin=0.3, distance_kind="euclidean"):
    """For each anchor, over every listed (anchor, positive) pair; then the loss over all pairs."""
    rows = np.asarray(embeddings, "float64")
    everyone = range(len(rows))
    d = [[distance(p, q, distance_kind) for q in rows] for p in rows]
    pairs = [(a, p) for a in everyone for p in everyone if a != p and pids[a] == pids[p]]
    of_anchor = [0.0 for _ in everyone]
    for a, p in pairs:
        negatives = [d[a][n] for n in everyone if pids[n] != pids[a]]
        farther = [value for value in negatives if value > d[a][p]]
        if negatives:
            chosen = min(farther) if farther else max(negatives)
            of_anchor[a] += max(d[a][p] - chosen + margin, 0.0)
    return of_anchor, sum(of_anchor) / max(len(pairs), 1)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(
    "arguments",
    [{}, {"margin": 0.0}, {"margin": 5.0}, {"soft_margin": True}],
    ids=lambda a: str(a) or "default",
)
def test_against_brute_force(batch, arguments):
    pids, embeddings = BATCHES[batch]
    expected = brute_force(pids, embeddings, **arguments)
    each = BatchHardTripletLoss(**arguments, reduction="none")(pids, embeddings)
    np.testing.assert_allclose(array(each), expected, rtol=1e-3, atol=1e-3)
    value, gradient = value_and_gradient(
        lambda x: BatchHardTripletLoss(**arguments)(pids, x), embeddings
    )
    assert value == pytest.approx(np.mean(expected), rel=1e-3, abs=1e-3)
    assert gradient.shape == embeddings.shape
    assert np.all(np.isfinite(gradient))
    assert np.abs(gradient).max() < 10.0


@pytest.mark.parametrize("arguments", [{"margin": 5.0}, {"soft_margin": True}])
def test_gradient_by_finite_differences(arguments):
    _, gradient = value_and_gradient(
        lambda x: BatchHardTripletLoss(**arguments)(PIDS, x), EMBEDDINGS
    )
    for index in np.ndindex(EMBEDDINGS.shape):
        step = np.zeros(EMBEDDINGS.shape)
        step[index] = 1e-6
        ends = [np.mean(brute_force(PIDS, EMBEDDINGS + s * step, **arguments)) for s in (1, -1)]
        assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-4)


def test_the_documented_degenerate_values():
    """All of one identity: no triplet, 0. All at one point: the margin, or log 2."""
    pids, embeddings = BATCHES["all one identity"]
    assert float(BatchHardTripletLoss(margin=5.0)(pids, embeddings)) == 0.0
    assert float(BatchHardTripletLoss(soft_margin=True)(pids, embeddings)) == 0.0
    pids, embeddings = BATCHES["all equal embeddings"]
    assert float(BatchHardTripletLoss(margin=0.3)(pids, embeddings)) == pytest.approx(0.3, abs=2e-6)
    soft = BatchHardTripletLoss(soft_margin=True)(pids, embeddings)
    assert float(soft) == pytest.approx(math.log(2), abs=2e-6)


def test_shapes_of_labels():
    expected = float(BatchHardTripletLoss()(PIDS, EMBEDDINGS))
    for pids in (PIDS[:, None], PIDS.astype("float32"), PIDS.astype("int32")):
        assert float(BatchHardTripletLoss()(pids, EMBEDDINGS)) == expected


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    """1500 and 1501 are one number in bfloat16: two people must not become one."""
    pids = np.array([1500, 1501, 1500, 1501])
    embeddings = np.array([[0.0], [2.0], [0.0], [2.0]], "float32")
    for loss in (BatchHardTripletLoss, SemiHardTripletLoss):
        keras.config.set_floatx(dtype)
        try:
            value = loss(margin=3.0)(pids, keras.ops.convert_to_tensor(embeddings, dtype=dtype))
        finally:
            keras.config.set_floatx("float32")
        assert keras.backend.standardize_dtype(value.dtype) == "float32"
        assert float(value) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("kind", ["sqeuclidean", "cosine"])
def test_other_distances(kind):
    expected = brute_force(PIDS, EMBEDDINGS, margin=0.5, distance_kind=kind)
    each = BatchHardTripletLoss(margin=0.5, distance=kind, reduction="none")(PIDS, EMBEDDINGS)
    np.testing.assert_allclose(array(each), expected, rtol=1e-5, atol=1e-5)
    _, expected = brute_force_semi_hard(PIDS, EMBEDDINGS, margin=0.5, distance_kind=kind)
    found = float(SemiHardTripletLoss(margin=0.5, distance=kind)(PIDS, EMBEDDINGS))
    assert found == pytest.approx(expected, rel=1e-5)
    for loss in (BatchHardTripletLoss(distance=kind), SemiHardTripletLoss(distance=kind)):
        for pids, embeddings in (BATCHES["all zero embeddings"], BATCHES["all equal embeddings"]):
            _, gradient = value_and_gradient(lambda x, p=pids, f=loss: f(p, x), embeddings)
            np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("margin", [0.0, 0.3, 5.0])
def test_semi_hard_against_brute_force(batch, margin):
    pids, embeddings = BATCHES[batch]
    of_anchor, expected = brute_force_semi_hard(pids, embeddings, margin)
    value, gradient = value_and_gradient(lambda x: SemiHardTripletLoss(margin)(pids, x), embeddings)
    assert value == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert np.all(np.isfinite(gradient))
    assert np.abs(gradient).max() < 10.0
    each = array(SemiHardTripletLoss(margin, reduction="none")(pids, embeddings))
    assert each.mean() == pytest.approx(value, rel=1e-5, abs=1e-7)
    if sum(of_anchor):
        np.testing.assert_allclose(
            each / each.sum(), np.divide(of_anchor, sum(of_anchor)), atol=1e-3
        )


def test_semi_hard_gradient_by_finite_differences():
    _, gradient = value_and_gradient(lambda x: SemiHardTripletLoss(1.0)(PIDS, x), EMBEDDINGS)
    assert np.abs(gradient).max() > 0.01
    for index in np.ndindex(EMBEDDINGS.shape):
        step = np.zeros(EMBEDDINGS.shape)
        step[index] = 1e-6
        ends = [brute_force_semi_hard(PIDS, EMBEDDINGS + s * step, 1.0)[1] for s in (1, -1)]
        assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-4)


def test_semi_hard_degenerate_values():
    """No pair of one identity, or no second identity: 0. All at one point: the margin."""
    for batch in ("all distinct", "all one identity", "batch of one"):
        value, gradient = value_and_gradient(
            lambda x, pids=BATCHES[batch][0]: SemiHardTripletLoss(5.0)(pids, x), BATCHES[batch][1]
        )
        assert value == 0.0
        assert not gradient.any()
    value, gradient = value_and_gradient(
        lambda x: SemiHardTripletLoss(0.3)(PIDS, x), BATCHES["all equal embeddings"][1]
    )
    assert value == pytest.approx(0.3, abs=2e-6)
    assert not gradient.any()


@pytest.mark.one_backend
@hypothesis.settings(max_examples=8, deadline=None, database=None)
@hypothesis.given(
    pids=strategies.lists(strategies.integers(0, 3), min_size=8, max_size=8),
    seed=strategies.integers(0, 1000),
)
def test_properties(pids, seed):
    """Moving, turning and reordering everything changes nothing; renaming identities neither."""
    rng = np.random.default_rng(seed)
    pids, x = np.array(pids), rng.standard_normal((8, 5)).astype("float32")
    turn, _ = np.linalg.qr(rng.standard_normal((5, 5)))
    order = rng.permutation(8)
    for loss in (BatchHardTripletLoss(1.0), SemiHardTripletLoss(1.0)):
        value = float(loss(pids, x))
        assert value >= 0.0
        for other_pids, other_x in (
            (pids, x + 1.0),
            (pids, x @ turn.astype("float32")),
            (pids[order], x[order]),
            (700 - pids, x),
        ):
            assert float(loss(other_pids, other_x)) == pytest.approx(value, rel=1e-4, abs=1e-4)


def test_pairwise_distances():
    expected = [[math.dist(p, q) for q in EMBEDDINGS] for p in EMBEDDINGS]
    found = array(pairwise_distances(EMBEDDINGS))
    np.testing.assert_allclose(found, expected, atol=2e-3)
    off_diagonal = ~np.eye(8, dtype=bool)
    np.testing.assert_allclose(found[off_diagonal], np.array(expected)[off_diagonal], rtol=1e-5)
    assert found.min() >= 0.99 * TINY


def test_serialisation():
    loss = BatchHardTripletLoss(margin=0.5, soft_margin=True, name="mine", reduction="sum")
    assert json.loads(json.dumps(loss.get_config())) == {
        "margin": 0.5,
        "soft_margin": True,
        "distance": "euclidean",
        "mining": "replica",
        "name": "mine",
        "reduction": "sum",
    }
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(restored) is BatchHardTripletLoss
    assert restored.get_config() == loss.get_config()
    assert float(restored(PIDS, EMBEDDINGS)) == float(loss(PIDS, EMBEDDINGS))


def test_semi_hard_serialisation():
    loss = SemiHardTripletLoss(0.5, "cosine", "global", name="mine", reduction="sum")
    assert json.loads(json.dumps(loss.get_config())) == {
        "margin": 0.5,
        "distance": "cosine",
        "mining": "global",
        "name": "mine",
        "reduction": "sum",
    }
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(restored) is SemiHardTripletLoss
    assert restored.get_config() == loss.get_config()
    assert float(restored(PIDS, EMBEDDINGS)) == float(loss(PIDS, EMBEDDINGS))


@pytest.mark.parametrize("loss", [BatchHardTripletLoss, SemiHardTripletLoss])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"margin": -1}, r"`margin` must be >= 0. Received: margin=-1"),
        ({"margin": -0.1}, r"`margin` must be >= 0. Received: margin=-0.1"),
        ({"margin": float("nan")}, r"`margin` must be a finite number. Received: margin=nan"),
        ({"distance": "l1"}, r"`distance` must be one of 'euclidean', .*distance='l1'"),
        ({"mining": "all"}, r"`mining` must be one of 'replica', 'global'. .*mining='all'"),
    ],
)
def test_invalid_arguments(loss, arguments, message):
    with pytest.raises(ValueError, match=message):
        loss(**arguments)
