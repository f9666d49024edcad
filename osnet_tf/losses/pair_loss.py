"""Which images of which replicas a loss on pairs may pair up."""

import abc
import re
from typing import Any, NamedTuple

import keras
from keras import ops

from osnet_tf.checks import check_choice
from osnet_tf.types import Tensor

#: "replica": each replica's part of the batch by itself. "global": the batches of all replicas.
MINING = ("replica", "global")


class Pairs(NamedTuple):
    """A replica's own images, the anchors, beside all images that they may be compared with.

    Attributes:
        anchors: `(n, dim)` float32 embeddings.
        others: `(m, dim)` float32; the anchors are among them.
        pids: `(m,)` identities of the others.
        positive: bool `(n, m)`: another image of the same identity.
        negative: bool `(n, m)`: an image of another identity.
    """

    anchors: keras.KerasTensor
    others: keras.KerasTensor
    pids: keras.KerasTensor
    positive: keras.KerasTensor
    negative: keras.KerasTensor


def _replica_context():
    """TensorFlow's replica context where there are several replicas, else None."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return None
    return context


def _gather(context, anchors, pids):
    """All replicas' images in the order of the replicas, and the place of one's own first."""
    import tensorflow as tf

    others = context.all_gather(anchors, axis=0)
    all_pids = context.all_gather(pids, axis=0)
    own = tf.shape(pids)[0]
    equal_parts = tf.debugging.assert_equal(
        tf.shape(all_pids)[0],
        own * context.num_replicas_in_sync,
        message="global mining needs equally many images on every replica",
    )
    with tf.control_dependencies([equal_parts] if equal_parts is not None else []):
        return others, tf.identity(all_pids), context.replica_id_in_sync_group * own


def pair_up(pids, embeddings, mining):
    """Compares a batch with itself, or with the batches of all replicas.

    Args:
        pids: `(n,)` or `(n, 1)` identities.
        embeddings: `(n, dim)` float.
        mining: One of `MINING`. "global" gathers through `tf.distribute`, gradients included: the
            gradient of a replica's embeddings is the sum over all replicas' losses. All replicas
            must hold equally many images.

    Returns:
        `Pairs`.
    """
    pids = ops.reshape(pids, (-1,))
    anchors = ops.cast(embeddings, "float32")
    others, all_pids, first = anchors, pids, 0
    context = _replica_context() if mining == "global" else None
    if context is not None:
        others, all_pids, first = _gather(context, anchors, pids)
    same = pids[:, None] == all_pids[None, :]
    own = first + ops.arange(ops.shape(pids)[0])
    itself = own[:, None] == ops.arange(ops.shape(all_pids)[0])[None, :]
    return Pairs(
        anchors=anchors,
        others=others,
        pids=all_pids,
        positive=ops.logical_and(same, ops.logical_not(itself)),
        negative=ops.logical_not(same),
    )


class PairLoss(keras.losses.Loss, abc.ABC):
    """The base of losses that compare the images of a batch with one another.

    A loss of one's own is a subclass with one method, `anchor_losses`. It works in `compile` and
    `fit`, in `WeightedLosses` and under `tf.distribute`; Keras takes the mean of what the method
    returns (or what `reduction` says), and divides it by the number of replicas.

    Args:
        mining: "replica" to compare the images of a replica's part of the batch; "global" to
            compare them with those of all replicas.
        name: What the loss is called in logs; by default the class's name in lower case, as
            "contrastive_loss" for `ContrastiveLoss`.
        reduction: That of `keras.losses.Loss`.

    Call arguments: integer identities `(batch,)`, below 2^24 (Keras passes them on as float32);
    embeddings `(batch, dim)` float. Computed in float32.

    Raises ArgumentError if `mining` is neither.

    Example, the contrastive loss (Hadsell et al. 2006): images of one person near each other,
    those of two at least 1 apart.

    >>> import numpy as np
    >>> from keras import ops
    >>> from osnet_tf.losses import pairwise_distances
    >>> class ContrastiveLoss(PairLoss):
    ...     def anchor_losses(self, pairs):
    ...         distances = pairwise_distances(pairs.anchors, pairs.others)
    ...         near = ops.where(pairs.positive, ops.square(distances), 0.0)
    ...         far = ops.where(pairs.negative, ops.square(ops.relu(1.0 - distances)), 0.0)
    ...         return ops.sum(near + far, axis=1)
    >>> loss = ContrastiveLoss()
    >>> pids, x = np.array([0, 0, 1]), np.array([[0.0], [0.5], [0.75]], "float32")
    >>> loss.name, round(float(loss(pids, x)), 4)  # 2 x (0.5^2 + 0.25^2 + 0.75^2) / 3
    ('contrastive_loss', 0.5833)
    """

    def __init__(
        self,
        mining: str = "replica",
        name: str | None = None,
        reduction: str = "sum_over_batch_size",
    ) -> None:
        check_choice(MINING, mining=mining)
        name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()
        # Keras converts labels too to a loss's dtype: in bfloat16, 750 and 751 would be one person
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.mining = mining

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.anchor_losses(pair_up(y_true, y_pred, self.mining))

    @abc.abstractmethod
    def anchor_losses(self, pairs: Pairs) -> Tensor:
        """The loss of each anchor.

        Args:
            pairs: `Pairs` of n anchors and m others. A degenerate batch is the method's to bear:
                an anchor may have no positive, or no negative.

        Returns:
            float32 `(n,)`.
        """

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mining": self.mining}
