"""Generalised mean pooling, between the mean and the maximum of a map."""

from typing import Any

import keras
from keras import ops

from osnet_tf.checks import check_number
from osnet_tf.types import Tensor


@keras.saving.register_keras_serializable(package="osnet_tf")
class GeneralizedMeanPooling2D(keras.layers.Layer):
    """The generalised mean of each channel: mean(x ** p) ** (1 / p).

    One exponent p for all channels is learnt: at 1 this is average pooling, and the greater it is,
    the nearer to max pooling. Below 1 it counts as 1. Values below `epsilon` count as `epsilon`,
    and pass no gradient on.

    Args:
        exponent: p to begin with, >= 1.
        epsilon: > 0.
        **kwargs: Those of `keras.layers.Layer`. The powers are computed in float32 under any
            policy.

    Input: float `(batch, height, width, channels)`, as a ReLU returns it. Output: `(batch,
    channels)`.

    Raises ArgumentError for an argument outside these.

    Reference: Radenovic et al. 2018 (arXiv 1711.02512), section 3.2, equation 3.

    >>> import numpy as np
    >>> layer = GeneralizedMeanPooling2D(exponent=2.0)
    >>> round(float(layer(np.array([[[[1.0]], [[7.0]]]], "float32"))[0, 0]), 3)  # (50 / 2) ** 0.5
    5.0
    """

    def __init__(self, exponent: float = 3.0, epsilon: float = 1e-6, **kwargs: Any) -> None:
        check_number(1, exponent=exponent)
        check_number(above=0, epsilon=epsilon)
        super().__init__(autocast=False, **kwargs)
        self.exponent = float(exponent)
        self.epsilon = float(epsilon)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.p = self.add_weight(
            (),
            initializer=keras.initializers.Constant(self.exponent),
            dtype="float32",
            name="exponent",
            autocast=False,
        )

    def call(self, inputs: Tensor) -> Tensor:
        p = ops.maximum(ops.convert_to_tensor(self.p), 1.0)
        x = ops.maximum(ops.cast(inputs, "float32"), self.epsilon)
        pooled = ops.power(ops.mean(ops.power(x, p), axis=(1, 2)), 1.0 / p)
        return ops.cast(pooled, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "exponent": self.exponent, "epsilon": self.epsilon}
