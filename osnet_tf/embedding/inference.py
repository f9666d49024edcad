"""A model's inference as one compiled function, which everything that embeds shares."""

import weakref
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.errors import ArgumentError
from osnet_tf.models import model_size

_FUNCTIONS = weakref.WeakKeyDictionary()  # one traced function for each model that is alive


def inference_function(model: keras.Model) -> Any:
    """The model's inference, compiled once for each model.

    On Keras's TensorFlow backend it is a `tf.function`, which the exports freeze. On the JAX and
    PyTorch backends it is the model's own `predict_on_batch` between two tensors of TensorFlow,
    which decodes and resizes on every backend.

    Args:
        model: A model as `osnet_tf.OSNet` returns, of a fixed input size.

    Returns:
        A function from uint8 `(batch, height, width, 3)` to float32 `(batch, feature_dim)`.

    Raises ValueError if the model has several outputs or takes images of any size.
    """
    if model not in _FUNCTIONS:
        size = model_size(model)
        if not isinstance(model.output, keras.KerasTensor):
            raise ArgumentError(
                "The model must have one output, the embedding (leave the classifier off). "
                f"Received: {model.name!r} with {len(model.outputs)} outputs"
            )
        _FUNCTIONS[model] = _compiled(weakref.ref(model), size)
    return _Inference(model, _FUNCTIONS[model])


def _compiled(alive, size):
    """Of a weak reference: what the dictionary holds must not keep its own key alive."""
    if keras.backend.backend() != "tensorflow":
        return lambda images: tf.constant(alive().predict_on_batch(np.asarray(images)))
    return tf.function(
        lambda images: alive()(images, training=False),
        input_signature=[tf.TensorSpec((None, *size, 3), tf.uint8)],
        autograph=False,
    )


class _Inference:
    """A compiled function, and the model that it runs: whoever holds the one needs the other."""

    def __init__(self, model, function):
        self._model = model
        self._function = function

    def __call__(self, images):
        return self._function(images)

    def get_concrete_function(self):
        return self._function.get_concrete_function()
