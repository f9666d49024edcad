"""A model's inference as one traced graph, which everything that embeds shares."""

import weakref
from typing import Any

import keras
import tensorflow as tf

from osnet_tf.errors import ArgumentError
from osnet_tf.models import model_size

_FUNCTIONS = weakref.WeakKeyDictionary()  # one traced function for each model that is alive


def inference_function(model: keras.Model) -> Any:
    """The model's inference as a `tf.function`, traced once for each model.

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
        alive = weakref.ref(model)  # the function must not keep its own key alive
        _FUNCTIONS[model] = tf.function(
            lambda images: alive()(images, training=False),
            input_signature=[tf.TensorSpec((None, *size, 3), tf.uint8)],
            autograph=False,
        )
    return _FUNCTIONS[model]
