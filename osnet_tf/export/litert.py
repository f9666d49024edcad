"""Export to LiteRT (TensorFlow Lite), and what its files say about themselves."""

import json
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from osnet_tf.errors import ArgumentError
from osnet_tf.export.flatbuffer import LiteRTModel
from osnet_tf.export.frozen import (
    INPUT_NAME,
    OUTPUT_NAME,
    SIGNATURE,
    freeze,
    named_function,
)
from osnet_tf.export.quantization import quantize
from osnet_tf.files import whole_file
from osnet_tf.models import model_size
from osnet_tf.preprocessing import IMAGENET_MEAN, IMAGENET_STD

PRECISIONS = ("fp32", "fp16", "dynamic", "int8")
_METADATA = "osnet_tf.json"


def export_litert(
    embedder,
    path,
    *,
    precision="fp32",
    batch_size=1,
    calibration_images=None,
    integer_io=False,
    frozen=None,
):
    """Writes a `.tflite` file.

    Its signature `serving_default` takes `images`, uint8 RGB `(batch_size, height, width, 3)`, and
    gives `embeddings`, float32 `(batch_size, feature_dim)`; normalisation is part of the graph. The
    batch is static: with a dynamic one the gates drag shape arithmetic into the graph, which then
    falls into many delegate partitions and runs several times slower.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        path: The file.
        precision: "fp32"; "fp16", weights of 16 bits, half the file, the same speed on a CPU;
            "dynamic", int8 weights and activations quantised as they come; "int8", all integers.
        batch_size: >= 1.
        calibration_images: uint8 RGB `(n, height, width, 3)`, real crops, for "int8" only, where
            they are needed: ranges and biases are fitted to them. Take a hundred or so of
            the training set, as `osnet_tf.data.calibration_sample.calibration_paths` draws them;
            all are held in float32 at once, and more than 128 have not helped.
        integer_io: For "int8" only: `embeddings` are int8 with a scale and a zero point.
        frozen: What `osnet_tf.export.frozen.freeze` returned for the model, if it is at hand; else
            the model is traced for this file.

    Returns:
        `path` as a string.

    Raises ValueError if the model takes images of any size, for an argument outside these, and for
    "int8" without images to calibrate with or with instance normalisation in the model (OSNet-IBN,
    OSNet-AIN), whose variances do not fit into 8 bits.

    >>> import tempfile, pathlib
    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> file = export_litert(model, pathlib.Path(tempfile.mkdtemp()) / "model.tflite")
    >>> from osnet_tf.export import run_litert
    >>> run_litert(file, np.zeros((2, 64, 32, 3), "uint8")).shape
    (2, 512)
    """
    _check_arguments(embedder, precision, batch_size, calibration_images, integer_io)
    module = tf.Module()
    module.serve = named_function(freeze(embedder) if frozen is None else frozen, batch_size)
    with tempfile.TemporaryDirectory() as folder:
        # Converting a function without a SavedModel loses its signature
        tf.saved_model.save(module, folder, signatures={SIGNATURE: module.serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if precision in ("fp16", "dynamic"):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "fp16":
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
    if precision == "int8":
        content = quantize(content, np.asarray(calibration_images), integer_io=integer_io)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as new:
        new.write_bytes(_with_metadata(content, embedder, precision, batch_size))
    return str(path)


def _check_arguments(embedder, precision, batch_size, calibration_images, integer_io):
    size = model_size(embedder)
    if precision not in PRECISIONS:
        raise ArgumentError(
            f"`precision` must be one of {', '.join(PRECISIONS)}. Received: precision={precision!r}"
        )
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ArgumentError(
            f"`batch_size` must be a positive integer. Received: batch_size={batch_size!r}"
        )
    if precision != "int8":
        if integer_io:
            raise ArgumentError(f"`integer_io` is for int8 only. Received: precision={precision!r}")
        return
    if calibration_images is None:
        raise ArgumentError(
            "precision='int8' needs `calibration_images`, some hundred real crops of the training "
            "set, to take the ranges of values from. Received: calibration_images=None"
        )
    images = np.asarray(calibration_images)
    if images.dtype != np.uint8 or images.shape[1:] != (*size, 3) or not len(images):
        raise ArgumentError(
            f"`calibration_images` must be uint8 of shape (n, {size[0]}, {size[1]}, 3). "
            f"Received: {images.dtype} {images.shape}"
        )


def _with_metadata(content, embedder, precision, batch_size):
    model = LiteRTModel(content)
    height, width = model_size(embedder)
    metadata = {
        "name": embedder.name,
        "precision": precision,
        "input": {
            "name": INPUT_NAME,
            "shape": [batch_size, height, width, 3],
            "dtype": "uint8",
            "layout": "NHWC",
            "color_order": "RGB",
            "range": [0, 255],
            "normalization": {
                "in_graph": True,
                "mean": [255 * value for value in IMAGENET_MEAN],
                "std": [255 * value for value in IMAGENET_STD],
            },
        },
        "output": {"name": OUTPUT_NAME, "size": embedder.output_shape[-1]},
    }
    model.set_metadata(_METADATA, json.dumps(metadata).encode())
    return model.content()


def read_litert_metadata(path):
    """What a `.tflite` file of `export_litert` says about its input and output.

    Returns:
        Dict with `name`, `precision`, `input` and `output`. `input["normalization"]` says
        `in_graph: True`: the graph does it, with this mean and standard deviation of 0..255
        values, and the caller hands over plain pixels.

    Raises ValueError if the file has none.

    >>> import tempfile, pathlib
    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> file = export_litert(model, pathlib.Path(tempfile.mkdtemp()) / "model.tflite")
    >>> read_litert_metadata(file)["input"]["range"]
    [0, 255]
    """
    content = LiteRTModel(Path(path).read_bytes()).metadata(_METADATA)
    if content is None:
        raise ArgumentError(f"{path} has no metadata of osnet_tf: export_litert did not write it")
    return json.loads(content)
