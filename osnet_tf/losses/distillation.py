"""Distillation: losses between what a student and what its teacher say of the same images.

Each is a `keras.losses.Loss` whose `y_true` is the teacher's output. No gradient reaches it.
"""

from typing import Any

import keras
from keras import ops

from osnet_tf.checks import check_number
from osnet_tf.layers.unit_length import unit_length
from osnet_tf.losses.distances import pairwise_distances


class _DistillationLoss(keras.losses.Loss):
    """Computed in float32, whatever the policy."""

    def __init__(self, name, reduction):
        super().__init__(name=name, reduction=reduction, dtype="float32")

    def call(self, y_true, y_pred):
        teacher = ops.stop_gradient(ops.cast(y_true, "float32"))
        return self._image_losses(teacher, ops.cast(y_pred, "float32"))


@keras.saving.register_keras_serializable(package="osnet_tf")
class EmbeddingDistillation(_DistillationLoss):
    """1 - the cosine between a student's embedding and its teacher's, in [0, 2].

    The mean over the images. An embedding of zeros has cosine 0 with all and gets no gradient.

    Args:
        name, reduction: Those of `keras.losses.Loss`.

    Call arguments: the teacher's embeddings and the student's, `(batch, dim)` float each, of any
    length. Where the student's have another dimension, a `Dense` layer comes before.

    Reference: Romero et al. 2015 (arXiv 1412.6550), section 2.2, hints through a learnt regressor;
    the cosine, in place of the squared distance, leaves the lengths free.

    >>> import numpy as np
    >>> teacher, student = np.array([[2.0, 0.0]], "float32"), np.array([[3.0, 4.0]], "float32")
    >>> round(float(EmbeddingDistillation()(teacher, student)), 4)
    0.4
    """

    def __init__(
        self, name: str = "embedding_distillation", reduction: str = "sum_over_batch_size"
    ) -> None:
        super().__init__(name, reduction)

    def _image_losses(self, teacher, student):
        return 1.0 - ops.sum(unit_length(teacher) * unit_length(student), axis=-1)


@keras.saving.register_keras_serializable(package="osnet_tf")
class RelationalDistillation(_DistillationLoss):
    """The distances between a student's embeddings are to be as those between its teacher's.

    Both batches of Euclidean distances are divided by their own mean over all pairs; an image's
    loss is the mean, over the other images, of Huber's loss (with delta 1) of their differences. So
    neither dimensions nor lengths need to be the same. The pairs are those of a replica's part of
    the batch. A batch of one has no pair: its loss is 0.

    Args:
        name, reduction: Those of `keras.losses.Loss`.

    Call arguments: the teacher's embeddings `(batch, teacher's dim)` and the student's `(batch,
    dim)`, float.

    Reference: Park et al. 2019 (arXiv 1904.05068), section 3.2.1, "RKD-D".

    >>> import numpy as np
    >>> teacher = np.array([[0.0], [1.0], [2.0]], "float32")
    >>> student = 7 * np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]], "float32")
    >>> round(float(RelationalDistillation()(teacher, student)), 4)
    0.0
    """

    def __init__(
        self, name: str = "relational_distillation", reduction: str = "sum_over_batch_size"
    ) -> None:
        super().__init__(name, reduction)

    def _image_losses(self, teacher, student):
        count = ops.shape(student)[0]
        pairs = 1.0 - ops.eye(count)
        others = ops.cast(ops.maximum(count - 1, 1), "float32")

        def distances(embeddings):
            found = pairs * pairwise_distances(embeddings)
            mean = ops.mean(ops.sum(found, axis=1)) / others
            return found / ops.maximum(mean, 1e-6)  # as near as `pairwise_distances` tells apart

        difference = ops.abs(distances(student) - distances(teacher))
        huber = ops.where(difference < 1.0, 0.5 * ops.square(difference), difference - 0.5)
        return ops.sum(huber, axis=1) / others


@keras.saving.register_keras_serializable(package="osnet_tf")
class LogitDistillation(_DistillationLoss):
    """Cross-entropy, less its least value, of a student's softened classes with its teacher's.

    That is the Kullback-Leibler divergence from softmax(teacher / T) to softmax(student / T), times
    T squared, so that the gradient's size does not hang on the temperature T; the mean over the
    images.

    Args:
        temperature: > 0, T.
        name, reduction: Those of `keras.losses.Loss`.

    Call arguments: the teacher's logits and the student's, `(batch, classes)` float each, of the
    same classes in the same order.

    Raises ArgumentError unless `temperature` is a number > 0.

    Reference: Hinton et al. 2015 (arXiv 1503.02531), section 2.

    >>> import numpy as np
    >>> teacher, student = np.array([[2.0, 0.0]], "float32"), np.array([[0.0, 0.0]], "float32")
    >>> round(float(LogitDistillation(temperature=2.0)(teacher, student)), 4)
    0.4438
    """

    def __init__(
        self,
        temperature: float = 4.0,
        name: str = "logit_distillation",
        reduction: str = "sum_over_batch_size",
    ) -> None:
        check_number(above=0, temperature=temperature)
        super().__init__(name, reduction)
        self.temperature = float(temperature)

    def _image_losses(self, teacher, student):
        wanted = ops.log_softmax(teacher / self.temperature, axis=-1)
        found = ops.log_softmax(student / self.temperature, axis=-1)
        divergence = ops.sum(ops.exp(wanted) * (wanted - found), axis=-1)
        return self.temperature**2 * divergence

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "temperature": self.temperature}
