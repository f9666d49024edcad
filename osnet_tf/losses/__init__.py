"""Losses for re-identification: Keras losses, usable in any `compile`.

A loss of one's own on pairs of images is one class, a `PairLoss`.
"""

from osnet_tf.losses.attributes import WeightedBinaryCrossEntropy
from osnet_tf.losses.center import CenterLoss
from osnet_tf.losses.circle import CircleLoss
from osnet_tf.losses.cross_entropy import LabelSmoothedCrossEntropy
from osnet_tf.losses.distances import pairwise_distances
from osnet_tf.losses.distillation import (
    EmbeddingDistillation,
    LogitDistillation,
    RelationalDistillation,
)
from osnet_tf.losses.margin_softmax import MarginSoftmaxLoss
from osnet_tf.losses.multi_similarity import MultiSimilarityLoss
from osnet_tf.losses.pair_loss import PairLoss, Pairs
from osnet_tf.losses.triplet import BatchHardTripletLoss, SemiHardTripletLoss
from osnet_tf.losses.weighted import LossTerm, WeightedLosses

__all__ = [
    "BatchHardTripletLoss",
    "CenterLoss",
    "CircleLoss",
    "EmbeddingDistillation",
    "LabelSmoothedCrossEntropy",
    "LogitDistillation",
    "LossTerm",
    "MarginSoftmaxLoss",
    "MultiSimilarityLoss",
    "PairLoss",
    "Pairs",
    "RelationalDistillation",
    "SemiHardTripletLoss",
    "WeightedBinaryCrossEntropy",
    "WeightedLosses",
    "pairwise_distances",
]
