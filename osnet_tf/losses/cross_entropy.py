"""Cross-entropy over the training identities."""

from typing import Any

import keras
from keras import ops

from osnet_tf.checks import check_number
from osnet_tf.types import Tensor


@keras.saving.register_keras_serializable(package="osnet_tf")
class LabelSmoothedCrossEntropy(keras.losses.Loss):
    """Softmax cross-entropy with label smoothing, from integer labels and logits.

    The target is `1 - smoothing` on the right class plus `smoothing / classes` on every class. At
    `smoothing=0` it is the plain cross-entropy.

    Args:
        smoothing: In [0, 1).
        name, reduction: Those of `keras.losses.Loss`.

    Call arguments: integer labels `(batch,)` in [0, classes); logits `(batch, classes)` float.
    Computed in float32 whatever the logits are.

    Raises ArgumentError if `smoothing` lies outside [0, 1).

    Reference: Szegedy et al. 2016 (arXiv 1512.00567), section 7; arXiv 1905.00953, section 4.1.

    >>> import numpy as np
    >>> loss = LabelSmoothedCrossEntropy(smoothing=0.1)
    >>> round(float(loss(np.array([1]), np.array([[0.0, 0.0]], "float32"))), 4)  # log 2
    0.6931
    """

    def __init__(
        self,
        smoothing: float = 0.1,
        name: str = "cross_entropy",
        reduction: str = "sum_over_batch_size",
    ) -> None:
        check_number(0, below=1, smoothing=smoothing)
        # Keras converts labels too to a loss's dtype: in bfloat16, 751 would become 752
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.smoothing = float(smoothing)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        log_probabilities = ops.log_softmax(ops.cast(y_pred, "float32"), axis=-1)
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1, 1))
        of_label = ops.squeeze(ops.take_along_axis(log_probabilities, labels, axis=-1), axis=-1)
        of_all = ops.mean(log_probabilities, axis=-1)
        return -((1.0 - self.smoothing) * of_label + self.smoothing * of_all)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "smoothing": self.smoothing}
