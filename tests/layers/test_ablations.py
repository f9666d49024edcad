"""The paper's comparisons: other Lite 3x3 layers, other ways to join the streams."""

import numpy as np
import pytest

from osnet_tf.layers import LearnedGate, LightConv3x3, OSBlock
from osnet_tf.presets import GATES, LITE_KINDS
from tests.layer_test_kit import array, layer_gradients, random_input, randomise, run_layer
from tests.layers import numpy_layers as plain

SHAPE = (2, 5, 4, 6)
SMALL = {"filters": 8, "bottleneck_reduction": 2, "gate_reduction": 2, "streams": 2}


def light_conv(x, layer):
    """In inference, of any kind."""
    if layer.kind == "full":
        x = plain.conv(x, plain.weight(layer.conv.kernel), 1, 1)
    elif layer.kind == "depthwise_pointwise":
        x = plain.depthwise(x, plain.weight(layer.depthwise.kernel))
        x = plain.conv(x, plain.weight(layer.pointwise.kernel))
    else:
        return plain.light_conv(x, layer)
    return plain.relu(plain.batch_norm(x, layer.norm))


def os_block(x, block):
    reduced = plain.conv_norm(x, block.conv1)
    outputs = []
    for number, stream in enumerate(block.streams):
        y = reduced
        for layer in stream:
            y = light_conv(y, layer)
        if block.gate_kind in ("shared", "scalar"):
            y = plain.channel_gate(y, block.gate)
        elif block.gate_kind == "separate":
            y = plain.channel_gate(y, block.gates[number])
        elif block.gate_kind == "learned":
            y = y / (1 + np.exp(-plain.weight(block.gates[number].logits)))
        outputs.append(y)
    y = np.concatenate(outputs, -1) if block.gate_kind == "concat" else sum(outputs)
    return plain.relu(plain.conv_norm(y, block.conv3) + plain.conv_norm(x, block.downsample))


def built(**arguments):
    block = OSBlock(**SMALL, **arguments)
    block.build((None, None, None, SHAPE[-1]))
    return randomise(block)


#: Trainable variables besides conv1 3, three lite layers, conv3 3 and the shortcut's 3.
OF_GATES = {"shared": 4, "separate": 8, "scalar": 4, "learned": 2, "none": 0, "concat": 0}
OF_LITE = {"pointwise_depthwise": 4, "depthwise_pointwise": 4, "full": 3}


@pytest.mark.parametrize(
    ("gate", "lite"), [*((g, LITE_KINDS[0]) for g in GATES), *(("none", k) for k in LITE_KINDS[1:])]
)
def test_every_kind_is_serialisable_and_what_it_says(gate, lite, tmp_path):
    run_layer(
        OSBlock,
        {**SMALL, "gate": gate, "lite": lite},
        SHAPE,
        tmp_path,
        trainable=9 + 3 * OF_LITE[lite] + OF_GATES[gate],
        non_trainable=2 * (3 + 3),
    )
    block, x = built(gate=gate, lite=lite), random_input(SHAPE, 1)
    np.testing.assert_allclose(array(block(x)), os_block(x, block), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gate", GATES)
def test_every_weight_is_trained(gate):
    block, x = built(gate=gate), random_input((4, *SHAPE[1:]), 2)
    for each in [block.gate, *block.gates]:
        if hasattr(each, "fc1"):
            each.fc1.bias.assign([5.0, 5.0])  # a hidden unit that is off has no gradient
    cotangent = np.random.default_rng(3).standard_normal((4, 5, 4, 8)).astype("float32")
    _, _, gradients = layer_gradients(block, x, cotangent)
    assert len(gradients) == len(block.trainable_variables)
    assert [path for path, value in gradients.items() if not np.abs(value).max() > 0] == []


def test_parameters_by_hand():
    """Mid width 4, gates of 2 hidden units: 4 x 2 + 2 and 2 x 4 + 4."""
    count = {gate: sum(np.prod(w.shape) for w in built(gate=gate).trainable_weights)
             for gate in GATES}  # fmt: skip
    one_gate = 4 * 2 + 2 + 2 * 4 + 4
    assert count["shared"] - count["none"] == one_gate
    assert count["separate"] - count["none"] == 2 * one_gate
    assert count["scalar"] - count["none"] == 4 * 2 + 2 + 2 * 1 + 1
    assert count["learned"] - count["none"] == 2 * 4
    assert count["concat"] - count["none"] == 4 * 8  # a second input to the last 1x1


def test_the_learned_gate_starts_at_one_half(tmp_path):
    run_layer(LearnedGate, {}, SHAPE, tmp_path, trainable=1, non_trainable=0)
    x = random_input(SHAPE)
    np.testing.assert_allclose(array(LearnedGate()(x)), x / 2, rtol=1e-6)


def test_invalid_arguments():
    with pytest.raises(ValueError, match=r"`gate` must be one of 'shared', .* gate='unified'"):
        OSBlock(8, gate="unified")
    with pytest.raises(ValueError, match=r"`lite` must be one of .* Received: lite='dw'"):
        OSBlock(8, lite="dw")
    with pytest.raises(ValueError, match=r"`kind` must be one of .* Received: kind=None"):
        LightConv3x3(8, kind=None)
