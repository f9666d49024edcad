"""From a float LiteRT graph to an int8 one, calibrated on real crops."""

import numpy as np

from osnet_tf.export.flatbuffer import LiteRTModel
from osnet_tf.export.int8_graph import PIXEL_RANGE, fold_normalization, pools_to_depthwise

#: Factor on the calibrated ranges inside the gates. A hidden unit or two carry a whole gate, and
#: the rare image that goes beyond the calibrated range there gets a wrong embedding.
GATE_HEADROOM = 2.0


def quantize(content, images, *, integer_io=False):
    """An int8 LiteRT model: weights per channel, activations per tensor, 8 bits each.

    Args:
        content: bytes of a float `.tflite` model with one float32 input, images of 0..255.
        images: uint8 `(n, height, width, 3)`, n >= 1: real crops that the ranges of all tensors are
            taken from. Never those that the model is judged by afterwards.
        integer_io: The embedding stays int8 too; its scale and zero point are in the file.

    Returns:
        bytes of a `.tflite` model with a uint8 input.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import _types_pb2, mlir_quantize

    model = LiteRTModel(content)
    pools_to_depthwise(model)
    pixels = fold_normalization(model) or [model.input]
    for tensor, (low, high) in tensor_ranges(model, images).items():
        model.set_range(tensor, low, high)
    for tensor in pixels:
        model.set_range(tensor, *PIXEL_RANGE)
    return mlir_quantize(
        model.content(),
        fully_quantize=False,
        inference_type=_types_pb2.QUANTIZED_INT8,
        input_data_type=tf.uint8,
        output_data_type=tf.int8 if integer_io else tf.float32,
    )


def tensor_ranges(model, images):
    """Dict from tensor number to the (low, high) that its int8 form is to cover.

    Smallest and largest value over the images, zero included; wider inside the gates.
    """
    extremes = observe(model, images)
    ranges = {
        tensor: np.array([min(0.0, float(low.min())), max(0.0, float(high.max()))])
        for tensor, (low, high) in extremes.items()
    }
    for operator in model.operators:
        (output,) = operator.outputs
        if model.kind(operator) in ("MEAN", "FULLY_CONNECTED") and len(model.shape(output)) == 4:
            ranges[int(output)] *= GATE_HEADROOM
    return {tensor: tuple(map(float, values)) for tensor, values in ranges.items()}


def observe(model, images):
    """Smallest and largest value of each channel of each tensor, image by image.

    Returns:
        Dict from tensor number to (low, high), each float32 `(n, channels)`.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model.content(),
        num_threads=1,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    tensors = model.activations()
    lows, highs = {t: [] for t in tensors}, {t: [] for t in tensors}
    batch = model.shape(model.input)[0]
    for start in range(0, len(images), batch):
        # The last batch starts again from the first image: extremes do not mind
        taken = np.take(images, range(start, start + batch), axis=0, mode="wrap")
        interpreter.set_tensor(model.input, taken.astype("float32"))
        interpreter.invoke()
        for tensor in tensors:
            values = interpreter.get_tensor(tensor)
            values = values.reshape(-1, values.shape[-1])
            lows[tensor].append(values.min(0))
            highs[tensor].append(values.max(0))
    return {t: (np.array(lows[t]), np.array(highs[t])) for t in tensors}
