import json
import math

import keras
import numpy as np
import pytest

from osnet_tf.losses import LabelSmoothedCrossEntropy, MarginSoftmaxLoss
from tests.layer_test_kit import array, value_and_gradient

LABELS = np.array([0, 3, 3, 1, 2, 0])
COSINES = np.random.default_rng(0).uniform(-0.99, 0.99, (6, 4)).astype("float32")
KINDS = [("arcface", 0.5), ("arcface", 0.0), ("arcface", 1.4), ("cosface", 0.35), ("cosface", 0.0)]


def lowered(cosine, kind, margin):
    """The right class's cosine, by its angle."""
    if kind == "cosface":
        return cosine - margin
    angle = math.acos(cosine)
    if angle < math.pi - margin:
        return math.cos(angle + margin)
    return cosine - margin * math.sin(margin)


def brute_force(labels, cosines, kind, margin, scale, smoothing):
    losses = []
    for label, row in zip(labels, np.asarray(cosines, "float64"), strict=True):
        logits = [
            scale * (lowered(c, kind, margin) if k == label else c) for k, c in enumerate(row)
        ]
        log_total = np.logaddexp.reduce(logits)
        targets = [smoothing / len(row) + (k == label) * (1 - smoothing) for k in range(len(row))]
        losses.append(-sum(t * (v - log_total) for t, v in zip(targets, logits, strict=True)))
    return losses


@pytest.mark.parametrize(("kind", "margin"), KINDS)
@pytest.mark.parametrize(("scale", "smoothing"), [(64.0, 0.0), (10.0, 0.1)])
def test_against_brute_force(kind, margin, scale, smoothing):
    arguments = {"kind": kind, "margin": margin, "scale": scale, "smoothing": smoothing}
    expected = brute_force(LABELS, COSINES, **arguments)
    each = MarginSoftmaxLoss(**arguments, reduction="none")(LABELS[:, None], COSINES)
    np.testing.assert_allclose(array(each), expected, rtol=1e-4, atol=1e-4)
    value, gradient = value_and_gradient(
        lambda x: MarginSoftmaxLoss(**arguments)(LABELS, x), COSINES
    )
    assert value == pytest.approx(np.mean(expected), rel=1e-4)
    for index in np.ndindex(COSINES.shape):
        step = np.zeros(COSINES.shape)
        step[index] = 1e-6
        ends = [np.mean(brute_force(LABELS, COSINES + s * step, **arguments)) for s in (1, -1)]
        slope = (ends[0] - ends[1]) / 2e-6
        assert gradient[index] == pytest.approx(slope, rel=2e-3, abs=2e-3)


def test_both_branches_of_arcface_are_tested():
    right = COSINES[np.arange(6), LABELS]
    assert (right > -math.cos(1.4)).any()
    assert (right < -math.cos(1.4)).any()


@pytest.mark.parametrize("kind", ["arcface", "cosface"])
def test_the_right_class_pays_and_more_for_a_larger_angle(kind):
    """What is asked of the right class is less than its cosine and falls with the angle."""
    # 1e-3 apart, down to the ends, where the sine has no finite slope
    cosines = np.cos(np.linspace(0.0, math.pi, 3000)).astype("float32")[:, None]
    both = np.concatenate([cosines, np.zeros_like(cosines)], 1)
    labels = np.zeros(3000, "int32")
    loss = MarginSoftmaxLoss(kind, scale=4.0, reduction="none")
    values, plain = array(loss(labels, both)), np.log1p(np.exp(-4.0 * cosines[:, 0]))
    assert np.all(np.diff(values) > -1e-6)
    assert np.all(values > plain)
    _, gradient = value_and_gradient(lambda x: keras.ops.sum(loss(labels, x)), both)
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient[:, 0] <= 0.0)


@pytest.mark.parametrize("kind", ["arcface", "cosface"])
def test_without_margin_it_is_the_scaled_cross_entropy(kind):
    value = float(MarginSoftmaxLoss(kind, margin=0.0, scale=7.0, smoothing=0.2)(LABELS, COSINES))
    expected = float(LabelSmoothedCrossEntropy(0.2)(LABELS, 7.0 * COSINES))
    assert value == pytest.approx(expected, rel=1e-6)


def test_one_class_and_a_batch_of_one():
    value, gradient = value_and_gradient(
        lambda x: MarginSoftmaxLoss()(np.array([0]), x), np.array([[1.0]], "float32")
    )
    assert value == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(gradient, [[0.0]], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    """750 and 751 are one number in bfloat16: labels must not pass through it either."""
    cosines = np.full((1, 752), -1.0, "float32")
    cosines[0, 751] = 1.0
    keras.config.set_floatx(dtype)
    try:
        value = MarginSoftmaxLoss()(
            np.array([751]), keras.ops.convert_to_tensor(cosines, dtype=dtype)
        )
    finally:
        keras.config.set_floatx("float32")
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert float(value) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("kind", ["arcface", "cosface"])
def test_serialisation(kind):
    loss = MarginSoftmaxLoss(kind, scale=30, smoothing=0.1, name="mine", reduction="sum")
    assert json.loads(json.dumps(loss.get_config())) == {
        "kind": kind,
        "margin": {"arcface": 0.5, "cosface": 0.35}[kind],
        "scale": 30.0,
        "smoothing": 0.1,
        "name": "mine",
        "reduction": "sum",
    }
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(restored) is MarginSoftmaxLoss
    assert restored.get_config() == loss.get_config()
    assert float(restored(LABELS, COSINES)) == float(loss(LABELS, COSINES))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "sphere"}, r"`kind` must be one of 'arcface', 'cosface'. .*kind='sphere'"),
        ({"margin": -0.1}, r"`margin` must be >= 0 and < 1.57079.*margin=-0.1"),
        ({"margin": 1.6}, r"`margin` must be >= 0 and < 1.57079.*margin=1.6"),
        ({"kind": "cosface", "margin": 1}, r">= 0 and < 1. Received: margin=1"),
        ({"scale": -1}, r"`scale` must be > 0. Received: scale=-1"),
        ({"smoothing": 1}, r"`smoothing` must be >= 0 and < 1. Received: smoothing=1"),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MarginSoftmaxLoss(**arguments)
