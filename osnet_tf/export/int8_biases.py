"""Corrected biases for an int8 graph, and the ranges of its values: one walk through it, float and
int8 side by side.

An int8 network is wrong in two ways. Rounding scatters its values, which a distance between two
embeddings mostly survives. And it shifts them: the mean of a channel moves a little in every
layer, the same way for every image, and the shifts pile up. The second kind is known from
calibration images and taken off the biases, layer by layer, each one seeing its predecessors as
they are after their own correction (Nagel et al., arXiv 1906.04721, section 4.2, with measured
means in the place of derived ones).
"""

import numpy as np
import tensorflow as tf

from osnet_tf.export.graph_values import LAYERS, POOLS, GraphValues, activation, layer_weights
from osnet_tf.export.int8_ranges import PIXEL_RANGE

#: Factor on the calibrated ranges where a gate begins and ends. A channel or two carry a whole
#: gate, and the rare image that goes beyond the calibrated range there gets a wrong embedding.
GATE_HEADROOM = 2.0

#: Beyond these a gate is open or shut to less than half a step of its 8 bits.
_LOGITS = (-6.0, 6.0)
#: What TensorFlow Lite prescribes for the output of an int8 LOGISTIC.
_LOGISTIC = (0.0, 255 / 256)

_SAME_RANGE = ("RESHAPE", "PAD", *POOLS)


def correct_biases(model, images, pixels, gates, floats):
    """Corrects the biases in the model itself, as `quantize` will round the rest.

    Args:
        model: A float `LiteRTModel`.
        images: uint8 `(n, height, width, 3)`, n >= 1. All are held in memory at once, with a
            layer's values in float32: at 256x128, 128 images of OSNet x1.0 take about 5 GB.
        pixels: Numbers of the tensors that hold grey levels.
        gates: `Gates` of the model.
        floats: Numbers of the tensors that will not be rounded.

    Returns:
        Dict from a tensor's number to the range of its values, `(low, high)`.

    Raises ArgumentError for an operator that OSNet does not have, as generalised mean pooling's
    are.
    """
    walk = _Walk(model, images, pixels, gates, floats)
    for operator in list(model.operators):
        walk.step(operator)
    return walk.ranges


class _Walk:
    """The values of all images at one place of the graph, exact and rounded."""

    def __init__(self, model, images, pixels, gates, floats):
        self.model, self.gates, self.pixels, self.floats = model, gates, set(pixels), set(floats)
        self.read = read = model.consumers()
        # What is read where integers are is rounded there
        self.unrounded = {
            tensor
            for tensor in self.floats
            if read[tensor] and all(int(o.outputs[0]) in self.floats for o in read[tensor])
        }
        self.exact, self.rounded = GraphValues(model, images), GraphValues(model, images)
        self.ranges = dict.fromkeys((model.input, *pixels), PIXEL_RANGE)

    def step(self, operator):
        """Computes an operator's output and forgets what nobody reads any more."""
        (output,) = (int(t) for t in operator.outputs)
        kind = self.model.kind(operator)
        if kind in LAYERS and output not in self.floats:
            exact, rounded = self._layer(operator)
        else:
            exact, rounded = self.exact.compute(operator), self.rounded.compute(operator)
        self.exact[output] = exact
        self.rounded[output] = self._to_int8(operator, kind, output, exact, rounded)
        self.exact.release(operator)
        self.rounded.release(operator)

    def _layer(self, operator):
        weights, bias = layer_weights(self.model, operator)
        exact = self.exact.linear(operator, weights) + bias
        rounded = self.rounded.linear(operator, _int8_weights(weights))
        corrected = tf.reduce_mean(exact - rounded, tuple(range(exact.shape.rank - 1))).numpy()
        self.model.replace_input(operator, 2, corrected)
        function = activation(operator)
        return function(exact), function(rounded + corrected)

    def _to_int8(self, operator, kind, output, exact, rounded):
        if output in self.pixels:
            return tf.round(rounded)  # the mean colour of the borders
        if kind in _SAME_RANGE:
            self.ranges[output] = self.ranges[int(operator.inputs[0])]
            return rounded
        extremes = [
            float(extreme(x))
            for extreme in (tf.reduce_min, tf.reduce_max)
            for x in (exact, rounded)
        ]
        wide = output in self.gates.first | self.gates.inside
        factor = GATE_HEADROOM if wide else 1.0
        low, high = factor * min(0.0, *extremes), factor * max(0.0, *extremes)
        if output in self.gates.last:
            low, high = (0.0, min(high, 1.0)) if output in self.floats else _LOGISTIC
        elif output in self.gates.inside and self._is_logits(output):
            low, high = max(low, _LOGITS[0]), min(high, _LOGITS[1])
        if low == high:  # a dead unit: what one full weight would make of a full input
            high = self._reach(operator, kind)
        self.ranges[output] = (low, high)
        if output in self.unrounded:
            return rounded
        return tf.quantization.fake_quant_with_min_max_vars(rounded, *self.ranges[output])

    def _is_logits(self, tensor):
        return any(int(o.outputs[0]) in self.gates.last for o in self.read[tensor])

    def _reach(self, operator, kind):
        inputs = [self.ranges[int(t)] for t in operator.inputs if int(t) in self.ranges]
        reach = max(max(-low, high) for low, high in inputs)
        if kind in LAYERS:
            reach *= float(np.abs(self.model.constant(int(operator.inputs[1]))).max())
        return reach or 1.0


def _int8_weights(weights):
    """Weights (output channel last) rounded to 8 bits as the converter will round them."""
    largest = np.abs(weights).reshape(-1, weights.shape[-1]).max(0)
    scale = np.maximum(largest, 1e-30) / 127
    return (np.round(weights / scale) * scale).astype("float32")
