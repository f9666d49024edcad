"""What is done to a float graph before it is rounded, and to its biases and ranges."""

import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.export.flatbuffer import LiteRTModel
from osnet_tf.export.graph_values import GraphValues
from osnet_tf.export.int8 import quantize, round_to_int8
from osnet_tf.export.int8_biases import GATE_HEADROOM, correct_biases
from osnet_tf.export.int8_equalization import _channel_sizes, equalize
from osnet_tf.export.int8_gates import copy_hidden_units, gates_of, spread_over_rows
from osnet_tf.export.int8_norms import norms_of
from osnet_tf.export.int8_ranges import workable
from osnet_tf.export.int8_rewrites import fold_normalization, pools_to_depthwise
from osnet_tf.export.litert_rewrites import plain_operators

SIZE = (16, 8)


def convert(function, shape=(1, *SIZE, 3)):
    """A float32 `.tflite` model of a function."""
    module = tf.Module()
    module.serve = tf.function(function, input_signature=[tf.TensorSpec(shape, tf.float32, "x")])
    concrete = module.serve.get_concrete_function()
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete], module).convert()


def run(content, images):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    outputs = []
    for image in images:
        interpreter.set_tensor(source["index"], image[None].astype(source["dtype"]))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(result["index"])[0])
    return np.array(outputs)


def weights(seed, *shape):
    return (np.random.default_rng(seed).normal(size=shape) / np.sqrt(np.prod(shape[:-1]))).astype(
        "f4"
    )


def small_network(images):
    """OSNet's parts once each: stem, max-pool, lite layer, gate, sum, average pool, embedding.

    The depthwise input's channels differ by a factor of 200, as they do in a trained network.
    """
    x = images * tf.constant([0.02, 0.017, 0.018]) + tf.constant([-2.1, -2.0, -1.8])
    x = tf.pad(x, [[0, 0], [3, 3], [3, 3], [0, 0]])
    x = tf.nn.relu(tf.nn.conv2d(x, weights(0, 7, 7, 3, 8), 2, "VALID") + weights(1, 8))
    x = tf.nn.max_pool2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "VALID")
    wide = tf.nn.conv2d(
        x, weights(2, 1, 1, 8, 8) * np.geomspace(0.05, 10, 8, dtype="f4"), 1, "SAME"
    )
    narrow = weights(3, 3, 3, 8, 1) / np.geomspace(0.05, 10, 8, dtype="f4")[:, None]
    y = tf.nn.relu(tf.nn.depthwise_conv2d(wide, narrow, (1, 1, 1, 1), "SAME") + weights(4, 8))
    gate = tf.nn.relu(tf.tensordot(tf.reduce_mean(y, (1, 2), keepdims=True), weights(5, 8, 2), 1))
    y = y * tf.sigmoid(tf.tensordot(gate, weights(6, 2, 8), 1)) + x
    y = tf.nn.avg_pool2d(y, 2, 2, "VALID")
    return tf.nn.relu(tf.tensordot(tf.reduce_mean(y, (1, 2)), weights(7, 8, 16), 1) + 0.1)


@pytest.fixture(scope="module")
def content():
    return convert(small_network)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (60, 4, 2, 3)).astype("uint8")
    return colours.repeat(4, 1).repeat(4, 2)


