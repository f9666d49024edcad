import json
import math

import keras
import numpy as np
import pytest

from osnet_tf.losses import CircleLoss
from tests.layer_test_kit import array, value_and_gradient
from tests.losses.batches import BATCHES, EMBEDDINGS, PIDS


def cosine(p, q):
    lengths = math.hypot(*p) * math.hypot(*q)
    return sum(a * b for a, b in zip(p, q, strict=True)) / lengths if lengths else 0.0


def brute_force(pids, embeddings, margin=0.25, scale=128.0, weights_from=None):
    """For each anchor, over every pair of the batch; the weights from other embeddings if given,
    since no gradient flows through them."""
    rows = np.asarray(embeddings, "float64")
    fixed = rows if weights_from is None else np.asarray(weights_from, "float64")
    losses = []
    for a in range(len(rows)):
        push, pull = [], []
        for b in range(len(rows)):
            s, s_fixed = cosine(rows[a], rows[b]), cosine(fixed[a], fixed[b])
            if pids[a] != pids[b]:
                push.append(scale * max(s_fixed + margin, 0.0) * (s - margin))
            elif a != b:
                pull.append(-scale * max(1 + margin - s_fixed, 0.0) * (s - (1 - margin)))
        if push and pull:
            product = np.logaddexp.reduce(push) + np.logaddexp.reduce(pull)
            losses.append(float(np.logaddexp(0.0, product)))
        else:
            losses.append(0.0)
    return losses


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("arguments", [{}, {"margin": 0.0, "scale": 2.0}], ids=["paper", "soft"])
def test_against_brute_force(batch, arguments):
    pids, embeddings = BATCHES[batch]
    expected = brute_force(pids, embeddings, **arguments)
    each = CircleLoss(**arguments, reduction="none")(pids, embeddings)
    np.testing.assert_allclose(array(each), expected, rtol=1e-4, atol=1e-4)
    value, gradient = value_and_gradient(lambda x: CircleLoss(**arguments)(pids, x), embeddings)
    assert value == pytest.approx(np.mean(expected), rel=1e-4, abs=1e-4)
    assert gradient.shape == embeddings.shape
    assert np.all(np.isfinite(gradient))


def test_gradient_by_finite_differences():
    """With the weights held: they are detached, as the paper says."""
    arguments = {"margin": 0.25, "scale": 8.0}
    _, gradient = value_and_gradient(lambda x: CircleLoss(**arguments)(PIDS, x), EMBEDDINGS)
    for index in np.ndindex(EMBEDDINGS.shape):
        step = np.zeros(EMBEDDINGS.shape)
        step[index] = 1e-6
        ends = [
            np.mean(brute_force(PIDS, EMBEDDINGS + s * step, weights_from=EMBEDDINGS, **arguments))
            for s in (1, -1)
        ]
        assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-4)


@pytest.mark.parametrize("batch", ["all one identity", "all distinct", "batch of one"])
def test_without_pairs_it_is_zero(batch):
    pids, embeddings = BATCHES[batch]
    value, gradient = value_and_gradient(lambda x: CircleLoss()(pids, x), embeddings)
    assert value == 0.0
    assert not gradient.any()


def test_zero_embeddings_get_no_gradient():
    embeddings = EMBEDDINGS.copy()
    embeddings[2] = 0.0
    _, gradient = value_and_gradient(lambda x: CircleLoss()(PIDS, x), embeddings)
    assert not gradient[2].any()
    assert np.abs(gradient[3]).max() > 0


@pytest.mark.one_backend
def test_lengths_do_not_matter_and_order_neither():
    loss, order = CircleLoss(), np.random.default_rng(0).permutation(8)
    expected = float(loss(PIDS, EMBEDDINGS))
    lengths = np.linspace(0.1, 50, 8, dtype="float32")[:, None]
    assert float(loss(PIDS, lengths * EMBEDDINGS)) == pytest.approx(expected, rel=1e-5)
    assert float(loss(PIDS[order], EMBEDDINGS[order])) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    """1500 and 1501 are one number in bfloat16, and so is any exponent of 128."""
    pids = np.array([1500, 1501, 1500, 1501])
    embeddings = np.array([[1, 0], [0, 1], [1, 0], [1, 0]], "float32")
    expected = float(CircleLoss()(pids, embeddings))
    assert expected > 1.0
    keras.config.set_floatx(dtype)
    try:
        value = CircleLoss()(pids, keras.ops.convert_to_tensor(embeddings, dtype=dtype))
    finally:
        keras.config.set_floatx("float32")
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert float(value) == pytest.approx(expected, rel=1e-6)


def test_serialisation():
    loss = CircleLoss(0.3, 64, "global", name="mine", reduction="sum")
    assert json.loads(json.dumps(loss.get_config())) == {
        "margin": 0.3,
        "scale": 64.0,
        "mining": "global",
        "name": "mine",
        "reduction": "sum",
    }
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(restored) is CircleLoss
    assert restored.get_config() == loss.get_config()
    assert float(restored(PIDS, EMBEDDINGS)) == float(loss(PIDS, EMBEDDINGS))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"margin": -0.1}, r"`margin` must be >= 0 and <= 1. Received: margin=-0.1"),
        ({"margin": 1.5}, r"`margin` must be >= 0 and <= 1. Received: margin=1.5"),
        ({"scale": 0}, r"`scale` must be > 0. Received: scale=0"),
        ({"scale": float("inf")}, r"`scale` must be a finite number. Received: scale=inf"),
        ({"mining": None}, r"`mining` must be one of 'replica', 'global'. .*mining=None"),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        CircleLoss(**arguments)
