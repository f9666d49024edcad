"""The omni-scale residual block."""

from typing import Any

import keras
import numpy as np

from osnet_tf.checks import check_choice, check_int, check_number
from osnet_tf.errors import ArgumentError
from osnet_tf.layers.composite import Composite
from osnet_tf.layers.conv import ConvNorm, LightConv3x3, instance_norm_arguments
from osnet_tf.layers.gate import ChannelGate, LearnedGate
from osnet_tf.presets import GATES, LITE_KINDS, MAX_STREAMS
from osnet_tf.types import Tensor

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
        streams: T, 1 to 16. The paper has 4.
        bottleneck_reduction: Output channels per channel inside, >= 1.
        gate_reduction: `reduction` of the gate.
        lite: `kind` of the `LightConv3x3` layers.
        gate: How the streams come together. "shared" is the paper's; its comparisons are
            "separate": a gate for each stream; "scalar": the shared gate gives one number for a
            stream, not one for each channel; "learned": a number for each stream and channel that
            is learned and does not depend on the image; "none": the plain sum; "concat":
            concatenation, without gates.
        instance_norm: None; "output" normalises the sum before the last ReLU (OSNet-IBN);
            "residual" normalises the residual branch in place of its last batch norm (OSNet-AIN).
        synchronized: Batch statistics over all replicas.

    Input: `(batch, height, width, channels)`. Output: `(batch, height, width, filters)`.

    Raises ArgumentError for an argument outside these.

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
        filters: int,
        streams: int = 4,
        bottleneck_reduction: int = 4,
        gate_reduction: int = 16,
        lite: str = "pointwise_depthwise",
        gate: str = "shared",
        instance_norm: str | None = None,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_int(
            filters=filters,
            streams=streams,
            bottleneck_reduction=bottleneck_reduction,
            gate_reduction=gate_reduction,
        )
        check_number(maximum=MAX_STREAMS, streams=streams)
        check_choice(INSTANCE_NORMS, instance_norm=instance_norm)
        check_choice(LITE_KINDS, lite=lite)
        check_choice(GATES, gate=gate)
        if filters % bottleneck_reduction:
            raise ArgumentError(
                "`filters` must be a multiple of `bottleneck_reduction`. Received: "
                f"filters={filters}, bottleneck_reduction={bottleneck_reduction}"
            )
        self.filters = filters
        self.num_streams = int(streams)
        self.bottleneck_reduction = bottleneck_reduction
        self.gate_reduction = gate_reduction
        self.lite = lite
        self.gate_kind = gate
        self.instance_norm_place = instance_norm
        self.synchronized = synchronized

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        middle = self.filters // self.bottleneck_reduction
        middle_shape = (*input_shape[:-1], middle)
        output_shape = (*input_shape[:-1], self.filters)
        sync = {"synchronized": self.synchronized}
        self.conv1 = self._built_child(ConvNorm, "conv1", input_shape, filters=middle, **sync)
        self.streams = [
            [
                self._built_child(
                    LightConv3x3,
                    f"stream{t}_{i}",
                    middle_shape,
                    filters=middle,
                    kind=self.lite,
                    **sync,
                )
                for i in range(t)
            ]
            for t in range(1, self.num_streams + 1)
        ]
        self._build_gates(middle_shape)
        joined = middle * (self.num_streams if self.gate_kind == "concat" else 1)
        self.conv3 = self._built_child(
            ConvNorm,
            "conv3",
            (*input_shape[:-1], joined),
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

    def _build_gates(self, shape):
        """`gate`: the one that the streams share; `gates`: one for each, where they do not."""
        self.gate = None
        self.gates = []
        reduction = {"reduction": self.gate_reduction}
        if self.gate_kind in ("shared", "scalar"):
            number = 1 if self.gate_kind == "scalar" else None
            self.gate = self._built_child(ChannelGate, "gate", shape, num_gates=number, **reduction)
        elif self.gate_kind == "separate":
            self.gates = [
                self._built_child(ChannelGate, f"gate{t}", shape, **reduction)
                for t in range(1, self.num_streams + 1)
            ]
        elif self.gate_kind == "learned":
            self.gates = [
                self._built_child(LearnedGate, f"gate{t}", shape)
                for t in range(1, self.num_streams + 1)
            ]

    def _gate_of(self, stream):
        if self.gate is not None:
            return self.gate
        return self.gates[stream] if self.gates else None

    def _ungated(self, inputs, training=None):
        """Yields what each stream makes of the block's input, before its gate."""
        reduced = self.conv1(inputs, training=training)
        for stream in self.streams:
            x = reduced
            for lite in stream:
                x = lite(x, training=training)
            yield x

    def gate_values(self, inputs: Tensor) -> Tensor:
        """How far the gates open for some images, at inference.

        Args:
            inputs: The block's input, `(batch, height, width, channels)`.

        Returns:
            `(batch, T, gates)`: of each stream the gates, one for each channel or one for all.

        Raises ArgumentError if the block has no gates.
        """
        if self._gate_of(0) is None:
            raise ArgumentError(
                f"The block {self.name!r} has no gates. Received: gate={self.gate_kind!r}"
            )
        values = []
        for number, x in enumerate(self._ungated(inputs, training=False)):
            gates = keras.ops.reshape(self._gate_of(number).gates(x), (-1, self._num_gates(x)))
            values.append(keras.ops.broadcast_to(gates, (x.shape[0], gates.shape[-1])))
        return keras.ops.stack(values, axis=1)

    def _num_gates(self, x):
        return 1 if self.gate_kind == "scalar" else x.shape[-1]

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        outputs = []
        for number, x in enumerate(self._ungated(inputs, training)):
            gate = self._gate_of(number)
            outputs.append(x if gate is None else gate(x))
        if self.gate_kind == "concat":
            x = keras.ops.concatenate(outputs, axis=-1)
        else:
            x = sum(outputs[1:], outputs[0])
        x = self.conv3(x, training=training)
        if self.instance_norm_place == "residual":
            x = self.instance_norm(x)
        shortcut = inputs if self.downsample is None else self.downsample(inputs, training=training)
        x = x + shortcut
        if self.instance_norm_place == "output":
            x = self.instance_norm(x)
        return keras.ops.relu(x)

    # A block of other parts can have the very same variables. So what it is stands beside them in
    # every file of weights, and is compared, also by Keras's own `load_weights`.

    def save_own_variables(self, store: dict[str, Any]) -> None:
        store["kind"] = np.frombuffer(self._kind(), np.uint8)

    def load_own_variables(self, store: dict[str, Any]) -> None:
        stored = bytes(np.asarray(store["kind"], np.uint8)) if "kind" in store else self._kind()
        if stored != self._kind():
            raise ArgumentError(
                f"The weights are of a block with {stored.decode('ascii', 'backslashreplace')}, "
                f"but {self.name!r} has {self._kind().decode()}"
            )

    def _kind(self):
        names = ("streams", "lite", "gate", "instance_norm")
        config = self.get_config()
        return ", ".join(f"{name}={config[name]!r}" for name in names).encode()

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "streams": self.num_streams,
            "bottleneck_reduction": self.bottleneck_reduction,
            "gate_reduction": self.gate_reduction,
            "lite": self.lite,
            "gate": self.gate_kind,
            "instance_norm": self.instance_norm_place,
            "synchronized": self.synchronized,
        }
