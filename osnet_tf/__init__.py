"""OSNet for person re-identification on Keras 3 and TensorFlow (arXiv 1905.00953).

Importing this package is light: Keras and TensorFlow load with the first name that needs them.
`keras.models.load_model` finds the package's layers whichever of the two is imported first.
"""

import importlib
from typing import TYPE_CHECKING

import wrapt

from osnet_tf.version import __version__

if TYPE_CHECKING:
    from osnet_tf import architecture as architecture
    from osnet_tf import complexity as complexity
    from osnet_tf import conversion as conversion
    from osnet_tf import crops as crops
    from osnet_tf import data as data
    from osnet_tf import embedding as embedding
    from osnet_tf import errors as errors
    from osnet_tf import evaluation as evaluation
    from osnet_tf import export as export
    from osnet_tf import identities as identities
    from osnet_tf import layers as layers
    from osnet_tf import losses as losses
    from osnet_tf import metrics as metrics
    from osnet_tf import models as models
    from osnet_tf import preprocessing as preprocessing
    from osnet_tf import presets as presets
    from osnet_tf import publishing as publishing
    from osnet_tf import runs as runs
    from osnet_tf import search as search
    from osnet_tf import training as training
    from osnet_tf import visualize as visualize
    from osnet_tf import web as web
    from osnet_tf import weights as weights
    from osnet_tf.architecture import Architecture as Architecture
    from osnet_tf.architecture import architecture_of as architecture_of
    from osnet_tf.conversion import convert as convert
    from osnet_tf.crops import CropEmbedder as CropEmbedder
    from osnet_tf.data import ReidDataset as ReidDataset
    from osnet_tf.data import Sample as Sample
    from osnet_tf.data import load_dataset as load_dataset
    from osnet_tf.embedding import embed as embed
    from osnet_tf.evaluation import evaluate as evaluate
    from osnet_tf.layers import BatchNorm as BatchNorm
    from osnet_tf.layers import CenterDistances as CenterDistances
    from osnet_tf.layers import ChannelGate as ChannelGate
    from osnet_tf.layers import ConvNorm as ConvNorm
    from osnet_tf.layers import CosineClassifier as CosineClassifier
    from osnet_tf.layers import LightConv3x3 as LightConv3x3
    from osnet_tf.layers import OSBlock as OSBlock
    from osnet_tf.losses import BatchHardTripletLoss as BatchHardTripletLoss
    from osnet_tf.losses import CenterLoss as CenterLoss
    from osnet_tf.losses import CircleLoss as CircleLoss
    from osnet_tf.losses import LabelSmoothedCrossEntropy as LabelSmoothedCrossEntropy
    from osnet_tf.losses import MarginSoftmaxLoss as MarginSoftmaxLoss
    from osnet_tf.losses import PairLoss as PairLoss
    from osnet_tf.losses import SemiHardTripletLoss as SemiHardTripletLoss
    from osnet_tf.losses import WeightedLosses as WeightedLosses
    from osnet_tf.models import OSNet as OSNet
    from osnet_tf.models import add_classifier as add_classifier
    from osnet_tf.presets import PRESETS as PRESETS
    from osnet_tf.publishing import from_preset as from_preset
    from osnet_tf.publishing import save_to_preset as save_to_preset
    from osnet_tf.search import Gallery as Gallery
    from osnet_tf.weights import load_weights as load_weights

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
