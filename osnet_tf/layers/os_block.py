"""The omni-scale residual block."""

import keras

from osnet_tf.layers.composite import Composite, check_choice, check_positive_int
from osnet_tf.layers.conv import ConvNorm, LightConv3x3, instance_norm_arguments
from osnet_tf.layers.gate import ChannelGate

INSTANCE_NORMS = (None, "output", "residual")


@keras.saving.register_keras_serializable(package="osnet_tf")
class OSBlock(Composite):
    """Omni-scale block: streams of 1 to T Lite 3x3 layers, summed through ONE shared gate.

    A 1x1 convolution reduces to `filters // bottleneck_reduction` channels; stream t stacks t Lite
    3x3 layers, so that its receptive field is 2t + 1; the one `ChannelGate` scales every stream by
    gates that the stream itself decides; the sum goes through a linear 1x1 convolution, is added
    to the input (through a 1x1 convolution where the width changes), and ReLU ends the block.

    Args:
        filters: Output channels, a multiple of `bottleneck_reduction`.
        streams: T, >= 1. The paper has 4.
        bottleneck_reduction: Output channels per channel inside, >= 1.
        gate_reduction: `reduction` of the gate.
        instance_norm: None; "output" normalises the sum before the last ReLU (OSNet-IBN);
            "residual" normalises the residual branch in place of its last batch norm (OSNet-AIN).
        synchronized: Batch statistics over all replicas.

    Input: `(batch, height, width, channels)`. Output: `(batch, height, width, filters)`.

    Raises ValueError for an argument outside these.

    Reference: arXiv 1905.00953, section 3.2 and figure 4; AIN: arXiv 1910.06827.

    >>> import numpy as np
    >>> block = OSBlock(64)
    >>> tuple(block(np.zeros((1, 16, 8, 16), "float32")).shape)
    (1, 16, 8, 64)
    >>> [len(stream) for stream in block.streams]
    [1, 2, 3, 4]
    """

    def __init__(
        self,
        filters,
        streams=4,
        bottleneck_reduction=4,
        gate_reduction=16,
        instance_norm=None,
        synchronized=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(
            filters=filters,
            streams=streams,
            bottleneck_reduction=bottleneck_reduction,
            gate_reduction=gate_reduction,
        )
        check_choice(INSTANCE_NORMS, instance_norm=instance_norm)
        if filters % bottleneck_reduction:
            raise ValueError(
                "`filters` must be a multiple of `bottleneck_reduction`. Received: "
                f"filters={filters}, bottleneck_reduction={bottleneck_reduction}"
            )
        self.filters = filters
        self.num_streams = streams
        self.bottleneck_reduction = bottleneck_reduction
        self.gate_reduction = gate_reduction
        self.instance_norm_place = instance_norm
        self.synchronized = synchronized

    def build(self, input_shape):
        middle = self.filters // self.bottleneck_reduction
        middle_shape = (*input_shape[:-1], middle)
        output_shape = (*input_shape[:-1], self.filters)
        sync = {"synchronized": self.synchronized}
        self.conv1 = self._built_child(ConvNorm, "conv1", input_shape, filters=middle, **sync)
        self.streams = [
            [
                self._built_child(
                    LightConv3x3, f"stream{t}_{i}", middle_shape, filters=middle, **sync
                )
                for i in range(t)
            ]
            for t in range(1, self.num_streams + 1)
        ]
        self.gate = self._built_child(
            ChannelGate, "gate", middle_shape, reduction=self.gate_reduction
        )
        self.conv3 = self._built_child(
            ConvNorm,
            "conv3",
            middle_shape,
            filters=self.filters,
            activation=None,
            norm=None if self.instance_norm_place == "residual" else "batch",
            **sync,
        )
        self.downsample = None
        if input_shape[-1] != self.filters:
            self.downsample = self._built_child(
                ConvNorm, "downsample", input_shape, filters=self.filters, activation=None, **sync
            )
        self.instance_norm = None
        if self.instance_norm_place is not None:
            self.instance_norm = self._built_child(
                keras.layers.GroupNormalization,
                "instance_norm",
                output_shape,
                **instance_norm_arguments(),
            )

    def call(self, inputs, training=None):
        reduced = self.conv1(inputs, training=training)
        total = None
        for stream in self.streams:
            x = reduced
            for lite in stream:
                x = lite(x, training=training)
            x = self.gate(x)
            total = x if total is None else total + x
        x = self.conv3(total, training=training)
        if self.instance_norm_place == "residual":
            x = self.instance_norm(x)
        shortcut = inputs if self.downsample is None else self.downsample(inputs, training=training)
        x = x + shortcut
        if self.instance_norm_place == "output":
            x = self.instance_norm(x)
        return keras.ops.relu(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "streams": self.num_streams,
            "bottleneck_reduction": self.bottleneck_reduction,
            "gate_reduction": self.gate_reduction,
            "instance_norm": self.instance_norm_place,
            "synchronized": self.synchronized,
        }
