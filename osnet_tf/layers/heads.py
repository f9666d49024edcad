"""Heads that stand on an embedding in training, besides the linear classifier.

None of them asks for labels: what a loss needs to know about the labels, the loss is told. So a
model with such a head is called, saved and served as any other.
"""

import keras
from keras import ops

from osnet_tf.checks import check_int
from osnet_tf.layers.unit_length import unit_length
from osnet_tf.types import Tensor


class _ClassVectors(keras.layers.Layer):
    """One trained vector for each class, compared with every embedding, in float32."""

    def __init__(self, num_classes, dtype="float32", **kwargs):
        check_int(num_classes=num_classes)
        # embeddings reach `call` as they are, not rounded to half precision
        super().__init__(dtype=dtype, autocast=False, **kwargs)
        self.num_classes = num_classes

    def _class_vectors(self, name, shape, initializer):
        return self.add_weight(shape, initializer=initializer, name=name, autocast=False)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.num_classes)

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable(package="osnet_tf")
class CosineClassifier(_ClassVectors):
    """Cosines of the angles between embeddings and one trained direction for each class.

    It is the head of ArcFace, CosFace and NormFace: a linear classifier without bias whose weights
    and inputs both have length one. The margin and the scale belong to the loss,
    `osnet_tf.losses.MarginSoftmaxLoss`, so that the head is the same in training and afterwards and
    needs no labels. The largest cosine is the predicted class; `softmax(scale * cosines)` are
    probabilities.

    An embedding of zeros has no direction: its cosines are 0 and it gets no gradient.

    Args:
        num_classes: Number of classes, >= 1.
        dtype: "float32" by default, whatever the global policy. Lengths, directions and cosines
            are computed in float32 even under a half precision policy; the result is then rounded.
        **kwargs: Those of `keras.layers.Layer`.

    Input: `(batch, dim)` float. Output: `(batch, num_classes)` in [-1, 1].

    Raises ArgumentError if `num_classes` is not a positive integer.

    Reference: Deng et al. 2019 (arXiv 1801.07698), section 2.1; Wang et al. 2018 (arXiv
    1801.09414), section 3.2.

    >>> import numpy as np
    >>> layer = CosineClassifier(2)
    >>> layer.build((None, 2))
    >>> layer.set_weights([np.array([[2.0, 0.0], [0.0, 5.0]])])  # a column for each class
    >>> [round(float(v), 4) for v in layer(np.array([[3.0, 4.0]], "float32"))[0]]
    [0.6, 0.8]
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.kernel = self._class_vectors(
            "kernel",
            (input_shape[-1], self.num_classes),
            keras.initializers.RandomNormal(stddev=0.01),
        )

    def call(self, inputs: Tensor) -> Tensor:
        cosines = ops.matmul(unit_length(inputs), unit_length(self.kernel, axis=0))
        return ops.cast(ops.clip(cosines, -1.0, 1.0), self.compute_dtype)


@keras.saving.register_keras_serializable(package="osnet_tf")
class CenterDistances(_ClassVectors):
    """Squared Euclidean distances from embeddings to one trained center for each class.

    It is what `osnet_tf.losses.CenterLoss` works on. The centers are a weight of this layer, hence
    of the model: the optimizer trains them, checkpoints and `.keras` files hold them,
    `tf.distribute` keeps the replicas' copies equal, and the JAX backend knows them. A
    `keras.losses.Loss` can own no variable that `compile` would train or save.

    Args:
        num_classes: Number of classes, >= 1.
        dtype: "float32" by default, whatever the global policy. Distances are computed in float32
            even under a half precision policy; the result is then rounded.
        **kwargs: Those of `keras.layers.Layer`.

    Input: `(batch, dim)` float. Output: `(batch, num_classes)`, >= 0. The centers begin at zero.

    Raises ArgumentError if `num_classes` is not a positive integer.

    Reference: Wen et al. 2016, "A Discriminative Feature Learning Approach for Deep Face
    Recognition" (ECCV), section 3.2.

    >>> import numpy as np
    >>> layer = CenterDistances(2)
    >>> layer.build((None, 2))
    >>> layer.set_weights([np.array([[0.0, 0.0], [3.0, 0.0]])])
    >>> [round(float(v), 4) for v in layer(np.array([[3.0, 4.0]], "float32"))[0]]
    [25.0, 16.0]
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.centers = self._class_vectors("centers", (self.num_classes, input_shape[-1]), "zeros")

    def call(self, inputs: Tensor) -> Tensor:
        x = ops.cast(inputs, "float32")
        centers = ops.convert_to_tensor(self.centers)
        squares = ops.sum(ops.square(x), axis=-1, keepdims=True)
        of_centers = ops.sum(ops.square(centers), axis=-1)
        squared = squares + of_centers - 2.0 * ops.matmul(x, ops.transpose(centers))
        return ops.cast(ops.maximum(squared, 0.0), self.compute_dtype)
