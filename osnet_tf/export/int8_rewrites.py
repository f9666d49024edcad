"""Rewrites of a float LiteRT graph that leave its values alone and make its int8 form better."""

import numpy as np

from osnet_tf.export.flatbuffer import LiteRTModel


def take_float_images(model: LiteRTModel):
    """Lets float images in where the graph casts uint8 ones; quantisation makes them uint8 again.

    A cast pixel is a float to the quantiser, which would then work on floats until the first layer.
    """
    first = model.operators[0]
    if model.kind(first) == "CAST" and int(first.inputs[0]) == model.input:
        model.input = int(first.outputs[0])
        model.operators = model.operators[1:]


def pools_to_depthwise(model: LiteRTModel):
    """Writes each average pool as a depthwise convolution with equal weights.

    XNNPACK has no int8 AVERAGE_POOL_2D: two of them cut the graph into three partitions.
    """
    valid = model.schema.Padding.VALID
    for index, pool in enumerate(model.operators):
        if model.kind(pool) != "AVERAGE_POOL_2D" or pool.builtinOptions.padding != valid:
            continue
        old, (output,) = pool.builtinOptions, pool.outputs
        channels = model.shape(output)[-1]
        taps = (old.filterHeight, old.filterWidth)
        weights = np.full((1, *taps, channels), 1 / (taps[0] * taps[1]))
        model.operators[index] = model.operator(
            "DEPTHWISE_CONV_2D",
            [
                pool.inputs[0],
                model.add_constant("pool/weights", weights),
                model.add_constant("pool/bias", np.zeros(channels)),
            ],
            [output],
            "DepthwiseConv2DOptions",
            padding=valid,
            strideH=old.strideH,
            strideW=old.strideW,
            depthMultiplier=1,
            dilationHFactor=1,
            dilationWFactor=1,
            fusedActivationFunction=old.fusedActivationFunction,
        )


def fold_normalization(model: LiteRTModel):
    """Moves the image normalisation into the stem's weights; the graph's input stays 0..255.

    In int8 a MUL and an ADD over all pixels would each round once more. The stem pads normalised
    pixels with zeros, so raw ones are padded with the mean colour, channel by channel, which takes
    two concatenations with constants. Two neighbouring pixels are read as one of six channels (a
    reshape that moves nothing), with the stem's kernel widened by a column of zeros: int8 kernels
    work on 4 or 8 channels at a time and three leave most of that empty.

    Returns:
        Numbers of the tensors that hold grey levels now; empty where the graph does not begin with
        MUL, ADD, PAD, CONV_2D as the converter writes an OSNet.
    """
    if model.kinds()[:4] != ["MUL", "ADD", "PAD", "CONV_2D"]:
        return []
    multiply, add, pad, stem = model.operators[:4]
    scale, offset, weights, bias, padding = (
        model.constant(int(t))
        for t in (multiply.inputs[1], add.inputs[1], *stem.inputs[1:3], pad.inputs[1])
    )
    batch, _, width, _ = model.shape(model.input)
    (top, bottom), (left, _) = padding[1:3].tolist()
    if stem.builtinOptions.strideW != 2 or width % 2 or weights.shape[2] != 2 * left + 1:
        return []
    scale, offset, weights = (x.astype("float64") for x in (scale, offset, weights))
    grey = -offset / scale
    # One column of zeros before the kernel where its first pixel is the second of a pair
    before, after = left % 2, (weights.shape[2] + left) % 2
    pairs = np.pad(weights * scale, ((0, 0), (0, 0), (before, after), (0, 0)))
    pairs = pairs.reshape(*pairs.shape[:2], -1, 6)
    model.replace_input(stem, 1, pairs)
    model.replace_input(stem, 2, bias + (weights * offset).sum((1, 2, 3)))
    stem.builtinOptions.strideW = 1

    def border(name, *shape):
        values = np.broadcast_to(np.tile(grey, 2), (batch, *shape, 6))
        return model.add_constant(f"normalization/{name}", values)

    height, columns = model.shape(model.input)[1], width // 2
    lefts = (left + before) // 2
    rights = pairs.shape[2] - 1 - lefts
    wide = lefts + columns + rights
    as_pairs = model.add_tensor("normalization/pairs", (batch, height, columns, 6))
    padded = model.add_tensor("normalization/columns", (batch, height, wide, 6))
    whole = model.add_tensor("normalization/rows", (batch, top + height + bottom, wide, 6))
    sides = border("left", height, lefts), border("right", height, rights)
    ends = border("top", top, wide), border("bottom", bottom, wide)
    inputs = np.array(stem.inputs, "int32")
    inputs[0] = whole
    stem.inputs = inputs
    model.operators = [
        model.operator(
            "RESHAPE",
            [model.input],
            [as_pairs],
            "ReshapeOptions",
            newShape=np.array([batch, height, columns, 6], "int32"),
        ),
        model.operator(
            "CONCATENATION",
            [sides[0], as_pairs, sides[1]],
            [padded],
            "ConcatenationOptions",
            axis=2,
        ),
        model.operator(
            "CONCATENATION", [ends[0], padded, ends[1]], [whole], "ConcatenationOptions", axis=1
        ),
        *model.operators[3:],
    ]
    return [model.input, as_pairs, padded, whole, *sides, *ends]
