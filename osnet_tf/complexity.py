"""Parameters and multiply-adds, counted on the models themselves, and those of the ablations."""

import contextlib
import math
from typing import NamedTuple

import keras
import numpy as np

from osnet_tf.checks import check_choice
from osnet_tf.errors import ArgumentError
from osnet_tf.models import OSNet
from osnet_tf.presets import ABLATIONS


def count_parameters(model):
    """Trainable parameters of a model or layer, a shared layer counted once.

    >>> from osnet_tf import OSNet
    >>> count_parameters(OSNet("osnet_x0_25"))
    201864
    """
    return sum(math.prod(w.shape) for w in model.trainable_weights)


def count_multiply_adds(model, input_shape=None):
    """Multiply-adds of one image through a model, by watching one forward pass.

    Counted as the public code's tool does: convolutions and Linear layers only, kernel taps x
    input channels / groups for each output value, one more where there is a bias, and a shared
    layer each time that it runs.

    Args:
        model: A built Keras model of one image input.
        input_shape: `(height, width, channels)`; the model's own by default.

    Returns:
        int.

    Raises ArgumentError if the model's size is open and none is given.

    >>> from osnet_tf import OSNet
    >>> count_multiply_adds(OSNet("osnet_x0_25"))
    82316000
    """
    shape = tuple(input_shape or model.input_shape[1:])
    if None in shape:
        raise ArgumentError(
            f"The model takes images of any size: give `input_shape`. Received: {shape}"
        )
    total = 0

    def watch(layer):
        original = layer.call

        def call(inputs, *args, **kwargs):
            nonlocal total
            outputs = original(inputs, *args, **kwargs)
            total += math.prod(outputs.shape[1:]) * _per_output(layer)
            return outputs

        layer.call = call
        return lambda: delattr(layer, "call")

    with contextlib.ExitStack() as restore:
        for layer in model._flatten_layers():
            if isinstance(layer, _COUNTED):
                restore.callback(watch(layer))
        model(np.zeros((1, *shape), "float32"), training=False)
    return total


_COUNTED = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)


def _per_output(layer):
    kernel = layer.kernel.shape
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        taps = kernel[0] * kernel[1]  # (height, width, channels, multiplier): one group a channel
    else:
        taps = math.prod(kernel[:-1])
    return taps + bool(layer.use_bias)


class Cost(NamedTuple):
    """One row of `cost_table`.

    Attributes:
        name: Key of `ABLATIONS`.
        about: The row in words.
        parameters: Trainable parameters, without classifier.
        multiply_adds: For one image.
    """

    name: str
    about: str
    parameters: int
    multiply_adds: int


def cost_table(names=None, progress=None):
    """Parameters and multiply-adds of the ablations, counted on the built models.

    Args:
        names: Keys of `ABLATIONS`; all of them by default.
        progress: Called with 1 for each finished row; may be None.

    Returns:
        List of `Cost`.

    Raises ArgumentError for a name that is not there.

    >>> [row.parameters for row in cost_table(["osnet_x0_25_64x32"])]
    [201864]
    """
    rows = []
    for name in ABLATIONS if names is None else names:
        check_choice(ABLATIONS, names=name)
        about, arguments = ABLATIONS[name]
        model = OSNet(**arguments)
        rows.append(Cost(name, about, count_parameters(model), count_multiply_adds(model)))
        if progress is not None:
            progress(1)
    return rows
