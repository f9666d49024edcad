"""Top-k accuracy of a classifier."""

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_int
from osnet_tf.errors import ArgumentError


def top_k_accuracy(logits: ArrayLike, labels: ArrayLike, k: int = 1) -> float:
    """Share of the images whose true class is among the k highest logits.

    Of equal logits the lower class counts as the higher one, so that a model that says the same of
    every class scores as one that always says class 0.

    Args:
        logits: real `(images, classes)`, finite.
        labels: int `(images,)`, the true classes, 0..classes - 1.
        k: int >= 1.

    Returns:
        A float in [0, 1].

    Raises ArgumentError for shapes that do not fit, NaN or infinity, or a label out of range.

    >>> logits = [[0.1, 0.9, 0.0], [0.5, 0.2, 0.3]]
    >>> top_k_accuracy(logits, [1, 2]), top_k_accuracy(logits, [1, 2], k=2)
    (0.5, 1.0)
    """
    check_int(k=k)
    logits, labels = np.asarray(logits), np.asarray(labels)
    if logits.ndim != 2 or 0 in logits.shape or labels.shape != logits.shape[:1]:
        raise ArgumentError(
            "logits must be (images, classes) and labels (images,). "
            f"Received: logits shape={logits.shape}, labels shape={labels.shape}"
        )
    if not np.isfinite(logits).all():
        row = int(np.argmin(np.isfinite(logits).all(1)))
        raise ArgumentError(f"logits must be finite. Received: NaN or infinity in row {row}")
    classes = logits.shape[1]
    if labels.dtype.kind not in "iu" or not ((labels >= 0) & (labels < classes)).all():
        raise ArgumentError(
            f"labels must be integers in 0..{classes - 1}. Received: {labels.min()}..{labels.max()}"
        )
    own = np.take_along_axis(logits, labels[:, None], axis=1)
    earlier = np.arange(classes) < labels[:, None]
    better = (logits > own).sum(1) + ((logits == own) & earlier).sum(1)
    return float((better < k).mean())
