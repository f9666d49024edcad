import json
import math

import keras
import numpy as np
import pytest

from osnet_tf.losses import LabelSmoothedCrossEntropy
from tests.layer_test_kit import array, random_input, value_and_gradient


def brute_force(labels, logits, smoothing):
    """For each image, by loops: -sum over classes of target x log(softmax)."""
    losses = []
    for label, row in zip(labels, np.asarray(logits, "float64"), strict=True):
        log_total = row.max() + math.log(sum(math.exp(v - row.max()) for v in row))
        loss = 0.0
        for index, value in enumerate(row):
            target = smoothing / len(row) + (1.0 - smoothing if index == label else 0.0)
            loss -= target * (value - log_total)
        losses.append(loss)
    return losses


LABELS = np.array([0, 3, 3, 1, 2, 0])
LOGITS = 3.0 * random_input((6, 4))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], LABELS.astype("float32")])
def test_against_brute_force(smoothing, labels):
    loss = LabelSmoothedCrossEntropy(smoothing)
    expected = brute_force(LABELS, LOGITS, smoothing)
    assert float(loss(labels, LOGITS)) == pytest.approx(np.mean(expected), rel=1e-5)
    each = LabelSmoothedCrossEntropy(smoothing, reduction="none")(labels, LOGITS)
    np.testing.assert_allclose(array(each), expected, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradient_is_softmax_minus_target(smoothing):
    _, gradient = value_and_gradient(
        lambda x: LabelSmoothedCrossEntropy(smoothing)(LABELS, x), LOGITS
    )
    softmax = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    target = (1 - smoothing) * np.eye(4)[LABELS] + smoothing / 4
    np.testing.assert_allclose(gradient, (softmax - target) / len(LABELS), atol=1e-6)


@pytest.mark.parametrize("size", [1e4, 1e30])
def test_huge_logits(size):
    logits = np.array([[size, -size], [-size, size]], "float32")
    value, gradient = value_and_gradient(
        lambda x: LabelSmoothedCrossEntropy(0.1)(np.array([0, 0]), x), logits
    )
    assert value == pytest.approx(size, rel=1e-4)  # (0.05 x 2 size + 0.95 x 2 size) / 2
    # (softmax - target) / 2, the softmax being 0 and 1
    np.testing.assert_allclose(gradient, [[0.025, -0.025], [-0.475, 0.475]], rtol=1e-5)


def test_one_class_and_a_batch_of_one():
    value, gradient = value_and_gradient(
        lambda x: LabelSmoothedCrossEntropy()(np.array([0]), x), np.array([[2.0]], "float32")
    )
    assert value == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(gradient, [[0.0]], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits_are_computed_in_float32(dtype):
    """750 and 751 are one number in bfloat16: labels must not pass through it either."""
    logits = np.zeros((1, 752), "float32")
    logits[0, 751] = 100.0
    keras.config.set_floatx(dtype)
    try:
        loss = LabelSmoothedCrossEntropy(0.0)(
            np.array([751]), keras.ops.convert_to_tensor(logits, dtype=dtype)
        )
    finally:
        keras.config.set_floatx("float32")
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(0.0, abs=1e-6)


def test_serialisation():
    loss = LabelSmoothedCrossEntropy(smoothing=0.2, name="mine", reduction="sum")
    assert json.loads(json.dumps(loss.get_config())) == {
        "smoothing": 0.2,
        "name": "mine",
        "reduction": "sum",
    }
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(restored) is LabelSmoothedCrossEntropy
    assert restored.get_config() == loss.get_config()
    assert float(restored(LABELS, LOGITS)) == float(loss(LABELS, LOGITS))


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 2, float("nan")])
def test_invalid_smoothing(smoothing):
    with pytest.raises(
        ValueError, match=rf"`smoothing` must be .*. Received: smoothing={smoothing}"
    ):
        LabelSmoothedCrossEntropy(smoothing)
