"""The two convolutions that OSNet is made of."""

import math
from typing import Any

import keras

from osnet_tf.checks import check_choice, check_int
from osnet_tf.errors import ArgumentError
from osnet_tf.layers.batch_norm import BatchNorm
from osnet_tf.layers.composite import Composite
from osnet_tf.layers.pointwise import convolve
from osnet_tf.presets import LITE_KINDS
from osnet_tf.types import Tensor

NORMS = ("batch", "instance", None)
ACTIVATIONS = ("relu", None)


def he_normal_fan_out(filters, kernel_size):
    """The public code's initialiser for convolutions: N(0, sqrt(2 / (filters * taps))).

    PyTorch's `kaiming_normal_(mode="fan_out")` counts a depthwise kernel's fan as channels x taps
    too; Keras's `VarianceScaling(mode="fan_out")` would say taps alone.
    """
    return keras.initializers.RandomNormal(stddev=math.sqrt(2.0 / (filters * kernel_size**2)))


def instance_norm_arguments():
    """Arguments that make `keras.layers.GroupNormalization` PyTorch's InstanceNorm2d(affine)."""
    return {"groups": -1, "epsilon": 1e-5}


@keras.saving.register_keras_serializable(package="osnet_tf")
class ConvNorm(Composite):
    """Convolution without bias, normalisation, ReLU.

    Padding is (kernel_size - 1) // 2 on each side, stated explicitly: Keras's "same" shifts by a
    pixel at stride 2.

    Args:
        filters: Output channels, >= 1.
        kernel_size: Odd, >= 1.
        strides: >= 1.
        norm: "batch", "instance" (affine, epsilon 1e-5) or None.
        activation: "relu" or None.
        synchronized: Batch statistics over all replicas.

    Input: `(batch, height, width, channels)`. Output:
    `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Raises ArgumentError for an argument outside these.

    Reference: `ConvLayer`, `Conv1x1` and `Conv1x1Linear` of the public code.

    >>> import numpy as np
    >>> tuple(ConvNorm(16, 7, strides=2)(np.zeros((1, 256, 128, 3), "float32")).shape)
    (1, 128, 64, 16)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 1,
        strides: int = 1,
        norm: str = "batch",
        activation: str | None = "relu",
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_int(filters=filters, kernel_size=kernel_size, strides=strides)
        check_choice(NORMS, norm=norm)
        check_choice(ACTIVATIONS, activation=activation)
        if kernel_size % 2 == 0:
            raise ArgumentError(f"`kernel_size` must be odd. Received: kernel_size={kernel_size}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.norm_kind = norm
        self.activation = activation
        self.synchronized = synchronized

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.pad = None
        padded_shape = input_shape
        if self.strides > 1 and self.kernel_size > 1:
            self.pad = self._built_child(
                keras.layers.ZeroPadding2D,
                "pad",
                input_shape,
                padding=self.kernel_size // 2,
                data_format="channels_last",
            )
            padded_shape = self.pad.compute_output_shape(input_shape)
        self.conv = self._built_child(
            keras.layers.Conv2D,
            "conv",
            padded_shape,
            filters=self.filters,
            kernel_size=self.kernel_size,
            strides=self.strides,
            padding="same" if self.pad is None else "valid",
            use_bias=False,
            kernel_initializer=he_normal_fan_out(self.filters, self.kernel_size),
            data_format="channels_last",
        )
        output_shape = self.conv.compute_output_shape(padded_shape)
        self.norm = None
        if self.norm_kind == "batch":
            self.norm = self._built_child(
                BatchNorm, "norm", output_shape, synchronized=self.synchronized
            )
        elif self.norm_kind == "instance":
            self.norm = self._built_child(
                keras.layers.GroupNormalization, "norm", output_shape, **instance_norm_arguments()
            )

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = inputs if self.pad is None else self.pad(inputs)
        x = convolve(self.conv, x, training)
        if self.norm_kind == "batch":
            x = self.norm(x, training=training)
        elif self.norm is not None:
            x = self.norm(x)
        return keras.ops.relu(x) if self.activation == "relu" else x

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, height, width, _ = input_shape
        return (batch, *(_ceil_div(n, self.strides) for n in (height, width)), self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "norm": self.norm_kind,
            "activation": self.activation,
            "synchronized": self.synchronized,
        }


@keras.saving.register_keras_serializable(package="osnet_tf")
class LightConv3x3(Composite):
    """Lite 3x3: pointwise convolution, then depthwise 3x3, one batch norm, ReLU.

    Pointwise comes first and nothing stands between the two: it is not a separable convolution,
    which is depthwise first. The other kinds are the paper's comparisons.

    Args:
        filters: Output channels, >= 1.
        kind: "pointwise_depthwise"; "depthwise_pointwise", the separable order; "full", a plain
            3x3 convolution.
        synchronized: Batch statistics over all replicas.

    Input: `(batch, height, width, channels)`. Output: `(batch, height, width, filters)`.

    Raises ArgumentError for an argument outside these.

    Reference: arXiv 1905.00953, section 3.1 and figure 3(b).

    >>> import numpy as np
    >>> layer = LightConv3x3(8)
    >>> tuple(layer(np.zeros((1, 4, 4, 16), "float32")).shape)
    (1, 4, 4, 8)
    >>> layer.count_params() - 4 * 8  # 16 x 8 pointwise, 9 x 8 depthwise; batch norm has 4 x 8
    200
    """

    def __init__(
        self,
        filters: int,
        kind: str = "pointwise_depthwise",
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_int(filters=filters)
        check_choice(LITE_KINDS, kind=kind)
        self.filters = filters
        self.kind = kind
        self.synchronized = synchronized

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        output_shape = self.compute_output_shape(input_shape)
        if self.kind == "full":
            self.conv = self._convolution("conv", 3, input_shape)
        elif self.kind == "depthwise_pointwise":
            self.depthwise = self._depthwise(input_shape)
            self.pointwise = self._convolution("pointwise", 1, input_shape)
        else:
            self.pointwise = self._convolution("pointwise", 1, input_shape)
            self.depthwise = self._depthwise(output_shape)
        self.norm = self._built_child(
            BatchNorm, "norm", output_shape, synchronized=self.synchronized
        )

    def _convolution(self, name, taps, input_shape):
        return self._built_child(
            keras.layers.Conv2D,
            name,
            input_shape,
            filters=self.filters,
            kernel_size=taps,
            padding="same",
            use_bias=False,
            kernel_initializer=he_normal_fan_out(self.filters, taps),
            data_format="channels_last",
        )

    def _depthwise(self, input_shape):
        return self._built_child(
            keras.layers.DepthwiseConv2D,
            "depthwise",
            input_shape,
            kernel_size=3,
            padding="same",
            use_bias=False,
            depthwise_initializer=he_normal_fan_out(input_shape[-1], 3),
            data_format="channels_last",
        )

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if self.kind == "full":
            x = self.conv(inputs)
        elif self.kind == "depthwise_pointwise":
            x = convolve(self.pointwise, self.depthwise(inputs), training)
        else:
            x = self.depthwise(convolve(self.pointwise, inputs, training))
        return keras.ops.relu(self.norm(x, training=training))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kind": self.kind,
            "synchronized": self.synchronized,
        }


def _ceil_div(n, divisor):
    return None if n is None else -(-n // divisor)
