"""Circle loss: every pair is pulled or pushed in proportion to how far it is from its optimum."""

from typing import Any

import keras
from keras import ops

from osnet_tf.checks import check_number
from osnet_tf.losses.distances import pairwise_cosines
from osnet_tf.losses.pair_loss import PairLoss, Pairs
from osnet_tf.types import Tensor

# Stands for log 0: an exponential of it is exactly 0, and differences of it stay finite.
_NEVER = -1e30


@keras.saving.register_keras_serializable(package="osnet_tf")
class CircleLoss(PairLoss):
    """Circle loss on the cosines between the images of a batch.

    For each image, over the cosines s_p to its positives and s_n to its negatives:

        log(1 + sum over n of exp(scale * a_n * (s_n - margin))
                * sum over p of exp(scale * a_p * (1 - margin - s_p)))

    with the weights a_n = max(s_n + margin, 0) and a_p = max(1 + margin - s_p, 0), through which no
    gradient flows. The loss is the mean over all images.

    Degenerate batches are finite, gradients included: an image without a positive or without a
    negative gives 0. An embedding of zeros has cosine 0 with all and gets no gradient.

    Args:
        margin: In [0, 1]: the cosines' distance to 0 and 1 that is aimed at.
        scale: > 0, the paper's gamma.
        mining: "replica" or "global"; see `BatchHardTripletLoss`.
        name, reduction: Those of `keras.losses.Loss`.

    Call arguments: integer identities `(batch,)`, below 2^24 (Keras passes them on as float32);
    embeddings `(batch, dim)` float, of any length. Computed in float32.

    Raises ArgumentError for an argument outside these.

    Reference: Sun et al. 2020 (arXiv 2002.10857), sections 3.2 and 3.3.

    >>> import numpy as np
    >>> loss = CircleLoss(margin=0.25, scale=1.0)
    >>> x = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]], "float32")  # cosines 1, 0 and 0
    >>> # the first two: log(1 + exp(0.25 x -0.25) x exp(-0.25 x 0.25)); the third has no positive
    >>> round(float(loss(np.array([0, 0, 1]), x)), 4)
    0.4217
    """

    def __init__(
        self,
        margin: float = 0.25,
        scale: float = 128.0,
        mining: str = "replica",
        name: str = "circle",
        reduction: str = "sum_over_batch_size",
    ) -> None:
        check_number(0, 1, margin=margin)
        check_number(above=0, scale=scale)
        super().__init__(mining, name, reduction)
        self.margin = float(margin)
        self.scale = float(scale)

    def anchor_losses(self, pairs: Pairs) -> Tensor:
        cosines = pairwise_cosines(pairs.anchors, pairs.others)
        fixed = ops.stop_gradient(cosines)
        push = ops.relu(fixed + self.margin) * (cosines - self.margin)
        pull = ops.relu(1.0 + self.margin - fixed) * (1.0 - self.margin - cosines)
        push = ops.where(pairs.negative, self.scale * push, _NEVER)
        pull = ops.where(pairs.positive, self.scale * pull, _NEVER)
        losses = ops.softplus(ops.logsumexp(push, axis=1) + ops.logsumexp(pull, axis=1))
        complete = ops.logical_and(ops.any(pairs.positive, axis=1), ops.any(pairs.negative, axis=1))
        return ops.where(complete, losses, 0.0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin, "scale": self.scale}
