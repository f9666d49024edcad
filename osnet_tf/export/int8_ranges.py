"""Ranges of values that the int8 quantiser and XNNPACK can work with."""

import numpy as np

from osnet_tf.export.graph_values import LAYERS

PIXEL_RANGE = (0.0, 255.0)


def workable(model, ranges):
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
        elif model.kind(operator) in LAYERS:
            largest = float(np.abs(model.constant(int(operator.inputs[1]))).max())
            at_least(output, width(inputs[0]) * largest / 127 / 100)
    return ranges
