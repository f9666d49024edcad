"""Export: SavedModel, LiteRT and ONNX, each compared with the Keras model on real images."""

import importlib

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
