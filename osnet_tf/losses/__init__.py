"""Losses for re-identification: Keras losses, usable in any `compile`."""

from osnet_tf.losses.cross_entropy import LabelSmoothedCrossEntropy
from osnet_tf.losses.triplet import BatchHardTripletLoss
from osnet_tf.losses.weighted import WeightedLosses

__all__ = ["BatchHardTripletLoss", "LabelSmoothedCrossEntropy", "WeightedLosses"]
