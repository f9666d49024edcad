import functools

import numpy as np
import pytest

from osnet_tf.layers import ChannelGate, OSBlock
from tests.layer_test_kit import array, layer_gradients, random_input, randomise, run_layer
from tests.layers import numpy_layers

SHAPE = (2, 5, 4, 6)
SMALL = {"filters": 8, "bottleneck_reduction": 2, "gate_reduction": 2}


def built(channels=6, **arguments):
    """A block, made once for the same arguments, with fresh weights."""
    return randomise(_block(channels, **arguments))


@functools.cache
def _block(channels, **arguments):
    block = OSBlock(**SMALL, **arguments)
    block.build((None, None, None, channels))
    return block


def trainable_count(streams, *, downsample, instance_norm):
    """conv1 3, each lite layer 4, the ONE gate 4, conv3 1 + norm 2, shortcut 3, IN 2."""
    lite = 4 * (streams * (streams + 1) // 2)
    last = {None: 3, "output": 3 + 2, "residual": 1 + 2}[instance_norm]
    return 3 + lite + 4 + last + 3 * downsample


@pytest.mark.parametrize(
    ("arguments", "channels"),
    [
        ({**SMALL, "streams": 3, "synchronized": False}, 6),
        ({**SMALL, "streams": 2, "instance_norm": "output"}, 8),
        ({**SMALL, "streams": 1, "instance_norm": "residual"}, 6),
    ],
)
def test_basics(arguments, channels, tmp_path):
    streams, norm = arguments["streams"], arguments.get("instance_norm")
    lite = streams * (streams + 1) // 2
    downsample = channels != 8
    run_layer(
        OSBlock,
        arguments,
        (*SHAPE[:3], channels),
        tmp_path,
        trainable=trainable_count(streams, downsample=downsample, instance_norm=norm),
        non_trainable=2 * (1 + lite + (norm != "residual") + downsample),
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filters": 0}, r"`filters` must be an integer >= 1. Received: filters=0"),
        ({"streams": 0}, r"`streams` must be an integer >= 1. Received: streams=0"),
        ({"streams": 1.0}, r"`streams` must be an integer >= 1. Received: streams=1.0"),
        ({"bottleneck_reduction": 0}, r"`bottleneck_reduction` must be an integer >= 1"),
        ({"gate_reduction": -1}, r"`gate_reduction` must be an integer >= 1.*=-1"),
        (
            {"instance_norm": "stem"},
            r"`instance_norm` must be one of None, 'output', 'residual'. .*'stem'",
        ),
        (
            {"filters": 66, "bottleneck_reduction": 4},
            r"must be a multiple of `bottleneck_reduction`. Received: filters=66, .*=4",
        ),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        OSBlock(**{"filters": 64, **arguments})


def test_too_few_channels_for_the_gate():
    with pytest.raises(ValueError, match=r"at least one hidden unit.*channels=8, reduction=16"):
        OSBlock(32).build((None, 4, 4, 32))


@pytest.mark.parametrize("streams", [1, 2, 3, 4])
@pytest.mark.parametrize("training", [False, True])
def test_streams_against_the_formula(streams, training):
    block, x = built(streams=streams), random_input(SHAPE)
    assert [len(stream) for stream in block.streams] == list(range(1, streams + 1))
    expected = numpy_layers.os_block(x, block, training)
    np.testing.assert_allclose(array(block(x, training=training)), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("instance_norm", [None, "output", "residual"])
@pytest.mark.parametrize("channels", [6, 8])
@pytest.mark.parametrize("training", [False, True])
def test_norms_and_shortcuts_against_the_formula(instance_norm, channels, training):
    shape = (*SHAPE[:3], channels)
    block, x = built(channels, streams=2, instance_norm=instance_norm), random_input(shape)
    assert (block.downsample is None) == (channels == 8)
    assert (block.conv3.norm is None) == (instance_norm == "residual")
    expected = numpy_layers.os_block(x, block, training)
    np.testing.assert_allclose(array(block(x, training=training)), expected, rtol=1e-4, atol=1e-4)


def test_training_reaches_every_norm():
    block = built()
    before = {v.path: array(v) for v in block.non_trainable_variables}
    block(random_input(SHAPE), training=True)
    for variable in block.non_trainable_variables:
        assert np.all(array(variable) != before[variable.path]), variable.path


@pytest.mark.parametrize("streams", [1, 2, 4])
def test_all_streams_share_one_gate(streams, monkeypatch):
    block, x = built(streams=streams), random_input(SHAPE)
    gates = [layer for layer in block._flatten_layers() if isinstance(layer, ChannelGate)]
    assert gates == [block.gate]
    assert sum("gate" in v.path for v in block.trainable_variables) == 4
    calls, original = [], block.gate.call
    monkeypatch.setattr(block.gate, "call", lambda inputs: calls.append(1) or original(inputs))
    block(x)
    assert len(calls) == streams


def test_the_shared_gate_collects_the_gradient_of_every_stream():
    """Its gradient is the sum of what each stream alone gives it, by finite differences."""
    block, x = built(streams=3), random_input(SHAPE)
    cotangent = random_input((*SHAPE[:3], 8), seed=1)
    _, _, gradients = layer_gradients(block, x, cotangent, training=False)
    bias = block.gate.fc2.bias
    start = array(bias)
    for unit in range(start.size):
        step = np.zeros_like(start)
        step[unit] = 1e-3
        totals = []
        for sign in (1, -1):
            bias.assign(start + sign * step)
            totals.append((numpy_layers.os_block(x, block) * cotangent).sum())
        slope = (totals[0] - totals[1]) / 2e-3
        assert gradients[bias.path][unit] == pytest.approx(slope, rel=1e-2, abs=1e-2)


def test_a_closed_gate_leaves_the_shortcut():
    block, x = built(), random_input(SHAPE)
    block.gate.fc2.bias.assign(np.full(block.gate.fc2.bias.shape, -1e4, "float32"))
    closed = numpy_layers.batch_norm(np.zeros((*SHAPE[:3], 8)), block.conv3.norm)
    expected = numpy_layers.relu(closed + numpy_layers.conv_norm(x, block.downsample))
    np.testing.assert_allclose(array(block(x)), expected, atol=1e-5)


def test_every_weight_gets_a_gradient():
    block = built()
    cotangent = random_input((*SHAPE[:3], 8), seed=1)
    _, dx, gradients = layer_gradients(block, random_input(SHAPE), cotangent)
    for path, gradient in {"x": dx, **gradients}.items():
        assert np.all(np.isfinite(gradient)), path
        assert np.abs(gradient).max() > 1e-6, path


def test_receptive_fields():
    """Stream t sees 2t + 1 pixels: a change further away than 4 pixels only works by the gates."""
    block = built()
    block.gate.fc2.kernel.assign(np.zeros(block.gate.fc2.kernel.shape, "float32"))
    x = random_input((1, 1, 21, 6))
    changed = x.copy()
    changed[0, 0, 10] += 1.0
    difference = np.abs(array(block(changed)) - array(block(x))).max((0, 1, 3))
    assert np.flatnonzero(difference > 1e-6).tolist() == list(range(6, 15))
