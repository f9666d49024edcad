"""Batch normalisation as PyTorch keeps it, at the speed of TensorFlow's fused kernel."""

import math
from typing import Any

import keras
from keras import ops

from osnet_tf.checks import check_number
from osnet_tf.errors import ArgumentError
from osnet_tf.types import Tensor

_FUSED_DTYPES = ("float32", "float16", "bfloat16")

# oneDNN's kernel for bfloat16 takes channels by so many; any other number goes through one that is
# five times as slow.
_BFLOAT16_CHANNELS = 16


@keras.saving.register_keras_serializable(package="osnet_tf")
class BatchNorm(keras.layers.BatchNormalization):
    """Batch normalisation with PyTorch's numbers and TensorFlow's fused training kernel.

    It differs from `keras.layers.BatchNormalization` in four things:

    - the defaults are PyTorch's: `epsilon=1e-5`, `momentum=0.9` (PyTorch calls it 0.1);
    - the running variance is the unbiased one, n / (n - 1) times the batch variance, as
      PyTorch keeps it; the batch itself is normalised by the biased one, as everywhere;
    - on the TensorFlow backend, 4-D channels-last training batches go through
      `FusedBatchNormV3`: stock Keras composes the same from small operations and takes about
      three times as long on a CPU. Everything else (2-D inputs, the JAX backend,
      `synchronized=True`, `scale=False`, `center=False`, float64) takes Keras's own path;
    - under `tf.distribute` the replicas' running statistics are averaged at every step. Stock
      Keras lets the copies drift apart silently.

    Args:
        axis: The channel axis. Only the last one is fused.
        momentum: Weight of the old running statistic, in [0, 1].
        epsilon: Added to the variance, > 0.
        synchronized: Take mean and variance over all replicas' batches (TensorFlow only).
        **kwargs: Those of `keras.layers.BatchNormalization`, batch renormalisation excepted.

    Input: float tensor `(batch, ..., channels)`. Output: the same shape.

    Raises ArgumentError for an argument outside these.

    Reference: Ioffe and Szegedy 2015 (arXiv 1502.03167).

    >>> import numpy as np
    >>> layer = BatchNorm()
    >>> x = np.array([[[[1.0]], [[3.0]]]], "float32")  # mean 2, unbiased variance 2
    >>> y = layer(x, training=True)
    >>> [round(float(v), 3) for v in np.ravel(y)]
    [-1.0, 1.0]
    >>> round(float(layer.moving_variance[0]), 3)  # 0.9 x 1 + 0.1 x 2
    1.1
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        check_number(0, 1, momentum=momentum)
        check_number(above=0, epsilon=epsilon)
        if kwargs.get("renorm"):
            raise ArgumentError(f"`renorm` is not supported. Received: renorm={kwargs['renorm']}")
        super().__init__(
            axis=axis, momentum=momentum, epsilon=epsilon, synchronized=synchronized, **kwargs
        )

    def add_weight(self, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
        if name is not None and name.startswith("moving_"):
            kwargs["aggregation"] = "mean"  # Keras 3.15 says "none": the replicas drift apart
        return super().add_weight(*args, name=name, **kwargs)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if not (training and self.trainable):
            return super().call(inputs, training=False)
        if self._fusible(inputs):
            return self._fused_call(inputs)
        kept = self.momentum * self.moving_variance
        outputs = super().call(inputs, training=True)
        self._unbias_moving_variance(inputs, kept)
        return outputs

    def _fusible(self, inputs):
        return (
            keras.backend.backend() == "tensorflow"
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and self.scale
            and self.center
            and not self.synchronized
            and keras.backend.standardize_dtype(inputs.dtype) in _FUSED_DTYPES
        )

    def _fused_call(self, inputs):
        import tensorflow as tf

        dtype = inputs.dtype
        if dtype == tf.bfloat16 and inputs.shape[-1] % _BFLOAT16_CHANNELS:
            inputs = tf.cast(inputs, tf.float32)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.convert_to_tensor(self.gamma),
            offset=tf.convert_to_tensor(self.beta),
            mean=tf.convert_to_tensor(self.moving_mean),
            variance=tf.convert_to_tensor(self.moving_variance),
            epsilon=self.epsilon,
            exponential_avg_factor=1.0 - self.momentum,
            is_training=True,
        )
        self.moving_mean.assign(mean)
        self.moving_variance.assign(variance)
        return tf.cast(outputs, dtype)

    def _unbias_moving_variance(self, inputs, kept):
        """The base class has just added (1 - momentum) * v to `kept`: make it v * n / (n - 1)."""
        n = ops.cast(
            math.prod(ops.shape(inputs)[axis] for axis in self._reduction_axes), kept.dtype
        )
        if self.synchronized:
            import tensorflow as tf

            replica = tf.distribute.get_replica_context()
            if replica is not None:  # None directly in a strategy's scope: one batch, not all
                n *= replica.num_replicas_in_sync
        added = self.moving_variance - kept
        self.moving_variance.assign(self.moving_variance + added / ops.maximum(n - 1.0, 1.0))
