import keras
import numpy as np
import pytest

from osnet_tf.layers.pointwise import convolve
from tests.layer_test_kit import array, is_tensorflow, random_input, randomise


def built(filters, shape, **arguments):
    layer = keras.layers.Conv2D(filters, use_bias=False, data_format="channels_last", **arguments)
    layer.build(shape)
    return randomise(layer)


def operations(layer, shape, training):
    import tensorflow as tf

    spec = tf.TensorSpec(shape, layer.compute_dtype)
    function = tf.function(lambda x: convolve(layer, x, training)).get_concrete_function(spec)
    return {op.type for op in function.graph.get_operations()}, function.outputs[0].shape


@pytest.mark.parametrize("training", [True, False, None])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 1, 16)])
def test_every_pixel_is_multiplied_by_the_kernel(shape, training):
    layer, x = built(7, shape, kernel_size=1), random_input(shape)
    expected = np.einsum("bhwc,cf->bhwf", x.astype("float64"), array(layer.kernel)[0, 0])
    np.testing.assert_allclose(
        array(convolve(layer, keras.ops.convert_to_tensor(x), training)), expected, atol=1e-5
    )


@pytest.mark.skipif(not is_tensorflow(), reason="about TensorFlow's kernels")
@pytest.mark.parametrize(
    ("arguments", "training", "product"),
    [
        ({"kernel_size": 1}, True, True),
        ({"kernel_size": 1}, False, False),
        ({"kernel_size": 1}, None, False),
        ({"kernel_size": 1, "strides": 2}, True, False),
        ({"kernel_size": 3, "padding": "same"}, True, False),
        ({"kernel_size": 1, "dtype": "bfloat16"}, True, False),
    ],
)
def test_which_convolutions_become_products(arguments, training, product):
    layer = built(4, (2, 6, 6, 3), **arguments)
    kinds, _ = operations(layer, (2, 6, 6, 3), training)
    assert ("MatMul" in kinds, "Conv2D" in kinds) == (product, not product)


@pytest.mark.skipif(not is_tensorflow(), reason="about TensorFlow's kernels")
@pytest.mark.parametrize("shape", [(None, 6, 5, 3), (None, None, None, 3), (2, 6, 5, 3)])
def test_open_shapes(shape):
    import tensorflow as tf

    layer = built(4, shape, kernel_size=1)
    kinds, found = operations(layer, shape, True)
    assert "MatMul" in kinds
    assert tuple(found) == (*shape[:-1], 4)
    function = tf.function(lambda x: convolve(layer, x, True))
    x = random_input((2, 6, 5, 3))
    np.testing.assert_allclose(function(x), layer(x), atol=1e-5)


@pytest.mark.skipif(not is_tensorflow(), reason="about TensorFlow's kernels")
def test_its_gradients_are_those_of_the_convolution():
    import tensorflow as tf

    shape = (3, 4, 5, 6)
    layer, x = built(7, shape, kernel_size=1), tf.constant(random_input(shape))
    cotangent = random_input((3, 4, 5, 7), seed=1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(convolve(layer, x, True) * cotangent)
    dx, dw = tape.gradient(total, [x, layer.kernel.value])
    kernel = array(layer.kernel)[0, 0]
    np.testing.assert_allclose(dx, np.einsum("bhwf,cf->bhwc", cotangent, kernel), atol=1e-4)
    expected = np.einsum("bhwc,bhwf->cf", x.numpy(), cotangent)
    np.testing.assert_allclose(dw[0, 0], expected, atol=1e-4)
