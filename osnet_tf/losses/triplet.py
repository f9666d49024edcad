"""Triplet loss with the hardest positive and negative of the batch."""

import keras
from keras import ops


def pairwise_distances(embeddings):
    """Euclidean distances between all rows, with a gradient that is finite everywhere.

    Args:
        embeddings: `(n, dim)` float.

    Returns:
        `(n, n)` float32, >= 1e-6: below it the distance and its gradient are cut off, since the
        square root has no finite slope at 0.

    >>> import numpy as np
    >>> d = pairwise_distances(np.array([[0.0, 0.0], [3.0, 4.0]], "float32"))
    >>> round(float(d[0, 1]), 4)
    5.0
    """
    x = ops.cast(embeddings, "float32")
    squares = ops.sum(ops.square(x), axis=1)
    squared = squares[:, None] + squares[None, :] - 2.0 * ops.matmul(x, ops.transpose(x))
    return ops.sqrt(ops.where(squared > 1e-12, squared, 1e-12))


@keras.saving.register_keras_serializable(package="osnet_tf")
class BatchHardTripletLoss(keras.losses.Loss):
    """For each image: its farthest positive must be nearer than its nearest negative.

    `max(d_ap - d_an + margin, 0)`, or `log(1 + exp(d_ap - d_an))` with the soft margin, where d_ap
    is the largest Euclidean distance to an image of the same identity (0 if there is no other: the
    image is its own positive, as in the public code) and d_an the smallest to another identity. An
    image without any negative in the batch gives 0.

    Args:
        margin: >= 0, in units of the embedding; unused with `soft_margin`.
        soft_margin: Use the soft margin.
        name, reduction: Those of `keras.losses.Loss`.

    Call arguments: integer identities `(batch,)`, below 2^24 (Keras passes them on as float32);
    embeddings `(batch, dim)` float. Computed in float32.

    Raises ValueError if `margin` < 0.

    Reference: Hermans et al. 2017 (arXiv 1703.07737), equations 5 and 6.

    >>> import numpy as np
    >>> loss = BatchHardTripletLoss(margin=0.3)
    >>> pids = np.array([0, 0, 1])
    >>> x = np.array([[0.0], [1.0], [1.5]], "float32")
    >>> round(float(loss(pids, x)), 4)  # (0 + (1 - 0.5 + 0.3) + 0) / 3
    0.2667
    """

    def __init__(
        self, margin=0.3, soft_margin=False, name="triplet", reduction="sum_over_batch_size"
    ):
        if not margin >= 0.0:
            raise ValueError(f"`margin` must be >= 0. Received: margin={margin}")
        # Keras converts labels too to a loss's dtype: in bfloat16, 750 and 751 would be one person
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.margin = float(margin)
        self.soft_margin = bool(soft_margin)

    def call(self, y_true, y_pred):
        pids = ops.reshape(y_true, (-1,))
        same = pids[:, None] == pids[None, :]
        itself = ops.eye(ops.shape(pids)[0], dtype="bool")
        distances = pairwise_distances(y_pred)
        positive = ops.max(
            ops.where(ops.logical_and(same, ops.logical_not(itself)), distances, 0.0), axis=1
        )
        negative = ops.min(ops.where(same, float("inf"), distances), axis=1)
        has_negative = ops.any(ops.logical_not(same), axis=1)
        difference = positive - ops.where(has_negative, negative, 0.0)
        if self.soft_margin:
            losses = ops.softplus(difference)
        else:
            losses = ops.relu(difference + self.margin)
        return ops.where(has_negative, losses, 0.0)

    def get_config(self):
        return {
            **super().get_config(),
            "margin": self.margin,
            "soft_margin": self.soft_margin,
        }
