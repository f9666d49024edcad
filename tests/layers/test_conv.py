import numpy as np
import pytest

from osnet_tf.layers import ConvNorm, LightConv3x3
from tests.layer_test_kit import array, layer_gradients, random_input, randomise, run_layer
from tests.layers import numpy_layers

SHAPE = (2, 6, 5, 3)


def built(layer, shape):
    layer.build(shape)
    return randomise(layer)


@pytest.mark.parametrize(
    ("arguments", "trainable", "non_trainable"),
    [
        ({"filters": 4}, 3, 2),
        ({"filters": 4, "kernel_size": 3, "strides": 2, "synchronized": False}, 3, 2),
        ({"filters": 4, "kernel_size": 3, "norm": "instance"}, 3, 0),
        ({"filters": 4, "norm": None, "activation": None}, 1, 0),
    ],
)
def test_conv_norm_basics(arguments, trainable, non_trainable, tmp_path):
    run_layer(
        ConvNorm, arguments, SHAPE, tmp_path, trainable=trainable, non_trainable=non_trainable
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0}, r"`filters` must be an integer >= 1. Received: filters=0"),
        ({"filters": 2.5}, r"`filters` must be an integer >= 1. Received: filters=2.5"),
        ({"filters": True}, r"`filters` must be an integer >= 1. Received: filters=True"),
        ({"kernel_size": 4}, r"`kernel_size` must be odd. Received: kernel_size=4"),
        ({"kernel_size": -1}, r"`kernel_size` must be an integer >= 1. Received: .*=-1"),
        ({"strides": 0}, r"`strides` must be an integer >= 1. Received: strides=0"),
        ({"norm": "layer"}, r"`norm` must be one of 'batch', 'instance', None. .*norm='layer'"),
        ({"activation": "gelu"}, r"`activation` must be one of 'relu', None. .*'gelu'"),
    ],
)
def test_conv_norm_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConvNorm(**{"filters": 4, **arguments})


