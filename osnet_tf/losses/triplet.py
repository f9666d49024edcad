"""Triplet losses: an image's positives must be nearer than its negatives."""

from typing import Any

import keras
from keras import ops

from osnet_tf.checks import check_choice, check_number
from osnet_tf.losses.distances import DISTANCES, pairwise_distances
from osnet_tf.losses.pair_loss import PairLoss, Pairs
from osnet_tf.types import Tensor


class _TripletLoss(PairLoss):
    """What the triplet losses have in common: margin, distance, mining."""

    def __init__(self, margin, distance, mining, name, reduction):
        check_number(0, margin=margin)
        check_choice(DISTANCES, distance=distance)
        super().__init__(mining, name, reduction)
        self.margin = float(margin)
        self.distance = distance

    def anchor_losses(self, pairs):
        distances = pairwise_distances(pairs.anchors, pairs.others, self.distance)
        has_negative = ops.any(pairs.negative, axis=1)
        losses = self.from_distances(distances, pairs, has_negative)
        return ops.where(has_negative, losses, 0.0)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin, "distance": self.distance}


@keras.saving.register_keras_serializable(package="osnet_tf")
class BatchHardTripletLoss(_TripletLoss):
    """For each image: its farthest positive must be nearer than its nearest negative.

    `max(d_ap - d_an + margin, 0)`, or `log(1 + exp(d_ap - d_an))` with the soft margin, where d_ap
    is the largest distance to an image of the same identity (0 if there is no other: the image is
    its own positive, as in the public code) and d_an the smallest to another identity. The loss is
    the mean over all images.

    Degenerate batches are finite, gradients included: an image without any negative gives 0, so a
    batch of one image or of one identity gives 0; where all embeddings are equal the loss is the
    margin (log 2 with the soft one) and the gradient 0.

    It equals tensorflow-addons' `TripletHardLoss(margin, soft)`, except that there an image without
    negatives takes its farthest neighbour for one, and the soft margin overflows above 88.

    Args:
        margin: >= 0, in units of the distance; unused with `soft_margin`.
        soft_margin: Use the soft margin.
        distance: "euclidean", "sqeuclidean" or "cosine" (1 - cosine).
        mining: "replica": positives and negatives from the replica's own part of the batch;
            "global": from all replicas of a `tf.distribute` strategy, gathered with gradients, so
            that several replicas compute what one would on the whole batch. The two are the same
            on one replica and on the JAX backend, where one program sees the whole batch.
        name, reduction: Those of `keras.losses.Loss`.

    Call arguments: integer identities `(batch,)`, below 2^24 (Keras passes them on as float32);
    embeddings `(batch, dim)` float. Computed in float32.

    Raises ArgumentError for an argument outside these.

    Reference: Hermans et al. 2017 (arXiv 1703.07737), equations 5 and 6.

    >>> import numpy as np
    >>> loss = BatchHardTripletLoss(margin=0.3)
    >>> pids = np.array([0, 0, 1])
    >>> x = np.array([[0.0], [1.0], [1.5]], "float32")
    >>> round(float(loss(pids, x)), 4)  # (0 + (1 - 0.5 + 0.3) + 0) / 3
    0.2667
    """

    def __init__(
        self,
        margin: float = 0.3,
        soft_margin: bool = False,
        name: str = "triplet",
        reduction: str = "sum_over_batch_size",
        distance: str = "euclidean",
        mining: str = "replica",
    ) -> None:
        super().__init__(margin, distance, mining, name, reduction)
        self.soft_margin = bool(soft_margin)

    def from_distances(self, distances: Tensor, pairs: Pairs, has_negative: Tensor) -> Tensor:
        farthest = ops.max(ops.where(pairs.positive, distances, 0.0), axis=1)
        nearest = ops.min(ops.where(pairs.negative, distances, float("inf")), axis=1)
        difference = farthest - ops.where(has_negative, nearest, 0.0)
        if self.soft_margin:
            return ops.softplus(difference)
        return ops.relu(difference + self.margin)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "soft_margin": self.soft_margin}


@keras.saving.register_keras_serializable(package="osnet_tf")
class SemiHardTripletLoss(_TripletLoss):
    """For each pair of the same identity: the nearest negative that is farther than the positive.

    For each ordered pair (a, p) of two images of one identity, d_an is the smallest distance from a
    to another identity that is larger than d_ap, or the largest of all where none is larger. The
    loss is the sum of `max(d_ap - d_an + margin, 0)` over all pairs, divided by their number, pairs
    that give 0 counted in.

    Degenerate batches are finite, gradients included: without a pair of one identity, or without a
    second identity, the loss is 0. It equals tensorflow-addons' `TripletSemiHardLoss(margin)`
    except there: without pairs that gives NaN, and with one identity only, margin + d_ap.

    Memory: 4 batch^3 bytes or some times as much, 1 MB at 64 images, 0.5 GB at 512.

    Args:
        margin: >= 0, in units of the distance.
        distance: "euclidean", "sqeuclidean" or "cosine" (1 - cosine).
        mining: "replica" or "global"; see `BatchHardTripletLoss`.
        name, reduction: Those of `keras.losses.Loss`. With "none", an image's value is the sum over
            its pairs times batch / pairs, so that the mean is the loss.

    Call arguments: integer identities `(batch,)`, below 2^24 (Keras passes them on as float32);
    embeddings `(batch, dim)` float. Computed in float32.

    Raises ArgumentError for an argument outside these.

    Reference: Schroff et al. 2015 (arXiv 1503.03832), section 3.2.

    >>> import numpy as np
    >>> loss = SemiHardTripletLoss(margin=1.0)
    >>> pids = np.array([0, 0, 1, 1])
    >>> x = np.array([[0.0], [1.0], [1.5], [6.0]], "float32")
    >>> # pairs 0-1, 1-0, 2-3, 3-2 with the negatives 2, 3, 0 (none is farther) and 1
    >>> round(float(loss(pids, x)), 4)  # (0.5 + 0 + 4 + 0.5) / 4
    1.25
    """

    def __init__(
        self,
        margin: float = 0.3,
        distance: str = "euclidean",
        mining: str = "replica",
        name: str = "semi_hard_triplet",
        reduction: str = "sum_over_batch_size",
    ) -> None:
        super().__init__(margin, distance, mining, name, reduction)

    def from_distances(self, distances: Tensor, pairs: Pairs, has_negative: Tensor) -> Tensor:
        to_positive, to_other = distances[:, :, None], distances[:, None, :]
        farther = ops.logical_and(pairs.negative[:, None, :], to_other > to_positive)
        nearest = ops.min(ops.where(farther, to_other, float("inf")), axis=2)
        farthest = ops.max(ops.where(pairs.negative, distances, 0.0), axis=1, keepdims=True)
        negative = ops.where(ops.any(farther, axis=2), nearest, farthest)
        losses = ops.relu(distances - negative + self.margin)
        losses = ops.sum(ops.where(pairs.positive, losses, 0.0), axis=1)
        return losses * _images_per_pair(pairs.pids)


def _images_per_pair(pids):
    """Images / ordered pairs of two different images of one identity, over all replicas."""
    images = ops.cast(ops.shape(pids)[0], "float32")
    same = ops.cast(pids[:, None] == pids[None, :], "float32")
    return images / ops.maximum(ops.sum(same) - images, 1.0)
