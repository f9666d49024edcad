import json
import math

import keras
import numpy as np
import pytest

from osnet_tf.losses import BatchHardTripletLoss
from osnet_tf.losses.triplet import pairwise_distances
from tests.layer_test_kit import array, random_input, value_and_gradient

PIDS = np.array([4, 4, 7, 7, 7, 9, 4, 9])
EMBEDDINGS = random_input((8, 5))
TINY = 1e-6  # distances are cut off here


def brute_force(pids, embeddings, margin=0.3, soft_margin=False):
    """For each anchor, over every pair of the batch."""
    losses = []
    for a, anchor in enumerate(np.asarray(embeddings, "float64")):
        positives, negatives = [0.0], []
        for b, other in enumerate(np.asarray(embeddings, "float64")):
            distance = math.sqrt(sum((p - q) ** 2 for p, q in zip(anchor, other, strict=True)))
            if pids[a] != pids[b]:
                negatives.append(distance)
            elif a != b:
                positives.append(distance)
        if not negatives:
            losses.append(0.0)
            continue
        difference = max(positives) - min(negatives)
        if soft_margin:
            losses.append(float(np.logaddexp(0.0, difference)))
        else:
            losses.append(max(difference + margin, 0.0))
    return losses


BATCHES = {
    "usual": (PIDS, EMBEDDINGS),
    "one positive each": (np.repeat(np.arange(4), 2), EMBEDDINGS),
    "some without positive": (np.array([1, 1, 2, 3, 4, 4, 4, 5]), EMBEDDINGS),
    "all one identity": (np.full(8, 3), EMBEDDINGS),
    "all distinct": (np.arange(8), EMBEDDINGS),
    "all equal embeddings": (PIDS, np.ones((8, 5), "float32")),
    "all zero embeddings": (PIDS, np.zeros((8, 5), "float32")),
    "duplicated images": (np.tile(PIDS[:4], 2), np.tile(EMBEDDINGS[:4], (2, 1))),
    "negatives on top": (np.arange(8) % 2, EMBEDDINGS[:4].repeat(2, 0)),
    "batch of one": (np.array([5]), EMBEDDINGS[:1]),
    "far apart": (PIDS, 1e3 * EMBEDDINGS),
    "one dimension": (PIDS, EMBEDDINGS[:, :1]),
}


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
    pids = np.array([1500, 1501])
    embeddings = np.array([[0.0], [2.0]], "float32")
    keras.config.set_floatx(dtype)
    try:
        loss = BatchHardTripletLoss(margin=3.0)(
            pids, keras.ops.convert_to_tensor(embeddings, dtype=dtype)
        )
    finally:
        keras.config.set_floatx("float32")
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(1.0)


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
        "name": "mine",
        "reduction": "sum",
    }
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(restored) is BatchHardTripletLoss
    assert restored.get_config() == loss.get_config()
    assert float(restored(PIDS, EMBEDDINGS)) == float(loss(PIDS, EMBEDDINGS))


@pytest.mark.parametrize("margin", [-1, -0.1, float("nan")])
def test_invalid_margin(margin):
    with pytest.raises(ValueError, match=rf"`margin` must be >= 0. Received: margin={margin}"):
        BatchHardTripletLoss(margin)
