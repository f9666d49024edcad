"""Ranges and corrected biases for an int8 graph: one walk through it, float and int8 side by side.

An int8 network is wrong in two ways. Rounding scatters its values, which a distance between two
embeddings mostly survives. And it shifts them: the mean of a channel moves a little in every
layer, the same way for every image, and the shifts pile up. The second kind is known from
calibration images and taken off the biases, layer by layer, each one seeing its predecessors as
they are after their own correction (Nagel et al., arXiv 1906.04721, section 4.2, with measured
means in the place of derived ones; section 4.1 is the equalisation).
"""

import numpy as np
import tensorflow as tf

#: Factor on the calibrated ranges inside the gates. A hidden unit or two carry a whole gate, and
#: the rare image that goes beyond the calibrated range there gets a wrong embedding.
GATE_HEADROOM = 2.0
PIXEL_RANGE = (0.0, 255.0)
#: sigmoid, for which LiteRT prescribes the scale 1/256
SIGMOID_RANGE = (0.0, 255.0 / 256.0)

_LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_POOLS = {"MAX_POOL_2D": tf.nn.max_pool2d, "AVERAGE_POOL_2D": tf.nn.avg_pool2d}
_SAME_RANGE = ("RESHAPE", "PAD", *_POOLS)
_RELU, _SAME_PADDING = 1, 0
_ELEMENTWISE = {"ADD": tf.add, "MUL": tf.multiply, "LOGISTIC": tf.sigmoid}


def calibrate(model, images, pixels=()):
    """Equalises channels, corrects the biases, and sets every tensor's range, in the model itself.

    Args:
        model: A float `LiteRTModel`.
        images: uint8 `(n, height, width, 3)`, n >= 1. All are held in memory at once, with a
            layer's values in float32: at 256x128, 128 images of OSNet x1.0 take about 4 GB.
        pixels: Numbers of the tensors that hold grey levels.

    Raises ValueError for an operator that OSNet does not have, as instance normalisation's are.
    """
    walk = _Walk(model, images, pixels)
    for operator in list(model.operators):
        walk.step(operator)
    ranges = _workable(model, walk.ranges)
    for tensor, (low, high) in ranges.items():
        model.set_range(tensor, low, high)
    for tensor in pixels:
        model.set_range(tensor, *PIXEL_RANGE)


