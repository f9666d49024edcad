"""Export: SavedModel and LiteRT, checked against the Keras model."""

from osnet_tf.export.export import ExportMismatchError, export, smallest_cosine
from osnet_tf.export.litert import LiteRTGraph, export_litert, inspect_litert, run_litert
from osnet_tf.export.run import export_run
from osnet_tf.export.saved_model import export_saved_model

__all__ = [
    "ExportMismatchError",
    "LiteRTGraph",
    "export",
    "export_litert",
    "export_run",
    "export_saved_model",
    "inspect_litert",
    "run_litert",
    "smallest_cosine",
]
