"""Center loss: every image near the center of its identity."""

import keras
from keras import ops

from osnet_tf.types import Tensor


@keras.saving.register_keras_serializable(package="osnet_tf")
class CenterLoss(keras.losses.Loss):
    """Half the squared distance from each embedding to the center of its identity, on average.

    It works on what the layer `osnet_tf.layers.CenterDistances` puts out, which holds the centers
    as its weight; `add_classifier(embedder, num_classes, centers=True)` adds that layer as the
    output "center_distances".

    The centers are trained by the model's optimizer, on the gradient of this very loss: sum over
    the identity's images of (center - embedding), over the batch size. The paper moves them by
    alpha times sum / (1 + the identity's images) instead. With an optimizer whose step does not
    hang on the gradient's size, such as Adam, the loss's weight does not slow them either.

    Args:
        name, reduction: Those of `keras.losses.Loss`.

    Call arguments: integer labels `(batch,)` in [0, classes); squared distances
    `(batch, classes)` float. Computed in float32. In a `tf.distribute` replica it is Keras's share,
    1 / replicas, and the strategy sums the gradients: the centers learn from the whole batch.

    Reference: Wen et al. 2016, "A Discriminative Feature Learning Approach for Deep Face
    Recognition" (ECCV), equation 2.

    >>> import numpy as np
    >>> loss = CenterLoss()
    >>> round(float(loss(np.array([1, 0]), np.array([[9.0, 4.0], [1.0, 7.0]], "float32"))), 4)
    1.25
    """

    def __init__(self, name: str = "center", reduction: str = "sum_over_batch_size") -> None:
        # Keras converts labels too to a loss's dtype: in bfloat16, 751 would become 752
        super().__init__(name=name, reduction=reduction, dtype="float32")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1, 1))
        squared = ops.take_along_axis(ops.cast(y_pred, "float32"), labels, axis=-1)
        return 0.5 * ops.squeeze(squared, axis=-1)
