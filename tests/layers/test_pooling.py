import keras
import numpy as np
import pytest

from osnet_tf.layers import GeneralizedMeanPooling2D
from tests.layer_test_kit import array, run_layer, value_and_gradient

SHAPE = (2, 4, 3, 5)
MAPS = np.random.default_rng(0).uniform(0.0, 4.0, SHAPE).astype("float32")


def test_basics(tmp_path):
    arguments = {"exponent": 2.5, "epsilon": 1e-4}
    run_layer(GeneralizedMeanPooling2D, arguments, SHAPE, tmp_path, trainable=1, non_trainable=0)


@pytest.mark.parametrize("exponent", [1.0, 3.0, 6.5])
def test_against_the_formula(exponent):
    """Channel by channel, in logarithms; with zeros, as after a ReLU."""
    maps = MAPS.copy()
    maps[0, :, :, 1], maps[1, 0, 0, 0] = 0.0, 0.0
    found = array(GeneralizedMeanPooling2D(exponent)(maps))
    for image, channel in np.ndindex(2, 5):
        logs = exponent * np.log(np.maximum(maps[image, :, :, channel], 1e-6).astype("float64"))
        expected = np.exp((np.logaddexp.reduce(logs.ravel()) - np.log(12)) / exponent)
        assert found[image, channel] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_between_mean_and_maximum():
    mean, largest = MAPS.mean(axis=(1, 2)), MAPS.max(axis=(1, 2))
    np.testing.assert_allclose(array(GeneralizedMeanPooling2D(1)(MAPS)), mean, rtol=1e-5)
    np.testing.assert_allclose(array(GeneralizedMeanPooling2D(40)(MAPS)), largest, rtol=0.07)
    low = GeneralizedMeanPooling2D()
    low.build(SHAPE)
    low.set_weights([np.float32(-2.0)])  # where a step may take it: counts as 1
    np.testing.assert_allclose(array(low(MAPS)), mean, rtol=1e-5)


def test_gradient_by_finite_differences():
    layer = GeneralizedMeanPooling2D(3.0)
    x = MAPS[:1, :2, :2, :2]

    def value(maps, exponent):
        return float(((maps**exponent).mean(axis=(1, 2)) ** (1 / exponent)).sum())

    _, gradient = value_and_gradient(lambda x: keras.ops.sum(layer(x)), x)
    for index in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[index] = 1e-5
        ends = [value(x.astype("float64") + s * step, 3.0) for s in (1, -1)]
        assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-3)


@pytest.mark.one_backend
def test_the_exponent_is_learnt_and_dead_channels_harm_nothing():
    import tensorflow as tf

    layer, x = GeneralizedMeanPooling2D(3.0), tf.constant(MAPS)
    dead = tf.concat([x, tf.zeros_like(x)], axis=-1)
    with tf.GradientTape() as tape:
        tape.watch(dead)
        total = tf.reduce_sum(layer(dead))
    by_maps, by_exponent = tape.gradient(total, [dead, layer.p.value])
    assert np.isfinite(by_maps).all()
    assert not np.any(by_maps[..., 5:])
    ends = [float(tf.reduce_sum(GeneralizedMeanPooling2D(p)(x))) for p in (3.01, 2.99)]
    assert float(by_exponent) == pytest.approx((ends[0] - ends[1]) / 0.02, rel=1e-2)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(policy):
    """100 ** 3 is beyond float16: the powers are taken in float32."""
    layer = GeneralizedMeanPooling2D(dtype=policy)
    found = layer(keras.ops.cast(25 * MAPS, layer.compute_dtype))
    assert keras.backend.standardize_dtype(found.dtype) == layer.compute_dtype
    expected = array(GeneralizedMeanPooling2D()(25 * MAPS))
    np.testing.assert_allclose(array(keras.ops.cast(found, "float32")), expected, rtol=2e-2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"exponent": 0.5}, r"`exponent` must be >= 1. Received: exponent=0.5"),
        ({"exponent": None}, r"`exponent` must be a finite number. Received: exponent=None"),
        ({"epsilon": 0}, r"`epsilon` must be > 0. Received: epsilon=0"),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        GeneralizedMeanPooling2D(**arguments)
