"""Export to LiteRT (TensorFlow Lite), and what its files say about themselves."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from osnet_tf.checks import check_choice, check_int
from osnet_tf.errors import ArgumentError, FileError
from osnet_tf.export.flatbuffer import LiteRTModel
from osnet_tf.export.formats import GATES, PRECISIONS, Format, Graph
from osnet_tf.export.frozen import INPUT_NAME, OUTPUT_NAME, SIGNATURE, Frozen, freeze, save_module
from osnet_tf.export.input_spec import PIXELS, InputSpec
from osnet_tf.export.int8 import quantize
from osnet_tf.export.litert_graph import inspect_litert
from osnet_tf.export.litert_rewrites import plain_operators
from osnet_tf.export.litert_runtime import LiteRTEmbedder
from osnet_tf.files import check_regular_file, whole_file
from osnet_tf.types import PathLike

_METADATA = "osnet_tf.json"


def export_litert(
    model: Any | Frozen,
    path: PathLike,
    *,
    precision: str = "fp32",
    batch_size: int | None = 1,
    calibration_images: ArrayLike | None = None,
    integer_io: bool = False,
    gates: str = "float",
) -> str:
    """Writes a `.tflite` file.

    Its signature `serving_default` takes `images`, uint8 RGB `(batch_size, height, width, 3)`, and
    gives `embeddings`, float32 `(batch_size, feature_dim)`; normalisation is part of the graph. The
    batch is static: with a dynamic one the gates drag shape arithmetic into the graph, which then
    falls into many delegate partitions and runs several times slower.

    Args:
        model: A model as `osnet_tf.OSNet` returns, of a fixed input size, or `freeze` of one.
        path: The file.
        precision: "fp32"; "fp16", weights of 16 bits, half the file, the same speed on a CPU;
            "dynamic", int8 weights and activations quantised as they come; "int8", all integers.
        batch_size: >= 1.
        calibration_images: uint8 RGB `(n, height, width, 3)`, real crops, for "int8" only, where
            they are needed: ranges and biases are fitted to them. Take a hundred or so of
            the training set, as `osnet_tf.data.calibration_sample.calibration_paths` draws them;
            all are held in float32 at once, and more than 128 have not helped.
        integer_io: For "int8" only: `embeddings` are uint8 with a scale and a zero point.
        gates: For "int8" only. "float": the few values from which a gate is computed are float;
            "int8": they are integers too, and with `integer_io` the file has no float operator, as
            NPUs and Edge TPUs ask.

    Returns:
        `path` as a string.

    Raises:
        ArgumentError: the model takes images of any size; an argument outside these; "int8" without
            images to calibrate with, or with generalised mean pooling in the model, whose powers do
            not fit into 8 bits; integer gates with instance norms in it (OSNet-IBN, OSNet-AIN),
            which stay float.
        WriteError: the file cannot be written.

    >>> import tempfile, pathlib
    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1)
    >>> file = export_litert(model, pathlib.Path(tempfile.mkdtemp()) / "model.tflite")
    >>> from osnet_tf.export import run_litert
    >>> run_litert(file, np.zeros((2, 64, 32, 3), "uint8")).shape
    (2, 512)
    """
    check_choice(PRECISIONS, precision=precision)
    check_choice(GATES, gates=gates)
    check_int(batch_size=batch_size)
    frozen = freeze(model)
    if precision == "int8":
        calibration_images = _checked_crops(calibration_images, frozen.size)
    elif integer_io or gates != "float":
        given = "integer_io" if integer_io else "gates"
        raise ArgumentError(f"`{given}` is for int8 only. Received: precision={precision!r}")
    if precision in ("int8", "dynamic") and frozen.takes != PIXELS:
        raise ArgumentError(
            "Quantised files take pixels, uint8 RGB (batch, height, width, 3). "
            f"Received: precision={precision!r} with {frozen.takes}"
        )
    content = _convert(frozen, precision, batch_size)
    if precision == "int8":
        content = quantize(content, calibration_images, integer_io=integer_io, gates=gates)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as new:
        new.write_bytes(_with_metadata(content, frozen, precision, batch_size))
    return str(path)


def _convert(frozen, precision, batch_size):
    """The bytes of a `.tflite` file; of int8, those of the float file that it is made from."""
    module = tf.Module()
    module.serve = frozen.named_function(batch_size)
    with tempfile.TemporaryDirectory() as folder:
        # Converting a function without a SavedModel loses its signature
        save_module(module, folder, {SIGNATURE: module.serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if precision in ("fp16", "dynamic"):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "fp16":
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
    if precision == "dynamic":  # its layers' weights are no floats
        return content
    model = LiteRTModel(content)
    plain_operators(model)
    return model.content()


def _checked_crops(images, size):
    if images is None:
        raise ArgumentError(
            "precision='int8' needs `calibration_images`, some hundred real crops of the training "
            "set, to take the ranges of values from. Received: calibration_images=None"
        )
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != (*size, 3) or not len(images):
        raise ArgumentError(
            f"`calibration_images` must be uint8 of shape (n, {size[0]}, {size[1]}, 3). "
            f"Received: {images.dtype} {images.shape}"
        )
    return images


def _with_metadata(content, frozen, precision, batch_size):
    model = LiteRTModel(content)
    metadata = {
        "name": frozen.name,
        "precision": precision,
        "input": {
            "name": INPUT_NAME,
            "shape": list(frozen.takes.shape(batch_size, frozen.size)),
            **frozen.takes.describe(),
        },
        "output": {"name": OUTPUT_NAME, "size": frozen.dim},
    }
    model.set_metadata(_METADATA, json.dumps(metadata).encode())
    return model.content()


def read_litert_metadata(path: PathLike) -> dict[str, Any]:
    """What a `.tflite` file of `export_litert` says about its input and output.

    Returns:
        Dict with `name`, `precision`, `input` and `output`. `input["normalization"]` says who
        normalises: "in the model", so the caller hands over plain pixels of `range`, or "by the
        program", with this `mean` and `std` of values of 0..255.

    Raises FileError if the file has none, NotFoundError if there is no file.

    >>> import tempfile, pathlib
    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1)
    >>> file = export_litert(model, pathlib.Path(tempfile.mkdtemp()) / "model.tflite")
    >>> read_litert_metadata(file)["input"]["range"]
    [0, 255]
    """
    found = _metadata(path)
    if found is None:
        raise FileError(path, "has no metadata of osnet_tf: export_litert did not write it")
    return found


def _metadata(path):
    """As `read_litert_metadata`; None where there are none."""
    check_regular_file(path)
    try:
        content = LiteRTModel(Path(path).read_bytes()).metadata(_METADATA)
        return None if content is None else json.loads(content)
    except Exception as error:  # the flatbuffer classes raise whatever the bytes lead them to
        raise FileError(path, f"is no LiteRT file of osnet_tf: {error!r:.200}") from error


def _write(frozen, path, artefact, crops):
    int8 = artefact.precision == "int8"
    return export_litert(
        frozen,
        path,
        precision=artefact.precision,
        batch_size=artefact.batch_size,
        calibration_images=crops() if int8 else None,
        integer_io=artefact.integer_io,
        gates=artefact.gates,
    )


def _describe(path):
    graph = inspect_litert(path)
    return Graph(
        operators=dict(graph.operators),
        partitions=graph.partitions,
        undelegated=dict(graph.undelegated),
        output=_open(path).output,
    )


def _open(path, num_threads=1):
    about = _metadata(path)  # a file by another converter takes pixels, as of ONNX and OpenVINO
    takes = PIXELS if about is None else InputSpec.of(about["input"])
    return LiteRTEmbedder(path, num_threads, takes=takes)


FORMAT = Format(write=_write, open=_open, describe=_describe)
