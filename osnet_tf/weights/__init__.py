"""Public PyTorch OSNet checkpoints <-> Keras weights.

Reading a checkpoint needs NumPy alone; Keras loads with the first name that needs it.
"""

import importlib

from osnet_tf.weights.checkpoint import read_checkpoint
from osnet_tf.weights.errors import CheckpointError
from osnet_tf.weights.names import Architecture, recognise

_HOMES = {
    "PRETRAINED": "registry",
    "Loaded": "assign",
    "PretrainedWeights": "registry",
    "architecture_of": "assign",
    "convert": "conversion",
    "convert_to_torch": "conversion",
    "load_torch_state": "assign",
    "load_torch_weights": "assign",
    "load_weights": "assign",
    "resolve_weights": "registry",
    "save_torch": "assign",
    "to_torch_state": "assign",
}

__all__ = ["Architecture", "CheckpointError", "read_checkpoint", "recognise", *_HOMES]


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"osnet_tf.weights.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'osnet_tf.weights' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
