"""Programs that load exported files, and what each wants them to be."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple


class Client(NamedTuple):
    """A program that loads exported files.

    Attributes:
        about: What it is, and how the file is given to it.
        settings: Fields of `ExportConfig` that differ from the defaults.
        sidecar: A function from a `Frozen` to the dict of the JSON file that it looks for beside
            each file, under the file's name and `.metadata.json`; or None.
        texts: What it looks for among the texts that an `.onnx` file holds about itself.
    """

    about: str
    settings: Mapping
    sidecar: Callable | None = None
    texts: Mapping[str, str] = MappingProxyType({})


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
        "NVIDIA DeepStream: onnxFile: FILE.onnx of its tracker's ReID, see docs/clients.md.",
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
        "Ultralytics' trackers: with_reid: True and model: FILE.onnx in the tracker's yaml.",
        {**_NCHW, "normalization": "unit"},
        # Of a file with texts, but without this one, it takes the batch to be 1
        texts={"args": "{'dynamic': True}"},
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


def client_texts(config):
    """What a config's client looks for among an `.onnx` file's texts: dict from str to str.

    >>> from osnet_tf.export.config import export_config
    >>> dict(client_texts(export_config(client="ultralytics")))
    {'args': "{'dynamic': True}"}
    """
    client = CLIENTS.get(config.client)
    return client.texts if client else {}


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
