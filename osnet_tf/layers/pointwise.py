"""1x1 convolutions, which train faster as matrix products."""

import keras
from keras import ops


def convolve(layer, inputs, training=None):
    """What a convolution layer without bias makes of some images.

    A 1x1 convolution of stride 1 is one product of a matrix of pixels and a matrix of weights. In
    training in float32 on a CPU, TensorFlow computes that product and its two gradients in about
    two thirds of the time of its convolution: the fewer the channels, the more there is to gain.
    In bfloat16 both are alike. Inference keeps the convolution, which exporters know.

    Args:
        layer: A built `keras.layers.Conv2D` of `data_format="channels_last"` without bias.
        inputs: `(batch, height, width, channels)` in the layer's compute dtype.
        training: As in a layer's call.

    Returns:
        The layer's output.
    """
    product = training and layer.compute_dtype == "float32" and _is_pointwise(layer)
    if not (product and _on_tensorflow_cpu()):
        return layer(inputs)
    *pixels, channels = ops.shape(inputs)
    rows = ops.reshape(inputs, (-1, channels))
    kernel = ops.reshape(ops.convert_to_tensor(layer.kernel), (channels, layer.filters))
    return ops.reshape(ops.matmul(rows, kernel), (*pixels, layer.filters))


def _is_pointwise(layer):
    return tuple(layer.kernel_size) == tuple(layer.strides) == (1, 1)


def _on_tensorflow_cpu():
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return all(device.device_type == "CPU" for device in tf.config.list_logical_devices())
