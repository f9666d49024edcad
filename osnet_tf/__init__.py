"""OSNet for person re-identification on Keras 3 and TensorFlow (arXiv 1905.00953).

Importing this package is light: Keras and TensorFlow load with the first name that needs them.
`keras.models.load_model` finds the package's layers whichever of the two is imported first.
"""

import importlib

import wrapt

from osnet_tf.version import __version__

_HOMES = {
    "Architecture": "architecture",
    "BatchHardTripletLoss": "losses",
    "BatchNorm": "layers",
    "CenterDistances": "layers",
    "CenterLoss": "losses",
    "ChannelGate": "layers",
    "CircleLoss": "losses",
    "ConvNorm": "layers",
    "CosineClassifier": "layers",
    "CropEmbedder": "crops",
    "Gallery": "search",
    "LabelSmoothedCrossEntropy": "losses",
    "LightConv3x3": "layers",
    "MarginSoftmaxLoss": "losses",
    "OSBlock": "layers",
    "OSNet": "models",
    "PRESETS": "presets",
    "PairLoss": "losses",
    "ReidDataset": "data",
    "Sample": "data",
    "SemiHardTripletLoss": "losses",
    "WeightedLosses": "losses",
    "add_classifier": "models",
    "architecture_of": "architecture",
    "convert": "conversion",
    "embed": "embedding",
    "evaluate": "evaluation",
    "from_preset": "publishing",
    "load_dataset": "data",
    "load_weights": "weights",
    "save_to_preset": "publishing",
}
_MODULES = (
    "architecture",
    "complexity",
    "conversion",
    "crops",
    "data",
    "embedding",
    "errors",
    "evaluation",
    "export",
    "identities",
    "layers",
    "losses",
    "metrics",
    "models",
    "preprocessing",
    "presets",
    "publishing",
    "runs",
    "search",
    "training",
    "visualize",
    "web",
    "weights",
)

__all__ = ["__version__", *_HOMES, *_MODULES]


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"osnet_tf.{_HOMES[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"osnet_tf.{name}")
    raise AttributeError(f"module 'osnet_tf' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})


@wrapt.when_imported("keras")
def _register(_keras):
    """Makes this package's classes known to Keras as soon as there is a Keras."""
    for module in ("layers", "losses"):
        importlib.import_module(f"osnet_tf.{module}")
