"""Channels of like size, so that 8 bits serve all of them.

A tensor has one int8 scale for all its channels, and its largest channel decides about it; a small
one is left with a few steps. But a channel may be multiplied by any positive number where it is
made, and divided by it where it is read: ReLU, sums, pools and gates let it through, and the
network stays the same. So each channel is given a size between that which fills the tensor's range
and that which keeps the weights that read it alike, whose rows have one scale each as well
(Nagel et al., arXiv 1906.04721, section 4.1; the measured ranges and the square root are Xiao et
al.'s, arXiv 2211.10438, section 4).
"""

import numpy as np
import tensorflow as tf

from osnet_tf.export.graph_values import LAYERS, GraphValues

#: Images that the sizes of the channels are taken from.
_IMAGES = 64
_SMALLEST = 1e-4  # of the largest channel; a channel below is as good as dead
_LARGEST_FACTOR = 30.0
_PASSES = ("MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD", "MEAN")


def equalize(model, images, *, fixed=(), floats=(), norms=()):
    """Rescales the channels of a float graph in place; what it computes stays the same.

    Args:
        model: A float `LiteRTModel`.
        images: uint8 `(n, height, width, 3)`, n >= 1.
        fixed: Numbers of tensors whose values must not change, besides input and output.
        floats: Numbers of tensors that will not be rounded.
        norms: The `Norm`s of the model. What one reads is of any size to it, and gamma and beta
            make what it gives of any size.
    """
    sizes = _channel_sizes(model, images[:_IMAGES])
    consumers, producers = model.consumers(), model.producers()
    inside = set().union(*(norm.inside for norm in norms))
    made, read = {norm.output: norm for norm in norms}, {norm.source: norm for norm in norms}
    frozen = {model.input, model.output, *fixed, *(set(floats) - set(made))}
    for group in _tied_tensors(model, frozen, inside):
        makers = [producers[t] for t in group if model.kind(producers[t]) in LAYERS]
        readers = [o for t in group for o in consumers[t] if model.kind(o) in LAYERS]
        above, below = ([by[t] for t in group if t in by] for by in (made, read))
        if not (makers or above) or not (readers or below):
            continue
        maps = [t for t in group if len(model.shape(t)) == 4 and max(model.shape(t)[1:3]) > 1]
        channels = np.max([sizes[t] / max(sizes[t].max(), 1e-30) for t in maps or group], 0)
        weighted = [
            _column_sizes(model, reader)
            for reader in readers
            # A depthwise channel has a scale of its own, and floats need none
            if model.kind(reader) != "DEPTHWISE_CONV_2D" and int(reader.outputs[0]) not in floats
        ]
        factors = _factors(channels, weighted)
        _rescale(model, makers, readers, factors)
        for norm in above:
            _multiply_constant(model, norm.gamma, factors)
            _multiply_constant(model, norm.beta, factors)
        for norm in below:
            _multiply_constant(model, norm.epsilon, factors**2)


def _channel_sizes(model, images):
    """Dict from tensor number to each channel's largest magnitude, float32 `(channels,)`."""
    values, sizes = GraphValues(model, images), {}
    for operator in model.operators:
        (output,) = (int(t) for t in operator.outputs)
        values[output] = result = values.compute(operator)
        sizes[output] = tf.reduce_max(tf.abs(result), tuple(range(result.shape.rank - 1))).numpy()
        values.release(operator)
    return sizes


def _tied_tensors(model, frozen, inside):
    """Sets of tensors that can only be rescaled together, by the same factors.

    What operators with outputs `inside` compute ties nothing.
    """
    activations = set(model.activations())
    parent = {tensor: tensor for tensor in activations}
    frozen = set(frozen)

    def root(tensor):
        while parent[tensor] != tensor:
            tensor = parent[tensor]
        return tensor

    gates = {
        int(operator.outputs[0])
        for operator in model.operators
        if model.kind(operator) == "LOGISTIC"
    }
    for operator in model.operators:
        kind, (output,) = model.kind(operator), (int(t) for t in operator.outputs)
        inputs = [int(t) for t in operator.inputs if int(t) in activations]
        constants = len(operator.inputs) - len(inputs)
        scaled = [t for t in inputs if t not in gates]
        if kind in LAYERS or output in inside:
            continue
        through = kind in _PASSES or (kind == "ADD" and not constants)
        through = through or (kind == "MUL" and len(scaled) == 1)
        if kind == "RESHAPE":
            through = model.shape(inputs[0])[-1] == model.shape(output)[-1]
        if through and not gates.issuperset(inputs):
            for tensor in scaled if kind == "MUL" else inputs:
                parent[root(tensor)] = root(output)
        else:
            frozen.update([output, *inputs])
    groups = {}
    for tensor in sorted(activations):
        groups.setdefault(root(tensor), []).append(tensor)
    return [group for group in groups.values() if frozen.isdisjoint(group)]


def _column_sizes(model, reader):
    """How much of its row's scale each input channel needs, in 0..1."""
    weights = np.abs(model.constant(int(reader.inputs[1])))
    rows = weights.reshape(len(weights), -1).max(1)
    relative = weights / np.maximum(rows, 1e-30).reshape(-1, *[1] * (weights.ndim - 1))
    # One row in ten may be coarser: the largest weight of all would decide alone
    return np.quantile(relative.reshape(-1, weights.shape[-1]), 0.9, axis=0)


def _factors(channels, weighted):
    channels = np.maximum(channels, _SMALLEST)
    if not weighted:
        factors = 1 / channels
    else:
        factors = np.sqrt((np.max(weighted, 0) + 1e-6) / channels)
    factors = factors / np.exp(np.log(factors).mean())
    return factors.clip(1 / _LARGEST_FACTOR, _LARGEST_FACTOR).astype("float32")


def _multiply_constant(model, operator, factors):
    model.replace_input(operator, 1, model.constant(int(operator.inputs[1])) * factors)


def _rescale(model, makers, readers, factors):
    for maker in makers:
        weights = model.constant(int(maker.inputs[1]))
        last = model.kind(maker) == "DEPTHWISE_CONV_2D"  # its output channel is the last axis
        shaped = factors if last else factors.reshape(-1, *[1] * (weights.ndim - 1))
        model.replace_input(maker, 1, weights * shaped)
        if maker.inputs[2] >= 0:
            model.replace_input(maker, 2, model.constant(int(maker.inputs[2])) * factors)
    for reader in readers:
        model.replace_input(reader, 1, model.constant(int(reader.inputs[1])) / factors)
