"""Multi-similarity loss: pairs weighed by their own cosine and by those of the anchor's others."""

from typing import Any

import keras
from keras import ops

from osnet_tf.checks import check_number
from osnet_tf.losses.distances import pairwise_cosines
from osnet_tf.losses.pair_loss import PairLoss, Pairs
from osnet_tf.types import Tensor

# Stands for the exponent of a pair that does not count.
_NEVER = -1e30


@keras.saving.register_keras_serializable(package="osnet_tf")
class MultiSimilarityLoss(PairLoss):
    """Multi-similarity loss on the cosines between the images of a batch.

    For each image, of the cosines s_p to its positives and s_n to its negatives those are kept that
    are hard beside the others: s_n > min s_p - epsilon and s_p < max s_n + epsilon. Over these:

        log(1 + sum exp(-alpha * (s_p - base))) / alpha
            + log(1 + sum exp(beta * (s_n - base))) / beta

    The loss is the mean over all images. Which pairs are kept passes no gradient on.

    Degenerate batches are finite, gradients included: an image of which no positive or no negative
    is kept, as one that has none, gives 0 (as in the authors' code). An embedding of zeros has
    cosine 0 with all and gets no gradient.

    Args:
        alpha: > 0, how steeply positives are weighed.
        beta: > 0, how steeply negatives are.
        base: The cosine that parts them; the paper's lambda. (The paper says 1 and the authors'
            code 0.5.)
        epsilon: >= 0, by how much a pair may be easier than the hardest of the other kind.
        mining: "replica" or "global"; see `BatchHardTripletLoss`.
        name, reduction: Those of `keras.losses.Loss`.

    Call arguments: integer identities `(batch,)`, below 2^24 (Keras passes them on as float32);
    embeddings `(batch, dim)` float, of any length. Computed in float32.

    Raises ArgumentError for an argument outside these.

    Reference: Wang et al. 2019 (arXiv 1904.06627), equations 10 to 15.

    >>> import numpy as np
    >>> loss = MultiSimilarityLoss(alpha=2.0, beta=1.0)
    >>> x = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 0.0]], "float32")  # cosines 0, 1 and 0
    >>> # first: log(1 + e^1) / 2 + log(1 + e^0.5); second: log(1 + e^1) / 2 + log(1 + e^-0.5)
    >>> round(float(loss(np.array([0, 0, 1]), x)), 4)
    0.9205
    """

    def __init__(
        self,
        alpha: float = 2.0,
        beta: float = 50.0,
        base: float = 0.5,
        epsilon: float = 0.1,
        mining: str = "replica",
        name: str = "multi_similarity",
        reduction: str = "sum_over_batch_size",
    ) -> None:
        check_number(above=0, alpha=alpha, beta=beta)
        check_number(base=base)
        check_number(0, epsilon=epsilon)
        super().__init__(mining, name, reduction)
        self.alpha = float(alpha)
        self.beta = float(beta)
        self.base = float(base)
        self.epsilon = float(epsilon)

    def anchor_losses(self, pairs: Pairs) -> Tensor:
        cosines = pairwise_cosines(pairs.anchors, pairs.others)
        hardest_positive = ops.min(ops.where(pairs.positive, cosines, 2.0), axis=1, keepdims=True)
        hardest_negative = ops.max(ops.where(pairs.negative, cosines, -2.0), axis=1, keepdims=True)
        hard = cosines > hardest_positive - self.epsilon
        negative = ops.logical_and(pairs.negative, hard)
        hard = cosines < hardest_negative + self.epsilon
        positive = ops.logical_and(pairs.positive, hard)

        def part(kept, steepness):
            exponents = ops.where(kept, steepness * (cosines - self.base), _NEVER)
            return ops.softplus(ops.logsumexp(exponents, axis=1)) / abs(steepness)

        losses = part(positive, -self.alpha) + part(negative, self.beta)
        complete = ops.logical_and(ops.any(positive, axis=1), ops.any(negative, axis=1))
        return ops.where(complete, losses, 0.0)

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("alpha", "beta", "base", "epsilon")}
        return {**super().get_config(), **own}
