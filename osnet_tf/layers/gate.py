"""The aggregation gate, which the streams of a block share, and one that sees no image."""

from typing import Any

import keras
from keras import ops

from osnet_tf.checks import check_choice, check_int
from osnet_tf.errors import ArgumentError
from osnet_tf.layers.composite import Composite
from osnet_tf.layers.conv import he_normal_fan_out
from osnet_tf.types import Tensor

GATE_ACTIVATIONS = ("sigmoid", "relu", "linear")


@keras.saving.register_keras_serializable(package="osnet_tf")
class ChannelGate(Composite):
    """Scales each channel by a number in (0, 1) that the input itself decides.

    Global average pool, `channels // reduction` hidden units with ReLU, one gate per channel with
    sigmoid, multiply: `G(x) * x`. An OS block applies one and the same gate to all its streams.

    Args:
        num_gates: Gates per image: None for one per channel, 1 for one for all channels; any
            other number only with `return_gates`.
        return_gates: Return the gates `(batch, 1, 1, num_gates)` instead of the scaled input.
        gate_activation: "sigmoid", "relu" or "linear".
        reduction: Channels per hidden unit, >= 1.
        layer_norm: Layer normalisation (epsilon 1e-5) before the hidden ReLU.

    Input: `(batch, height, width, channels)`. Output: the same shape, or the gates.

    Raises ArgumentError for an argument outside these, or fewer than `reduction` channels.

    Reference: arXiv 1905.00953, section 3.2, equations 3 and 4.

    >>> import numpy as np
    >>> x = np.ones((1, 2, 2, 16), "float32")
    >>> gate = ChannelGate(return_gates=True)
    >>> tuple(gate(x).shape)
    (1, 1, 1, 16)
    >>> bool(np.all((gate(x) > 0) & (gate(x) < 1)))
    True
    """

    def __init__(
        self,
        num_gates: int | None = None,
        return_gates: bool = False,
        gate_activation: str = "sigmoid",
        reduction: int = 16,
        layer_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_gates is not None:
            check_int(num_gates=num_gates)
        check_int(reduction=reduction)
        check_choice(GATE_ACTIVATIONS, gate_activation=gate_activation)
        self.num_gates = num_gates
        self.return_gates = return_gates
        self.gate_activation = gate_activation
        self.reduction = reduction
        self.layer_norm = layer_norm

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1]
        hidden = channels // self.reduction
        gates = self.num_gates or channels
        if hidden < 1:
            raise ArgumentError(
                "A gate needs at least one hidden unit, channels // reduction. "
                f"Received: channels={channels}, reduction={self.reduction}"
            )
        if not self.return_gates and gates not in (1, channels):
            raise ArgumentError(
                f"`num_gates` must be None, 1 or the number of channels, {channels}, unless "
                f"`return_gates` is set. Received: num_gates={gates}"
            )
        # Dense layers on (batch, channels): on four dimensions a batch of any size would drag shape
        # arithmetic into exported graphs.
        pooled = (input_shape[0], channels)
        squeezed = (input_shape[0], hidden)
        self.fc1 = self._built_child(
            keras.layers.Dense,
            "fc1",
            pooled,
            units=hidden,
            kernel_initializer=he_normal_fan_out(hidden, 1),
        )
        self.norm1 = None
        if self.layer_norm:
            self.norm1 = self._built_child(
                keras.layers.LayerNormalization, "norm1", squeezed, epsilon=1e-5
            )
        self.fc2 = self._built_child(
            keras.layers.Dense,
            "fc2",
            squeezed,
            units=gates,
            kernel_initializer=he_normal_fan_out(gates, 1),
        )

    def gates(self, inputs: Tensor) -> Tensor:
        """The gates of some images, `(batch, 1, 1, num_gates)`, before they scale anything."""
        x = self.fc1(ops.mean(inputs, axis=(1, 2)))
        if self.norm1 is not None:
            x = self.norm1(x)
        gates = self.fc2(ops.relu(x))
        if self.gate_activation != "linear":
            gates = getattr(ops, self.gate_activation)(gates)
        return ops.reshape(gates, (-1, 1, 1, gates.shape[-1]))

    def call(self, inputs: Tensor) -> Tensor:
        gates = self.gates(inputs)
        return gates if self.return_gates else inputs * gates

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        if self.return_gates:
            return (input_shape[0], 1, 1, self.num_gates or input_shape[-1])
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_gates": self.num_gates,
            "return_gates": self.return_gates,
            "gate_activation": self.gate_activation,
            "reduction": self.reduction,
            "layer_norm": self.layer_norm,
        }


@keras.saving.register_keras_serializable(package="osnet_tf")
class LearnedGate(keras.layers.Layer):
    """Scales each channel by a learned number in (0, 1), the same for every image.

    The paper's comparison with gates that are learned and fixed after training. They start at one
    half, where `ChannelGate` starts too.

    Input: `(batch, height, width, channels)`. Output: the same shape.

    Reference: arXiv 1905.00953, section 4.3 ("learned-and-fixed gates").

    >>> import numpy as np
    >>> float(LearnedGate()(np.full((1, 1, 1, 1), 3.0, "float32"))[0, 0, 0, 0])
    1.5
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.logits = self.add_weight(name="logits", shape=(input_shape[-1],), initializer="zeros")

    def gates(self, inputs: Tensor) -> Tensor:
        """The gates, `(channels,)`: of every image the same."""
        return ops.sigmoid(self.logits)

    def call(self, inputs: Tensor) -> Tensor:
        return inputs * self.gates(inputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(input_shape)