def test_the_rewrites_keep_the_float_values(content, images):
    model = LiteRTModel(content)
    pools_to_depthwise(model)
    pixels = fold_normalization(model)
    kinds = model.kinds()
    assert "AVERAGE_POOL_2D" not in kinds
    assert kinds[:4] == ["RESHAPE", "CONCATENATION", "CONCATENATION", "CONV_2D"]
    assert pixels[0] == model.input
    expected = run(content, images)
    assert expected.std(0).max() > 0.1
    np.testing.assert_allclose(run(model.content(), images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("side", ["top", "left"])
def test_the_borders_are_the_mean_colour(side, images):
    """A stem that sees its corner only: there the padding is most of what it sees."""

    def stem(x):
        x = x * tf.constant([0.02, 0.017, 0.018]) + tf.constant([-2.1, -2.0, -1.8])
        x = tf.pad(x, [[0, 0], [3, 3], [3, 3], [0, 0]])
        kernel = np.zeros((7, 7, 3, 1), "f4")
        kernel[:4] = kernel[:, :4] = 1.0 if side == "top" else -0.5
        return tf.nn.conv2d(x, kernel, 2, "VALID")

    content = convert(stem)
    model = LiteRTModel(content)
    assert fold_normalization(model)
    np.testing.assert_allclose(
        run(model.content(), images[:3]), run(content, images[:3]), rtol=1e-4, atol=1e-3
    )


def test_another_graph_is_left_alone():
    content = convert(lambda x: tf.nn.relu(tf.nn.conv2d(x, weights(0, 3, 3, 3, 4), 1, "SAME")))
    model = LiteRTModel(content)
    kinds = model.kinds()
    assert fold_normalization(model) == []
    pools_to_depthwise(model)
    assert model.kinds() == kinds


def spread(model, images):
    """How many times larger a tensor's largest channel is than its middle one, on average."""
    sizes = _channel_sizes(model, images)
    maps = [sizes[t] for t in model.activations()[1:] if max(model.shape(t)[1:3], default=1) > 1]
    maps = [size for size in maps if len(size) == 8]
    return np.mean([np.log(size.max() / np.median(size)) for size in maps])


def test_equalised_channels_are_of_like_size_and_the_network_stays(content, images):
    model = LiteRTModel(content)
    pools_to_depthwise(model)
    before = spread(model, images)
    equalize(model, images)
    np.testing.assert_allclose(run(model.content(), images), run(content, images), 1e-4, 1e-5)
    assert spread(model, images) < 0.7 * before


def test_what_must_not_change_is_not_equalised(content, images):
    model = LiteRTModel(content)
    sizes = _channel_sizes(model, images)
    fixed = [int(operator.outputs[0]) for operator in model.operators[2:6]]
    equalize(model, images, fixed=fixed)
    changed = _channel_sizes(model, images)
    for tensor in (*fixed, model.output):
        np.testing.assert_allclose(changed[tensor], sizes[tensor], rtol=1e-4)
    assert any(not np.allclose(changed[t], sizes[t], rtol=1e-2) for t in sizes)


def test_the_graphs_values_are_those_of_litert(content, images):
    """Five images in a graph made for one."""
    model = LiteRTModel(content)
    values = GraphValues(model, images[:5])
    for operator in model.operators:
        values[int(operator.outputs[0])] = values.compute(operator)
        values.release(operator)
    assert list(values) == [model.output]  # nothing else is held
    np.testing.assert_allclose(values[model.output], run(content, images[:5]), 1e-4, 1e-5)


def test_int8_follows_the_float_network(content, images):
    """On images that it was not calibrated on."""
    expected = run(content, images[40:])
    actual = run(quantize(content, images[:40]), images[40:])
    error = np.linalg.norm(actual - expected) / np.linalg.norm(expected - expected.mean(0))
    assert error < 0.1


def test_biases_are_corrected(content, images, monkeypatch):
    """With coarse weights, so that there is something to correct: the mean comes back."""
    expected = run(content, images)
    shifts, replace = [], LiteRTModel.replace_input
    for corrected in (True, False):
        if not corrected:
            monkeypatch.setattr(
                LiteRTModel,
                "replace_input",
                lambda model, operator, position, values: (
                    None if position == 2 else replace(model, operator, position, values)
                ),
            )
        model = LiteRTModel(content)
        pools_to_depthwise(model)
        gates = gates_of(model)
        equalize(model, images, floats=gates.inside)
        ranges = correct_biases(model, images, (), gates, gates.inside)
        set_ranges(model, workable(model, ranges))
        rounded = round_to_int8(model, gates.inside)
        shifts.append(np.abs((run(rounded, images) - expected).mean(0)).mean())
    assert shifts[0] < 0.7 * shifts[1]


def set_ranges(model, ranges):
    for tensor, (low, high) in ranges.items():
        model.set_range(tensor, low, high)


def test_gates_stay_float_and_get_headroom(content, images):
    model = LiteRTModel(content)
    gates = gates_of(model)
    kinds = {int(o.outputs[0]): model.kind(o) for o in model.operators}
    assert sorted(kinds[t] for t in gates.inside) == ["FULLY_CONNECTED"] * 2 + ["LOGISTIC"]
    assert [kinds[t] for t in gates.last] == ["LOGISTIC"]
    assert [kinds[t] for t in gates.first] == ["MEAN"]
    ranges = correct_biases(model, images, (), gates, gates.inside)
    sizes = _channel_sizes(model, images)
    for operator in model.operators:
        (output,) = (int(t) for t in operator.outputs)
        high = ranges[output][1]
        if output in gates.last:
            assert high == pytest.approx(min(1.0, GATE_HEADROOM * sizes[output].max()), rel=0.05)
        elif output in gates.first:
            assert high == pytest.approx(GATE_HEADROOM * sizes[output].max(), rel=0.05)
        elif model.kind(operator) == "ADD":
            assert high == pytest.approx(sizes[output].max(), rel=0.05)
    rounded = LiteRTModel(quantize(content, images))
    assert rounded.kinds().count("DEQUANTIZE") == 2  # into the gate, and the embedding
    assert rounded.kinds().count("LOGISTIC") == 1


def test_copies_of_a_hidden_unit_add_up_to_finer_steps():
    """A gate of one hidden unit that follows the mean; the steps between its values."""

    def network(x):
        pooled = tf.reduce_mean(x, (1, 2), keepdims=True)
        hidden = tf.nn.relu(tf.nn.conv2d(pooled, np.full((1, 1, 3, 1), 1 / 3, "f4"), 1, "VALID"))
        gate = tf.sigmoid(tf.nn.conv2d(hidden, np.full((1, 1, 1, 3), 0.02, "f4"), 1, "VALID") - 2.0)
        return tf.reduce_mean(x * gate, (1, 2))

    model = LiteRTModel(convert(network))
    gates = gates_of(model)
    (hidden,) = [t for t in gates.inside if model.shape(t)[-1] == 1]
    before = run(model.content(), grey_levels())
    ranges = {hidden: (0.0, 512.0)}
    copy_hidden_units(model, gates, ranges)
    assert model.shape(hidden) == (1, 1, 1, 8)
    np.testing.assert_allclose(run(model.content(), grey_levels()), before, rtol=1e-4)
    maker = model.producers()[hidden]
    biases = np.sort(model.constant(int(maker.inputs[2])))
    step = 512.0 / 255
    np.testing.assert_allclose(np.diff(biases), step / 8, rtol=1e-5)
    values = np.linspace(10, 100, 333)
    rounded = (step * np.round((values[:, None] + biases) / step)).mean(1)
    assert np.abs(rounded - values).max() <= step / 16 + 1e-6


def grey_levels():
    return np.broadcast_to(np.arange(40, 200, 40)[:, None, None, None], (4, *SIZE, 3)).astype("u1")


def test_a_gate_for_every_pixel_of_a_row_is_the_gate(content, images):
    model = LiteRTModel(content)
    plain_operators(model)
    gates = gates_of(model)
    ranges = dict.fromkeys(gates.last, (0.0, 1.0))
    spread_over_rows(model, gates, ranges)
    (row,) = set(ranges) - gates.last
    assert model.shape(row) == (1, 1, 2, 8)
    assert [model.kind(o) for o in model.consumers()[row]] == ["MUL"]
    np.testing.assert_allclose(run(model.content(), images), run(content, images), 1e-4, 1e-5)


def test_integer_gates_follow_the_float_network(content, images):
    expected = run(content, images[40:])
    rounded = quantize(content, images[:40], gates="int8")
    kinds = LiteRTModel(rounded).kinds()
    assert kinds.count("DEQUANTIZE") == 1  # the embedding
    error = np.linalg.norm(run(rounded, images[40:]) - expected)
    assert error / np.linalg.norm(expected - expected.mean(0)) < 0.12


def test_the_scales_are_what_calibration_has_seen(content, images):
    """At both ends of the graph: pixels of 0..255, embeddings from 0 to their largest value."""
    model = LiteRTModel(quantize(content, images, integer_io=True))
    pixels, embedding = (model.tensors[t].quantization for t in (model.input, model.output))
    assert (float(pixels.scale[0]), int(pixels.zeroPoint[0])) == (1.0, 0)
    largest = run(content, images).max()
    assert 255 * float(embedding.scale[0]) == pytest.approx(largest, rel=0.05)
    assert (embedding.zeroPoint[0], model.tensors[model.output].type) == (0, 3)  # uint8


def test_a_network_calibrated_on_one_black_image_still_follows_it(content, images):
    """Units are dead on it; their ranges are made up, and the other images get embeddings that
    have to do with theirs: nearer than another image's."""
    black = np.zeros_like(images[:1])
    rounded = quantize(content, black)
    expected = run(content, black)
    np.testing.assert_allclose(run(rounded, black), expected, atol=0.02 * np.abs(expected).max())
    outputs = run(rounded, images[:2])
    assert np.abs(outputs).max() > 0


def normed_network(images):
    """A convolution, an instance norm as Keras writes it, another convolution and another norm."""

    def norm(x, seed):
        five = tf.reshape(x, (*x.shape, 1))
        mean = tf.reduce_mean(five, (1, 2, 4), keepdims=True)
        variance = tf.reduce_mean(tf.square(five - mean), (1, 2, 4), keepdims=True)
        scale = tf.math.rsqrt(variance + 1e-3) * (1.5 + weights(seed, 1, 1, 1, 8, 1))
        shift = -mean * scale + weights(seed + 1, 1, 1, 1, 8, 1)
        return tf.reshape(five * scale + shift, x.shape)

    sizes = np.geomspace(0.002, 0.2, 8, dtype="f4")
    x = tf.nn.conv2d(images, weights(0, 3, 3, 3, 8) * sizes, 2, "SAME")
    x = tf.nn.conv2d(tf.nn.relu(norm(x, 1)), weights(3, 1, 1, 8, 8) * sizes, 1, "SAME")
    return tf.reduce_mean(tf.nn.relu(norm(x, 4)) * weights(6, 8), (1, 2))


def test_an_instance_norm_is_written_on_maps(images):
    content = convert(normed_network)
    assert LiteRTModel(content).kinds().count("RESHAPE") == 4
    model = LiteRTModel(content)
    plain_operators(model)
    assert model.kinds().count("RESHAPE") == 0
    assert len(norms_of(model)) == 2
    np.testing.assert_allclose(run(model.content(), images), run(content, images), 1e-3, 1e-4)


def test_instance_norms_let_every_channel_have_its_size(images):
    """Channels a hundred times smaller than others get as many steps, and int8 follows."""
    content = convert(normed_network)
    model = LiteRTModel(content)
    plain_operators(model)
    norms = norms_of(model)
    floats = norms[0].inside | norms[1].inside
    equalize(model, images, floats=floats, norms=norms)
    np.testing.assert_allclose(run(model.content(), images), run(content, images), 1e-3, 1e-4)
    sizes = _channel_sizes(model, images)
    assert all(sizes[norm.source].max() / sizes[norm.source].min() < 1.01 for norm in norms)
    expected = run(content, images[40:])
    found = run(quantize(content, images[:40]), images[40:])
    assert np.linalg.norm(found - expected) < 0.1 * np.linalg.norm(expected - expected.mean(0))


def test_squares_are_refused(images):
    def network(x):
        return tf.reduce_mean(tf.math.rsqrt(1.0 + tf.square(x)), (1, 2))

    with pytest.raises(ValueError, match=r"knows no operator SQUARE but in.*fp16 or"):
        quantize(convert(network), images[:2])


def test_ratios_that_xnnpack_takes():
    model = LiteRTModel(convert(lambda x: x + tf.nn.relu(x * 3.0)))
    (add,) = [o for o in model.operators if model.kind(o) == "ADD"]
    faint, loud = (int(t) for t in add.inputs)
    output = int(add.outputs[0])
    ranges = workable(model, {faint: (0.0, 1e-5), loud: (-1.0, 9.0), output: (-1.0, 9.0)})
    assert ranges[faint][1] == pytest.approx(10 / 500)
    assert ranges[loud] == (-1.0, 9.0)
