"""From a float LiteRT graph to an int8 one, calibrated on real crops."""

from osnet_tf.export.flatbuffer import LiteRTModel
from osnet_tf.export.int8_calibration import calibrate
from osnet_tf.export.int8_graph import fold_normalization, pools_to_depthwise, take_float_images


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

    Raises ValueError for an operator that OSNet does not have, as instance normalisation's are.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import _types_pb2, mlir_quantize

    model = LiteRTModel(content)
    take_float_images(model)
    pools_to_depthwise(model)
    floats = calibrate(model, images, fold_normalization(model))
    return mlir_quantize(
        model.content(),
        inference_type=_types_pb2.QUANTIZED_INT8,
        input_data_type=tf.uint8,
        output_data_type=tf.int8 if integer_io else tf.float32,
        denylisted_nodes=floats,
    )