class _Walk:
    """The values of all images at one place of the graph."""

    def __init__(self, model, images, pixels):
        self.model = model
        self.count = len(images)
        images = tf.constant(images, tf.float32)
        self.exact, self.rounded = {model.input: images}, {model.input: images}
        self.ranges = dict.fromkeys((model.input, *pixels), PIXEL_RANGE)
        self.pixels = set(pixels)
        self.consumers = model.consumers()
        self.gates = _gate_tensors(model)
        self.unread = {tensor: len(readers) for tensor, readers in self.consumers.items()}

    def step(self, operator):
        """Computes an operator's output and forgets what nobody reads any more."""
        kind = self.model.kind(operator)
        (output,) = (int(t) for t in operator.outputs)
        if kind in _LAYERS:
            exact, rounded = self._layer(operator, kind)
        else:
            exact = self._compute(operator, kind, self.exact)
            rounded = self._compute(operator, kind, self.rounded)
        self.exact[output] = exact
        self.rounded[output] = self._to_int8(operator, kind, output, exact, rounded)
        for tensor in (int(t) for t in operator.inputs if int(t) in self.exact):
            self.unread[tensor] -= 1
            if not self.unread[tensor]:
                del self.exact[tensor], self.rounded[tensor]

    def _layer(self, operator, kind):
        source = int(operator.inputs[0])
        weights = _trailing_outputs(kind, self.model.constant(int(operator.inputs[1])))
        bias = np.zeros(weights.shape[-1], "float32")
        if operator.inputs[2] >= 0:
            bias = self.model.constant(int(operator.inputs[2]))
        exact = _linear(operator, kind, self.exact[source], weights) + bias
        follower = self._depthwise_follower(operator, kind)
        if follower is not None:
            factors = _equalizing_factors(exact)
            self._equalize(operator, follower, factors, bias)
            weights, bias, exact = weights * factors, bias * factors, exact * factors
        rounded = _linear(operator, kind, self.rounded[source], _int8_weights(weights))
        # A gate serves four streams, which are not shifted alike
        if len(self.consumers[int(operator.inputs[1])]) <= 1:
            axes = tuple(range(exact.shape.rank - 1))
            bias = tf.reduce_mean(exact - rounded, axes).numpy()
            self.model.replace_input(operator, 2, bias)
        activation = _activation(operator)
        return activation(exact), activation(rounded + bias)

    def _depthwise_follower(self, operator, kind):
        """The depthwise convolution that alone reads a linear convolution, or None."""
        readers = self.consumers[int(operator.outputs[0])]
        linear = kind == "CONV_2D" and operator.builtinOptions.fusedActivationFunction == 0
        if linear and len(readers) == 1 and self.model.kind(readers[0]) == "DEPTHWISE_CONV_2D":
            return readers[0]
        return None

    def _equalize(self, operator, follower, factors, bias):
        """Multiplies a convolution's outputs and divides the weights that read them.

        All channels fill the one range that they share. It costs nothing: both weights have a
        scale for each channel, and nothing stands between the two.
        """
        model = self.model
        weights = model.constant(int(operator.inputs[1]))
        model.replace_input(operator, 1, weights * factors[:, None, None, None])
        model.replace_input(operator, 2, bias * factors)
        model.replace_input(follower, 1, model.constant(int(follower.inputs[1])) / factors)

    def _compute(self, operator, kind, values):
        options = operator.builtinOptions
        (output,) = (int(t) for t in operator.outputs)
        inputs = [self._value(values, int(t)) for t in operator.inputs]
        if kind == "MEAN":
            inputs[0] = tf.reduce_mean(inputs[0], inputs[1].tolist())
        if kind in ("MEAN", "RESHAPE"):
            return tf.reshape(inputs[0], (self.count, *self.model.shape(output)[1:]))
        if kind == "PAD":
            return tf.pad(inputs[0], inputs[1])
        if kind == "CONCATENATION":
            whole = [x if tf.is_tensor(x) else np.repeat(x[:1], self.count, axis=0) for x in inputs]
            return tf.concat(whole, options.axis)
        if kind in _POOLS:
            taps = (options.filterHeight, options.filterWidth)
            strides = (options.strideH, options.strideW)
            return _POOLS[kind](inputs[0], taps, strides, _padding(operator))
        if kind in _ELEMENTWISE:
            # A gate of one static image may be (1, channels), which broadcasts over one image only
            if {x.shape.rank for x in inputs if tf.is_tensor(x)} == {2, 4}:
                inputs = [x[:, None, None] if x.shape.rank == 2 else x for x in inputs]
            return _activation(operator)(_ELEMENTWISE[kind](*inputs))
        raise ValueError(
            f"int8 export knows no operator {kind}. Instance normalisation (OSNet-IBN, AIN) has "
            "such: its variances do not fit into 8 bits. Use fp16 or dynamic"
        )

    def _value(self, values, tensor):
        if tensor in values:
            return values[tensor]
        return self.model.constant(tensor)

    def _to_int8(self, operator, kind, output, exact, rounded):
        if output in self.pixels:
            return tf.round(rounded)  # the mean colour of the borders
        if kind in _SAME_RANGE:
            self.ranges[output] = self.ranges[int(operator.inputs[0])]
            return rounded
        if kind == "LOGISTIC":
            self.ranges[output] = SIGMOID_RANGE
        else:
            extremes = [
                float(extreme(x))
                for extreme in (tf.reduce_min, tf.reduce_max)
                for x in (exact, rounded)
            ]
            factor = GATE_HEADROOM if output in self.gates else 1.0
            low, high = factor * min(0.0, *extremes), factor * max(0.0, *extremes)
            if low == high:  # a dead unit: what one full weight would make of a full input
                high = self._reach(operator, kind)
            self.ranges[output] = (low, high)
        return tf.quantization.fake_quant_with_min_max_vars(rounded, *self.ranges[output])

    def _reach(self, operator, kind):
        inputs = [self.ranges[int(t)] for t in operator.inputs if int(t) in self.ranges]
        reach = max(max(-low, high) for low, high in inputs)
        if kind in _LAYERS:
            reach *= float(np.abs(self.model.constant(int(operator.inputs[1]))).max())
        return reach or 1.0


