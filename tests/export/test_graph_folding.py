"""Folding changes how a graph computes, not what."""

from collections import Counter

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf import OSNet, embed
from osnet_tf.export.frozen import freeze
from osnet_tf.export.graph_folding import fold, folded, folded_inference
from tests.layer_test_kit import randomise

KERNEL = np.random.default_rng(1).normal(size=(3, 3, 3, 3)).astype("float32")
DEPTHWISE = np.random.default_rng(2).normal(size=(3, 3, 3, 2)).astype("float32")
SCALE, OFFSET = np.float32([0.5, -2.0, 3.0]), np.float32([1.0, 0.25, -4.0])
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3)).astype("float32")
BORDER = [[0, 0], [1, 1], [1, 1], [0, 0]]


def conv(x, strides=1, padding="SAME"):
    return tf.nn.conv2d(x, KERNEL, strides, padding)


def depthwise(x):
    return tf.nn.depthwise_conv2d(x, DEPTHWISE, [1, 1, 1, 1], "SAME")


def before_and_after(function, dtype=tf.float32):
    """Kinds of operations that remain, what the graph gave and what its folded one gives."""
    spec = tf.TensorSpec((None, *PIXELS.shape[1:]), dtype, "images")
    concrete = tf.function(function, input_signature=[spec]).get_concrete_function()
    graph, output = concrete.graph.as_graph_def(add_shapes=True), concrete.outputs[0].op.name
    kept = graph.SerializeToString()
    new = fold(graph, output)
    assert graph.SerializeToString() == kept, "the given graph was changed"
    run = tf.compat.v1.wrap_function(
        lambda x: tf.graph_util.import_graph_def(new, {"images:0": x}, [f"{output}:0"])[0], [spec]
    )
    images = tf.cast(PIXELS, dtype)
    return Counter(node.op for node in new.node), concrete(images), run(images)


@pytest.mark.parametrize(
    ("function", "kinds"),
    [
        (lambda x: conv(x) * SCALE + OFFSET, ["Conv2D", "BiasAdd"]),
        (lambda x: OFFSET + SCALE * conv(x), ["Conv2D", "BiasAdd"]),
        (lambda x: conv(x) * SCALE.reshape(1, 1, 1, 3) + OFFSET, ["Conv2D", "BiasAdd"]),
        (lambda x: conv(x) * 2.0 + 1.0, ["Conv2D", "BiasAdd"]),
        (
            lambda x: depthwise(x) * np.tile(SCALE, 2) + np.tile(OFFSET, 2),
            ["DepthwiseConv2dNative", "BiasAdd"],
        ),
        (
            lambda x: conv(tf.pad(x * SCALE + OFFSET, BORDER), 2, "VALID"),
            ["Reshape", "Sub", "Reshape", "Pad", "Conv2D"],
        ),
    ],
)
def test_what_is_folded(function, kinds):
    found, expected, result = before_and_after(function)
    del found["Const"], found["Placeholder"], found["Identity"]
    assert found == Counter(kinds)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=2e-3)  # values are some thousands
    assert np.abs(expected).max() > 100


def read_twice(x):
    y = conv(x)
    return y * SCALE + OFFSET + y


def scaled_twice(x):
    y = conv(x) * SCALE
    return y + OFFSET + tf.nn.relu(y)


def padded_for_two(x):
    y = tf.pad(x * SCALE + OFFSET, BORDER)
    return conv(y, 2, "VALID") + y[:, :3, :4]


@pytest.mark.parametrize(
    "function",
    [
        read_twice,
        scaled_twice,
        padded_for_two,
        lambda x: conv(x) * SCALE + x,  # no offset but an image
        lambda x: conv(x) * x + OFFSET,
        lambda x: conv(x) * tf.ones((8, 1)) + OFFSET,  # one for each column
        lambda x: tf.nn.relu(x) * SCALE + OFFSET,  # no convolution
        lambda x: conv(tf.pad(x * np.float32([1, 0, 1]) + OFFSET, BORDER), 2, "VALID"),
        lambda x: conv(tf.pad(x * SCALE + x, BORDER), 2, "VALID"),
    ],
)
def test_what_is_left_alone(function):
    found, expected, result = before_and_after(function)
    assert found["BiasAdd"] == 0
    assert found["Sub"] == 0
    np.testing.assert_array_equal(result, expected)


def test_bfloat16_is_left_alone():
    def function(x):
        y = tf.nn.conv2d(x, tf.cast(KERNEL, tf.bfloat16), 1, "SAME")
        return y * tf.cast(SCALE, tf.bfloat16) + tf.cast(OFFSET, tf.bfloat16)

    found, expected, result = before_and_after(function, tf.bfloat16)
    assert (found["Mul"], found["AddV2"]) == (1, 1)
    np.testing.assert_array_equal(tf.cast(result, "float32"), tf.cast(expected, "float32"))


@pytest.mark.parametrize("preset", ["osnet_x0_25", "osnet_ibn_x1_0", "osnet_ain_x1_0"])
def test_every_batch_norm_of_a_network(preset):
    keras.utils.set_random_seed(0)
    model = randomise(OSNet(preset, input_shape=(32, 16, 3), streams=2))
    norms = [v for v in model.variables if v.path.endswith("moving_mean")]
    frozen = freeze(model)
    graph = folded(frozen).function.graph.as_graph_def()
    added = [
        node
        for node in graph.node
        if node.op == "BiasAdd" and node.name.endswith("batchnorm/add_1")
    ]
    assert len(added) == len(norms) - 1  # all but that of the embedding, behind no convolution
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 16, 3), "uint8")
    expected = embed(model, images)
    found = folded(frozen).function(tf.constant(images))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_inference_inside_another_function():
    keras.utils.set_random_seed(0)
    model = randomise(OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=2))
    images = np.random.default_rng(0).uniform(0, 255, (3, 32, 16, 3)).astype("float32")
    expected = model(images, training=False)
    infer = folded_inference(model)
    for variable in model.variables:
        variable.assign(keras.ops.zeros_like(variable))  # it has the weights of before
    twice = tf.function(lambda x: 2 * infer(x))
    found = twice(images) / 2
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    kinds = Counter(node.op for node in infer.get_concrete_function().graph.as_graph_def().node)
    assert kinds["BiasAdd"] > 0
    assert kinds["ReadVariableOp"] == 0


class HalvedUntilSmall(keras.layers.Layer):
    def call(self, x):
        return tf.while_loop(lambda y: tf.reduce_max(y) > 1, lambda y: [y / 2], [x])[0]


def test_inference_of_a_model_with_control_flow():
    images = keras.Input((6, 8, 3))
    model = keras.Model(images, keras.layers.Conv2D(3, 3)(HalvedUntilSmall()(images)))
    found = folded_inference(model)(PIXELS)
    np.testing.assert_allclose(found, model(PIXELS), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found, model(PIXELS / 2**8), rtol=1e-5, atol=1e-6)
