"""Export: SavedModel, LiteRT, ONNX and OpenVINO, each compared with the Keras model."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osnet_tf.export.config import ExportConfig as ExportConfig
    from osnet_tf.export.config import Tolerance as Tolerance
    from osnet_tf.export.exporter import ExportMismatchError as ExportMismatchError
    from osnet_tf.export.exporter import check_can_export as check_can_export
    from osnet_tf.export.exporter import export_model as export_model
    from osnet_tf.export.folder import ExportFolderError as ExportFolderError
    from osnet_tf.export.formats import Artefact as Artefact
    from osnet_tf.export.formats import Format as Format
    from osnet_tf.export.formats import get_format as get_format
    from osnet_tf.export.frozen import Frozen as Frozen
    from osnet_tf.export.frozen import freeze as freeze
    from osnet_tf.export.latency import latencies as latencies
    from osnet_tf.export.litert import export_litert as export_litert
    from osnet_tf.export.litert import read_litert_metadata as read_litert_metadata
    from osnet_tf.export.litert_graph import LiteRTGraph as LiteRTGraph
    from osnet_tf.export.litert_graph import inspect_litert as inspect_litert
    from osnet_tf.export.litert_runtime import run_litert as run_litert
    from osnet_tf.export.model_json import changed_files as changed_files
    from osnet_tf.export.model_json import read_manifest as read_manifest
    from osnet_tf.export.onnx import export_onnx as export_onnx
    from osnet_tf.export.onnx import run_onnx as run_onnx
    from osnet_tf.export.openvino import export_openvino as export_openvino
    from osnet_tf.export.parity import smallest_cosine as smallest_cosine
    from osnet_tf.export.run import export_run as export_run
    from osnet_tf.export.saved_model import export_saved_model as export_saved_model

_HOMES = {
    "Artefact": "formats",
    "ExportConfig": "config",
    "ExportFolderError": "folder",
    "ExportMismatchError": "exporter",
    "Format": "formats",
    "Frozen": "frozen",
    "LiteRTGraph": "litert_graph",
    "Tolerance": "config",
    "changed_files": "model_json",
    "check_can_export": "exporter",
    "export_litert": "litert",
    "export_model": "exporter",
    "export_onnx": "onnx",
    "export_openvino": "openvino",
    "export_run": "run",
    "export_saved_model": "saved_model",
    "freeze": "frozen",
    "get_format": "formats",
    "inspect_litert": "litert_graph",
    "latencies": "latency",
    "read_litert_metadata": "litert",
    "read_manifest": "model_json",
    "run_litert": "litert_runtime",
    "run_onnx": "onnx",
    "smallest_cosine": "parity",
}

__all__ = list(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'osnet_tf.export' has no attribute {name!r}")
    return getattr(importlib.import_module(f"osnet_tf.export.{_HOMES[name]}"), name)
