"""Public PyTorch OSNet checkpoints and Keras files, into Keras models and out of them.

Reading a checkpoint needs NumPy alone; Keras loads with the first name that needs it.
"""

import importlib
from typing import TYPE_CHECKING

from osnet_tf.weights.checkpoint import Checkpoint, read_checkpoint
from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.recognition import Recognised, recognise

if TYPE_CHECKING:
    from osnet_tf.weights.keras_files import load_embedder as load_embedder
    from osnet_tf.weights.loading import load_weights as load_weights
    from osnet_tf.weights.registry import PRETRAINED as PRETRAINED
    from osnet_tf.weights.registry import PretrainedWeights as PretrainedWeights
    from osnet_tf.weights.registry import resolve_weights as resolve_weights
    from osnet_tf.weights.torch_state import Loaded as Loaded
    from osnet_tf.weights.torch_state import load_torch_state as load_torch_state
    from osnet_tf.weights.torch_state import load_torch_weights as load_torch_weights
    from osnet_tf.weights.torch_state import save_torch as save_torch
    from osnet_tf.weights.torch_state import to_torch_state as to_torch_state

_HOMES = {
    "PRETRAINED": "registry",
    "Loaded": "torch_state",
    "PretrainedWeights": "registry",
    "load_embedder": "keras_files",
    "load_torch_state": "torch_state",
    "load_torch_weights": "torch_state",
    "load_weights": "loading",
    "resolve_weights": "registry",
    "save_torch": "torch_state",
    "to_torch_state": "torch_state",
}

__all__ = ["Checkpoint", "Recognised", "WeightsError", "read_checkpoint", "recognise", *_HOMES]


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"osnet_tf.weights.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'osnet_tf.weights' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
