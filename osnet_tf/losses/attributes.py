"""Binary cross-entropy over attributes, rare ones weighted up."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from osnet_tf.checks import check_number
from osnet_tf.errors import ArgumentError
from osnet_tf.types import Tensor


@keras.saving.register_keras_serializable(package="osnet_tf")
class WeightedBinaryCrossEntropy(keras.losses.Loss):
    """Cross-entropy of several yes-or-no questions, where the rarer answer weighs more.

    Where a share p of the training images has an attribute, its positive images weigh exp(1 - p)
    and its negative ones exp(p).

    Args:
        positive_rates: The p of each attribute, in [0, 1]; None weighs all alike.
        name, reduction: Those of `keras.losses.Loss`.

    Call arguments: labels `(batch, attributes)` of 0 and 1; logits `(batch, attributes)` float. The
    result for an image is the mean over attributes. Computed in float32 whatever the logits are.

    Raises ArgumentError for a rate outside [0, 1], or none at all.

    Reference: Li et al., "Multi-attribute Learning for Pedestrian Attribute Recognition in
    Surveillance Scenarios", ACPR 2015, equation 3, with sigma = 1.

    >>> import numpy as np
    >>> loss = WeightedBinaryCrossEntropy([0.5, 0.1])
    >>> value = float(loss(np.array([[1, 1]]), np.zeros((1, 2), "float32")))
    >>> round(value, 4)  # log 2 x (exp 0.5 + exp 0.9) / 2
    1.4238
    """

    def __init__(
        self,
        positive_rates: Sequence[float] | None = None,
        name: str = "attributes",
        reduction: str = "sum_over_batch_size",
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype="float32")
        if positive_rates is not None:
            positive_rates = [float(rate) for rate in positive_rates]
            if not positive_rates:
                raise ArgumentError("`positive_rates` must not be empty. Received: []")
            for rate in positive_rates:
                check_number(0, 1, positive_rates=rate)
        self.positive_rates = positive_rates

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        labels, logits = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        # -log of the sigmoid of the logit, or of its negative, without overflow
        losses = labels * ops.softplus(-logits) + (1.0 - labels) * ops.softplus(logits)
        if self.positive_rates is not None:
            positive = ops.convert_to_tensor(
                [math.exp(1 - p) for p in self.positive_rates], "float32"
            )
            negative = ops.convert_to_tensor([math.exp(p) for p in self.positive_rates], "float32")
            losses = losses * (labels * positive + (1.0 - labels) * negative)
        return ops.mean(losses, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "positive_rates": self.positive_rates}
