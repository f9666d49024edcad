"""A float LiteRT graph's values on images, operator by operator, in TensorFlow."""

import numpy as np
import tensorflow as tf

from osnet_tf.errors import ArgumentError

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
POOLS = {"MAX_POOL_2D": tf.nn.max_pool2d, "AVERAGE_POOL_2D": tf.nn.avg_pool2d}
_ELEMENTWISE = {
    "ADD": tf.add,
    "MUL": tf.multiply,
    "SUB": tf.subtract,
    "SQUARE": tf.square,
    "RSQRT": tf.math.rsqrt,
    "LOGISTIC": tf.sigmoid,
}
_RELU, _SAME_PADDING = 1, 0


class GraphValues(dict):
    """Dict from tensor number to its values on all images, a float32 tensor `(n, ...)`.

    It holds the images at first. The caller goes through the operators in the graph's order:
    computes each by `compute` (or, without bias and activation, by `linear`), puts the result in
    under the output's number, changed if need be, and calls `release`, which drops the values that
    no operator to come reads. So what is held at once is little more than a layer's inputs and
    outputs.

    Args:
        model: A `LiteRTModel` with one float input.
        images: 0..255 of any type, `(n, height, width, 3)`; n need not be the graph's batch size.
    """

    def __init__(self, model, images):
        super().__init__({model.input: tf.constant(images, tf.float32)})
        self._model = model
        self._count = len(images)
        self._unread = {tensor: len(readers) for tensor, readers in model.consumers().items()}

    def release(self, operator):
        """Drops the operator's inputs that no operator to come reads.

        To be called once for each operator, after its output has been computed.
        """
        for tensor in (int(t) for t in operator.inputs if int(t) in self):
            self._unread[tensor] -= 1
            if not self._unread[tensor]:
                del self[tensor]

    def linear(self, operator, weights):
        """What a layer computes before its bias is added and its activation applied.

        Args:
            operator: One of the kinds `LAYERS`, whose first input is held here.
            weights: In the place of its own, in the shape that `layer_weights` gives.

        Returns:
            float32 `(n, height, width, channels)`, or `(n, channels)` of a FULLY_CONNECTED.
        """
        values, options = self[int(operator.inputs[0])], operator.builtinOptions
        kind = self._model.kind(operator)
        if kind == "FULLY_CONNECTED":
            return tf.tensordot(values, weights, 1)
        padding = _padding(operator)
        if kind == "CONV_2D":
            return tf.nn.conv2d(values, weights, (options.strideH, options.strideW), padding)
        strides = (1, options.strideH, options.strideW, 1)
        return tf.nn.depthwise_conv2d(values, weights[..., None], strides, padding)

    def compute(self, operator):
        """What an operator computes from the values held here: float32 `(n, ...)`.

        Raises ValueError for an operator that int8 graphs of OSNet do not have.
        """
        model, options = self._model, operator.builtinOptions
        kind = model.kind(operator)
        if kind in LAYERS:
            weights, bias = layer_weights(model, operator)
            return activation(operator)(self.linear(operator, weights) + bias)
        shape = (self._count, *model.shape(int(operator.outputs[0]))[1:])
        inputs = [self[t] if t in self else model.constant(t) for t in map(int, operator.inputs)]
        if kind == "MEAN":
            return tf.reshape(tf.reduce_mean(inputs[0], inputs[1].tolist()), shape)
        if kind == "RESHAPE":
            return tf.reshape(inputs[0], shape)
        if kind == "PAD":
            return tf.pad(inputs[0], inputs[1])
        if kind == "CONCATENATION":
            whole = [
                x if tf.is_tensor(x) else np.repeat(x[:1], self._count, axis=0) for x in inputs
            ]
            return tf.concat(whole, options.axis)
        if kind in POOLS:
            taps = (options.filterHeight, options.filterWidth)
            strides = (options.strideH, options.strideW)
            return POOLS[kind](inputs[0], taps, strides, _padding(operator))
        if kind in _ELEMENTWISE:
            # A gate of one static image may be (1, channels), which broadcasts over one image only
            if {x.shape.rank for x in inputs if tf.is_tensor(x)} == {2, 4}:
                inputs = [x[:, None, None] if x.shape.rank == 2 else x for x in inputs]
            return activation(operator)(_ELEMENTWISE[kind](*inputs))
        raise ArgumentError(
            f"int8 export knows no operator {kind}, as generalised mean pooling has: powers do not "
            "fit into 8 bits. Use fp16 or dynamic"
        )


def layer_weights(model, operator):
    """`(weights, bias)` of a layer of the kinds `LAYERS`, float32, the output channel last.

    Weights are `(height, width, input channels, output channels)` of a CONV_2D, `(height, width,
    channels)` of a DEPTHWISE_CONV_2D and `(inputs, outputs)` of a FULLY_CONNECTED. A bias that was
    left out is zeros.
    """
    kind, weights = model.kind(operator), model.constant(int(operator.inputs[1]))
    if kind == "CONV_2D":
        weights = weights.transpose(1, 2, 3, 0)
    else:
        weights = weights.T if kind == "FULLY_CONNECTED" else weights[0]
    if operator.inputs[2] < 0:
        return weights, np.zeros(weights.shape[-1], "float32")
    return weights, model.constant(int(operator.inputs[2]))


def activation(operator):
    """The activation fused into an operator: `tf.nn.relu`, or `tf.identity` for none."""
    function = getattr(operator.builtinOptions, "fusedActivationFunction", 0)
    return tf.nn.relu if function == _RELU else tf.identity


def _padding(operator):
    return "SAME" if operator.builtinOptions.padding == _SAME_PADDING else "VALID"
