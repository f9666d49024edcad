"""Which images of which replicas a loss on pairs may pair up."""

import abc
from typing import NamedTuple

import keras
from keras import ops

from osnet_tf.checks import check_choice

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

    A subclass has `anchor_losses`; Keras then takes the mean of what it returns (or what
    `reduction` says), and divides it by the number of replicas.

    Args:
        mining: "replica", or "global" to compare with all replicas' images.
        name, reduction: Those of `keras.losses.Loss`.

    Raises ValueError if `mining` is neither.
    """

    def __init__(self, mining, name, reduction):
        check_choice(MINING, mining=mining)
        # Keras converts labels too to a loss's dtype: in bfloat16, 750 and 751 would be one person
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.mining = mining

    def call(self, y_true, y_pred):
        return self.anchor_losses(pair_up(y_true, y_pred, self.mining))

    @abc.abstractmethod
    def anchor_losses(self, pairs):
        """The loss of each anchor.

        Args:
            pairs: `Pairs` of n anchors.

        Returns:
            float32 `(n,)`.
        """

    def get_config(self):
        return {**super().get_config(), "mining": self.mining}
