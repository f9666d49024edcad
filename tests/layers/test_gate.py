import numpy as np
import pytest

from osnet_tf.layers import ChannelGate
from tests.layer_test_kit import array, layer_gradients, random_input, randomise, run_layer
from tests.layers import numpy_layers

SHAPE = (3, 4, 2, 8)
OPTIONS = [
    {"reduction": 4},
    {"reduction": 2, "gate_activation": "relu"},
    {"reduction": 2, "gate_activation": "linear"},
    {"reduction": 1, "layer_norm": True},
    {"reduction": 2, "layer_norm": True, "gate_activation": "linear"},
    {"reduction": 2, "num_gates": 1},
    {"reduction": 2, "num_gates": 8},
    {"reduction": 2, "return_gates": True},
    {"reduction": 2, "return_gates": True, "num_gates": 3},
    {"reduction": 2, "return_gates": True, "num_gates": 1, "gate_activation": "relu"},
]


def name_of(options):
    return "-".join(f"{key}={value}" for key, value in options.items())


def built(shape=SHAPE, **options):
    layer = ChannelGate(**options)
    layer.build(shape)
    return randomise(layer)


@pytest.mark.parametrize("options", [OPTIONS[0], OPTIONS[4], OPTIONS[8]], ids=name_of)
def test_basics(options, tmp_path):
    weights = 6 if options.get("layer_norm") else 4
    run_layer(ChannelGate, options, SHAPE, tmp_path, trainable=weights, non_trainable=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_gates": 0}, r"`num_gates` must be an integer >= 1. Received: num_gates=0"),
        ({"num_gates": 1.5}, r"`num_gates` must be an integer >= 1. Received: num_gates=1.5"),
        ({"reduction": 0}, r"`reduction` must be an integer >= 1. Received: reduction=0"),
        (
            {"gate_activation": "tanh"},
            r"`gate_activation` must be one of 'sigmoid', 'relu', 'linear'. .*'tanh'",
        ),
    ],
)
def test_invalid_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        ChannelGate(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduction": 9}, r"at least one hidden unit.*Received: channels=8, reduction=9"),
        ({}, r"at least one hidden unit.*Received: channels=8, reduction=16"),
        (
            {"reduction": 2, "num_gates": 3},
            r"`num_gates` must be None, 1 or the number of channels, 8.*Received: num_gates=3",
        ),
    ],
)
def test_invalid_channels(options, message):
    with pytest.raises(ValueError, match=message):
        ChannelGate(**options).build(SHAPE)


@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
def test_against_the_formula(options):
    layer, x = built(**options), random_input(SHAPE)
    expected = numpy_layers.channel_gate(x, layer)
    found = array(layer(x))
    assert found.shape == expected.shape == tuple(layer.compute_output_shape(SHAPE))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_input_decides():
    """One channel's mean in, through two known layers: sigmoid(2 relu(3 m)) x, by hand."""
    layer = ChannelGate(reduction=1)
    layer.build((1, 1, 2, 1))
    layer.fc1.kernel.assign([[3.0]])
    layer.fc2.kernel.assign([[2.0]])
    x = np.array([[[[1.0], [0.0]]]], "float32")
    np.testing.assert_allclose(array(layer(x))[0, 0, :, 0], [1 / (1 + np.exp(-3.0)), 0.0])
    np.testing.assert_allclose(array(layer(-x))[0, 0, :, 0], [-0.5, 0.0])


@pytest.mark.one_backend
@pytest.mark.parametrize(
    ("channels", "hidden"), [(64, 4), (96, 6), (128, 8), (48, 3), (72, 4), (16, 1), (24, 1)]
)
def test_hidden_units_are_the_channels_over_16_rounded_down(channels, hidden):
    layer = ChannelGate()
    layer.build((None, 4, 2, channels))
    assert tuple(layer.fc1.kernel.shape) == (channels, hidden)
    assert tuple(layer.fc2.kernel.shape) == (hidden, channels)
    assert layer.count_params() == 2 * channels * hidden + channels + hidden


@pytest.mark.one_backend
def test_initial_weights():
    """He normal by fan-out for the kernels, zeros for the biases: gates start at about 1/2."""
    layer = ChannelGate()
    layer.build((None, 4, 2, 1024))
    for dense, units in ((layer.fc1, 64), (layer.fc2, 1024)):
        kernel = array(dense.kernel)
        expected = np.sqrt(2.0 / units)
        assert kernel.std() == pytest.approx(expected, rel=4 / np.sqrt(2 * kernel.size))
        assert not array(dense.bias).any()


def test_every_weight_gets_a_gradient():
    layer = built(reduction=2, layer_norm=True)
    _, dx, gradients = layer_gradients(layer, random_input(SHAPE), random_input(SHAPE, seed=1))
    for path, gradient in {"x": dx, **gradients}.items():
        assert np.all(np.isfinite(gradient)), path
        assert np.abs(gradient).max() > 1e-4, path
