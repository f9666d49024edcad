"""From a float LiteRT graph to an int8 one, calibrated on real crops: the passes in their order."""

from osnet_tf.checks import check_choice
from osnet_tf.errors import ArgumentError
from osnet_tf.export.flatbuffer import LiteRTModel
from osnet_tf.export.formats import GATES
from osnet_tf.export.int8_biases import correct_biases
from osnet_tf.export.int8_equalization import equalize
from osnet_tf.export.int8_gates import copy_hidden_units, gates_of, spread_over_rows
from osnet_tf.export.int8_norms import norms_of
from osnet_tf.export.int8_ranges import PIXEL_RANGE, workable
from osnet_tf.export.int8_rewrites import fold_normalization, pools_to_depthwise, take_float_images
from osnet_tf.export.litert_rewrites import plain_operators

_FLOAT_ONLY = ("SUB", "SQUARE", "RSQRT")


def quantize(content, images, *, integer_io=False, gates="float"):
    """An int8 LiteRT model: weights per channel, activations per tensor, 8 bits each.

    Instance norms stay float, and by default the gates' few hidden units; the graph is one
    partition of XNNPACK all the same.

    Args:
        content: bytes of a float `.tflite` model with one input, uint8 or float32 images of 0..255.
        images: uint8 `(n, height, width, 3)`, n >= 1: real crops that ranges and biases are fitted
            to. Never those that the model is judged by afterwards.
        integer_io: The embedding stays an integer too, uint8; its scale and zero point are in the
            file.
        gates: "float", or "int8": integers there as well.

    Returns:
        bytes of a `.tflite` model with a uint8 input.

    Raises ArgumentError for an operator that OSNet does not have, as generalised mean pooling's
    are, and for integer gates beside instance norms.
    """
    check_choice(GATES, gates=gates)
    model = LiteRTModel(content)
    # 1. Rewrites that keep what the float graph computes
    plain_operators(model)
    take_float_images(model)
    pools_to_depthwise(model)
    pixels = fold_normalization(model)
    # 2. What stays float
    found, norms = gates_of(model), norms_of(model)
    if norms and gates == "int8":
        raise ArgumentError(
            "Instance norms (OSNet-IBN, OSNet-AIN) stay float: no file with them is of integers "
            f"alone. Received: gates={gates!r}"
        )
    floats = set().union(*(norm.inside for norm in norms))
    floats |= found.inside if gates == "float" else set()
    _check_operators(model, floats)
    # 3. Channels of like size, so that one scale serves a tensor
    equalize(model, images, fixed=pixels, floats=floats, norms=norms)
    # 4. Biases that undo what rounding shifts, and the ranges that are seen on the way
    ranges = workable(model, correct_biases(model, images, pixels, found, floats))
    # 5. Gates that are exact enough, or fast
    if gates == "int8":
        copy_hidden_units(model, found, ranges)
    else:
        spread_over_rows(model, found, ranges)
    # 6. Ranges written where the quantiser looks for them
    for tensor, (low, high) in ranges.items():
        model.set_range(tensor, low, high)
    for tensor in pixels:
        model.set_range(tensor, *PIXEL_RANGE)
    # 7. Rounding
    return round_to_int8(model, floats, integer_io=integer_io)


def _check_operators(model, floats):
    for operator in model.operators:
        if model.kind(operator) in _FLOAT_ONLY and int(operator.outputs[0]) not in floats:
            raise ArgumentError(
                f"int8 export knows no operator {model.kind(operator)} but in an instance norm. "
                "Use fp16 or dynamic"
            )


def round_to_int8(model, floats=(), *, integer_io=False):
    """The bytes of a graph with ranges, rounded by TensorFlow's own quantiser.

    Args:
        model: A float `LiteRTModel`, each tensor's range in it.
        floats: Numbers of the tensors that stay float.
        integer_io: As in `quantize`.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import _types_pb2, mlir_quantize

    return mlir_quantize(
        model.content(),
        inference_type=_types_pb2.QUANTIZED_INT8,
        input_data_type=tf.uint8,
        output_data_type=tf.uint8 if integer_io else tf.float32,
        denylisted_nodes=[model.tensors[tensor].name.decode() for tensor in sorted(floats)],
    )
