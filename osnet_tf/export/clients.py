"""Programs that load exported files, and what each wants them to be."""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Client(NamedTuple):
    """A program that loads exported files.

    Attributes:
        about: What it is, and how the file is given to it.
        settings: Fields of `ExportConfig` that differ from the defaults.
        sidecar: A function from a `Frozen` to the dict of the JSON file that it looks for beside
            each file, under the file's name and `.metadata.json`; or None.
    """

    about: str
    settings: Mapping
    sidecar: Callable | None = None


def _boxmot_sidecar(frozen):
    return {
        "schema_version": 1,
        "model_name": frozen.architecture.preset if frozen.architecture else frozen.name,
        "num_classes": 1,  # it builds a classifier of so many, and takes it off again
        "preprocess": "resize",
        "model_kwargs_schema_version": 1,
        "model_kwargs": {"img_size": list(frozen.size)},
        "img_size": list(frozen.size),
    }


_NCHW = {"formats": "onnx", "layout": "nchw", "input": "float"}

#: Name -> `Client`.
CLIENTS = {
    "boxmot": Client(
        "BoxMOT: reid_model=FILE.onnx or FILE.tflite.",
        {**_NCHW, "formats": "onnx,tflite", "normalization": "outside"},
        _boxmot_sidecar,
    ),
    "coreml": Client(
        "Core ML: coremltools converts the SavedModel's signature `convert`, see docs/clients.md.",
        {"formats": "saved_model"},
    ),
    "deepstream": Client(
        "NVIDIA DeepStream: onnx-file=FILE.onnx, net-scale-factor=1, model-color-format=0.",
        {**_NCHW, "normalization": "inside"},
    ),
    "mediapipe": Client(
        "MediaPipe: ImageEmbedder with model_asset_path=FILE.tflite.",
        {"formats": "tflite"},
    ),
    "opencv": Client(
        "OpenCV: cv2.dnn.readNet(FILE.onnx), blobFromImage(crop, 1, (width, height), swapRB=True).",
        {**_NCHW, "normalization": "inside"},
    ),
    "tfjs": Client(
        "TensorFlow.js: tensorflowjs_converter --signature_name=convert, see docs/clients.md.",
        {"formats": "saved_model"},
    ),
    "ultralytics": Client(
        "Ultralytics' trackers: model: FILE.onnx.",
        {**_NCHW, "normalization": "unit"},
    ),
}


def sidecars(frozen, config):
    """The JSON files that a config's client looks for: dict from a name to its content.

    Args:
        frozen: A `Frozen`.
        config: An `ExportConfig`.
    """
    client = CLIENTS.get(config.client)
    if client is None or client.sidecar is None:
        return {}
    return {name: client.sidecar(frozen) for name in sidecar_names(config)}


def sidecar_names(config):
    """Their names.

    >>> from osnet_tf.export.config import export_config
    >>> sidecar_names(export_config(client="boxmot"))
    ['model.onnx.metadata.json', 'model.tflite.metadata.json']
    """
    client = CLIENTS.get(config.client)
    if client is None or client.sidecar is None:
        return []
    names = [artefact.name for artefact in config.artefacts if artefact.format != "saved_model"]
    return sorted(f"{name}.metadata.json" for name in names)