def _gate_tensors(model):
    """The tensors between a gate's average pool and its sigmoid."""
    producer = {int(t): operator for operator in model.operators for t in operator.outputs}
    found = set()
    for operator in model.operators:
        if model.kind(operator) == "LOGISTIC":
            tensor = int(operator.inputs[0])
            while tensor in producer and tensor not in found:
                above = producer[tensor]
                if model.kind(above) not in ("MEAN", "FULLY_CONNECTED", "RESHAPE"):
                    break
                found.add(tensor)
                tensor = int(above.inputs[0])
    return found


def _workable(model, ranges):
    """The ranges, widened where XNNPACK refuses the ratio of two scales.

    A sum's part may be at most a thousand times smaller than the sum, a layer's output at most 256
    times finer than the product of one step of its input and its weights. Only units and streams
    that hardly ever say anything come near that.
    """
    ranges = dict(ranges)

    def at_least(tensor, width):
        low, high = ranges[tensor]
        if 0.0 < high - low < width:
            factor = width / (high - low)
            ranges[tensor] = (low * factor, high * factor)

    def width(tensor):
        low, high = ranges[tensor]
        return high - low

    for operator in reversed(model.operators):
        (output,) = (int(t) for t in operator.outputs)
        inputs = [int(t) for t in operator.inputs if int(t) in ranges]
        if model.kind(operator) == "ADD":
            for tensor in inputs:
                at_least(tensor, width(output) / 500)
        elif model.kind(operator) in _LAYERS:
            largest = float(np.abs(model.constant(int(operator.inputs[1]))).max())
            at_least(output, width(inputs[0]) * largest / 127 / 100)
    return ranges


def _trailing_outputs(kind, weights):
    """LiteRT's weights with the output channel last."""
    if kind == "CONV_2D":
        return weights.transpose(1, 2, 3, 0)
    return weights.T if kind == "FULLY_CONNECTED" else weights[0]


def _int8_weights(weights):
    """Weights (output channel last) rounded to 8 bits as the converter will round them."""
    largest = np.abs(weights).reshape(-1, weights.shape[-1]).max(0)
    scale = np.maximum(largest, 1e-30) / 127
    return (np.round(weights / scale) * scale).astype("float32")


def _equalizing_factors(values):
    """What makes every channel's largest magnitude that of the largest channel, at most x 1000."""
    largest = tf.reduce_max(tf.abs(values), tuple(range(values.shape.rank - 1))).numpy()
    whole = max(float(largest.max()), 1e-6)
    return (whole / np.maximum(largest, whole / 1000)).astype("float32")


def _linear(operator, kind, values, weights):
    options = operator.builtinOptions
    if kind == "FULLY_CONNECTED":
        return tf.tensordot(values, weights, 1)
    if kind == "CONV_2D":
        strides = (options.strideH, options.strideW)
        return tf.nn.conv2d(values, weights, strides, _padding(operator))
    strides = (1, options.strideH, options.strideW, 1)
    return tf.nn.depthwise_conv2d(values, weights[..., None], strides, _padding(operator))


def _padding(operator):
    return "SAME" if operator.builtinOptions.padding == _SAME_PADDING else "VALID"


def _activation(operator):
    function = getattr(operator.builtinOptions, "fusedActivationFunction", 0)
    return tf.nn.relu if function == _RELU else tf.identity
