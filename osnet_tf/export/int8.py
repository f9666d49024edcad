"""From a float LiteRT graph to an int8 one, calibrated on real crops: the passes in their order."""

from osnet_tf.export.flatbuffer import LiteRTModel
from osnet_tf.export.int8_biases import correct_biases
from osnet_tf.export.int8_equalization import equalize
from osnet_tf.export.int8_gates import gates_of
from osnet_tf.export.int8_ranges import PIXEL_RANGE, workable
from osnet_tf.export.int8_rewrites import fold_normalization, pools_to_depthwise, take_float_images


def quantize(content, images, *, integer_io=False):
    """An int8 LiteRT model: weights per channel, activations per tensor, 8 bits each.

    The gates' few hidden units stay float; the graph is one partition of XNNPACK all the same.

    Args:
        content: bytes of a float `.tflite` model with one input, uint8 or float32 images of 0..255.
        images: uint8 `(n, height, width, 3)`, n >= 1: real crops that ranges and biases are fitted
            to. Never those that the model is judged by afterwards.
        integer_io: The embedding stays int8 too; its scale and zero point are in the file.

    Returns:
        bytes of a `.tflite` model with a uint8 input.

    Raises ArgumentError for an operator that OSNet does not have, as instance normalisation's are.
    """
    model = LiteRTModel(content)
    # 1. Rewrites that keep what the float graph computes
    take_float_images(model)
    pools_to_depthwise(model)
    pixels = fold_normalization(model)
    # 2. Channels of like size, so that one scale serves a tensor
    gates = gates_of(model)
    equalize(model, images, fixed=pixels, floats=gates.inside)
    # 3. Biases that undo what rounding shifts, and the ranges that are seen on the way
    ranges = correct_biases(model, images, pixels, gates)
    # 4. Ranges written where the quantiser looks for them
    for tensor, (low, high) in workable(model, ranges).items():
        model.set_range(tensor, low, high)
    for tensor in pixels:
        model.set_range(tensor, *PIXEL_RANGE)
    # 5. Rounding
    return round_to_int8(model, gates.inside, integer_io=integer_io)


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
        output_data_type=tf.int8 if integer_io else tf.float32,
        denylisted_nodes=[model.tensors[tensor].name.decode() for tensor in sorted(floats)],
    )