@pytest.mark.one_backend
@pytest.mark.parametrize("kernel_size", [1, 3, 7])
@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("size", [(8, 6), (7, 9), (1, 2)])
def test_conv_norm_pads_the_same_on_both_sides(kernel_size, strides, size):
    """Every kernel, stride and parity: Keras's own "same" fails this at stride 2, even sizes."""
    shape = (1, *size, 2)
    layer = built(ConvNorm(3, kernel_size, strides, norm=None, activation=None), shape)
    x = random_input(shape)
    expected = numpy_layers.conv_norm(x, layer)
    found = array(layer(x))
    assert found.shape == expected.shape == tuple(layer.compute_output_shape(shape))
    assert found.shape[1:3] == tuple(-(-n // strides) for n in size)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("norm", ["batch", "instance", None])
@pytest.mark.parametrize("activation", ["relu", None])
@pytest.mark.parametrize("training", [False, True])
def test_conv_norm_against_the_formula(norm, activation, training):
    layer = built(ConvNorm(4, 3, strides=2, norm=norm, activation=activation), SHAPE)
    x = random_input(SHAPE)
    expected = numpy_layers.conv_norm(x, layer, training)
    np.testing.assert_allclose(array(layer(x, training=training)), expected, atol=3e-5)
    assert (expected.min() >= 0) == (activation == "relu")


def test_an_open_size_keeps_open():
    layer = ConvNorm(4, 3, strides=2)
    assert layer.compute_output_shape((None, None, 7, 3)) == (None, None, 4, 4)


def test_instance_norm_looks_at_one_image_only():
    layer = built(ConvNorm(4, norm="instance", activation=None), SHAPE)
    x = random_input(SHAPE)
    together = array(layer(x, training=True))
    for i in range(len(x)):
        np.testing.assert_allclose(array(layer(x[i : i + 1])), together[i : i + 1], atol=1e-6)


@pytest.mark.parametrize("layer", [ConvNorm(4, 3), LightConv3x3(4)], ids=lambda layer: layer.name)
def test_training_reaches_the_norm(layer):
    layer = built(layer, SHAPE)
    before = array(layer.norm.moving_variance)
    layer(random_input(SHAPE), training=False)
    np.testing.assert_array_equal(layer.norm.moving_variance, before)
    layer(random_input(SHAPE), training=True)
    assert np.all(array(layer.norm.moving_variance) != before)


@pytest.mark.parametrize("arguments", [{"filters": 4}, {"filters": 3, "synchronized": False}])
def test_light_conv_basics(arguments, tmp_path):
    run_layer(LightConv3x3, arguments, SHAPE, tmp_path, trainable=4, non_trainable=2)


@pytest.mark.parametrize("filters", [0, -2, 1.0, "8", None])
def test_light_conv_invalid_arguments(filters):
    with pytest.raises(ValueError, match=rf"`filters` must be an integer .* filters={filters!r}"):
        LightConv3x3(filters)


@pytest.mark.parametrize("shape", [SHAPE, (1, 1, 1, 3), (2, 1, 4, 5)])
@pytest.mark.parametrize("training", [False, True])
def test_light_conv_against_the_formula(shape, training):
    layer = built(LightConv3x3(4), shape)
    x = random_input(shape)
    expected = numpy_layers.light_conv(x, layer, training)
    np.testing.assert_allclose(array(layer(x, training=training)), expected, atol=3e-5)


def test_light_conv_is_pointwise_first_with_nothing_between():
    """A separable convolution would have a depthwise kernel for each of the INPUT's channels."""
    layer = built(LightConv3x3(7), SHAPE)
    assert tuple(layer.pointwise.kernel.shape) == (1, 1, 3, 7)
    assert tuple(layer.depthwise.kernel.shape) == (3, 3, 7, 1)
    assert not layer.pointwise.use_bias
    assert not layer.depthwise.use_bias
    # Linear up to the norm: without a norm's offset, -x gives what x gives, negated
    identity = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
    for name, value in identity.items():
        variable = getattr(layer.norm, name)
        variable.assign(np.full(variable.shape, value, "float32"))
    x = random_input(SHAPE)
    linear = array(layer(x)) - array(layer(-x))
    kernel = numpy_layers.weight(layer.pointwise.kernel)
    expected = numpy_layers.depthwise(
        numpy_layers.conv(x, kernel), numpy_layers.weight(layer.depthwise.kernel)
    ) / np.sqrt(1.0 + 1e-5)
    np.testing.assert_allclose(linear, expected, atol=1e-5)


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("layer", "kernel_fan"),
    [
        (ConvNorm(24, 7), {"conv": 24 * 49}),
        (ConvNorm(256, 1), {"conv": 256}),
        (LightConv3x3(128), {"pointwise": 128, "depthwise": 128 * 9}),
    ],
    ids=["7x7", "1x1", "lite"],
)
def test_initial_kernels_are_he_normal_by_fan_out(layer, kernel_fan):
    """PyTorch counts channels x 9 for a depthwise kernel, where Keras's own would count 9."""
    layer.build((1, 8, 8, 24))
    for child, fan in kernel_fan.items():
        kernel = array(getattr(layer, child).kernel)
        expected = np.sqrt(2.0 / fan)
        assert kernel.std() == pytest.approx(expected, rel=4 / np.sqrt(2 * kernel.size))
        assert abs(kernel.mean()) < 4 * expected / np.sqrt(kernel.size)


@pytest.mark.parametrize(
    "layer", [ConvNorm(4, 3, strides=2), LightConv3x3(4)], ids=["conv", "lite"]
)
def test_every_weight_gets_a_gradient(layer):
    layer = built(layer, SHAPE)
    shape = tuple(layer.compute_output_shape(SHAPE))
    _, dx, gradients = layer_gradients(layer, random_input(SHAPE), random_input(shape, seed=1))
    for path, gradient in {"x": dx, **gradients}.items():
        assert np.all(np.isfinite(gradient)), path
        assert np.abs(gradient).max() > 1e-4, path
