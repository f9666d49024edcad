"""Softmax losses on cosines that ask the right class for more than being the best."""

import math
from typing import Any

import keras
from keras import ops

from osnet_tf.checks import check_choice, check_number
from osnet_tf.losses.cross_entropy import LabelSmoothedCrossEntropy
from osnet_tf.types import Tensor

#: The margin of each kind in its paper.
MARGINS = {"arcface": 0.5, "cosface": 0.35}
#: ... and what it must be below.
LIMITS = {"arcface": math.pi / 2, "cosface": 1}
# sin^2 of the smallest angle that float32 cosines can tell from 0.
_SMALLEST = 1e-7


@keras.saving.register_keras_serializable(package="osnet_tf")
class MarginSoftmaxLoss(LabelSmoothedCrossEntropy):
    """Cross-entropy of scaled cosines, the right class's lowered by a margin: ArcFace or CosFace.

    The logit of a wrong class is `scale * cos(t)`. That of the right one is, with the angle t
    between embedding and class direction,

    - "arcface": `scale * cos(t + margin)`, and `scale * (cos(t) - margin * sin(margin))` beyond
      t = pi - margin, where cos(t + margin) would rise again: the public code's continuation, not
      continuous there but falling everywhere;
    - "cosface": `scale * (cos(t) - margin)`.

    It works on what the layer `osnet_tf.layers.CosineClassifier` puts out;
    `add_classifier(embedder, num_classes, head="cosine")` has it as "logits". The margin being
    here, the model is the same in training and afterwards, and needs no labels. With `margin=0` it
    is the normalised softmax.

    Values and gradients are finite for all cosines in [-1, 1]; angles below 3e-4 or above
    pi - 3e-4 pass no gradient through the sine.

    Args:
        kind: "arcface" or "cosface".
        margin: In [0, pi / 2) radians for "arcface", in [0, 1) for "cosface"; None for the paper's,
            0.5 and 0.35.
        scale: > 0. 64 in the papers, on faces. CosFace's lower bound, below which no embedding can
            reach probability p, is (1 - 1 / classes) * log((classes - 1) * p / (1 - p)): 11.2 for
            751 classes and p = 0.99.
        smoothing: Label smoothing in [0, 1), as in `LabelSmoothedCrossEntropy`.
        name, reduction: Those of `keras.losses.Loss`.

    Call arguments: integer labels `(batch,)` in [0, classes); cosines `(batch, classes)` float.
    Computed in float32.

    Raises ArgumentError for an argument outside these.

    Reference: Deng et al. 2019 (arXiv 1801.07698), equation 3; Wang et al. 2018 (arXiv
    1801.09414), equations 4 and 6.

    >>> import numpy as np
    >>> cosines = np.array([[0.6, 0.8]], "float32")
    >>> loss = MarginSoftmaxLoss("cosface", margin=0.1, scale=10.0)
    >>> round(float(loss(np.array([1]), cosines)), 4)  # log(1 + exp(6 - 7))
    0.3133
    """

    def __init__(
        self,
        kind: str = "arcface",
        margin: float | None = None,
        scale: float = 64.0,
        smoothing: float = 0.0,
        name: str = "margin_softmax",
        reduction: str = "sum_over_batch_size",
    ) -> None:
        check_choice(tuple(MARGINS), kind=kind)
        margin = MARGINS[kind] if margin is None else margin
        check_number(0, below=LIMITS[kind], margin=margin)
        check_number(above=0, scale=scale)
        super().__init__(smoothing=smoothing, name=name, reduction=reduction)
        self.kind = kind
        self.margin = float(margin)
        self.scale = float(scale)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        cosines = ops.cast(y_pred, "float32")
        labels = ops.reshape(ops.cast(y_true, "int32"), (-1, 1))
        is_label = labels == ops.arange(ops.shape(cosines)[-1], dtype="int32")[None, :]
        return super().call(
            y_true, self.scale * ops.where(is_label, self._lowered(cosines), cosines)
        )

    def _lowered(self, cosines):
        if self.kind == "cosface":
            return cosines - self.margin
        squared_sines = (1.0 - cosines) * (1.0 + cosines)
        sines = ops.sqrt(ops.where(squared_sines > _SMALLEST, squared_sines, _SMALLEST))
        turned = math.cos(self.margin) * cosines - math.sin(self.margin) * sines
        beyond = cosines - self.margin * math.sin(self.margin)
        return ops.where(cosines > -math.cos(self.margin), turned, beyond)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kind": self.kind,
            "margin": self.margin,
            "scale": self.scale,
        }
