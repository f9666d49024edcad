"""Measures of attribute recognition, where one image may have any number of attributes.

Source: Li et al., "A Richly Annotated Dataset for Pedestrian Attribute Recognition", arXiv
1603.07054, section 5.1, and the evaluation code that its authors published.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.errors import ArgumentError


@dataclass(frozen=True, eq=False)
class AttributeResult:
    """How well attributes were recognised; every figure is a fraction in [0, 1].

    Attributes:
        mA: mean accuracy: over attributes, the mean of the shares of positive and of negative
            images that are right. Attributes that no image has, or all have, are left out.
        accuracy, precision, recall: means over images of |right| / |predicted or true|,
            |right| / |predicted| (0 where nothing was predicted) and |right| / |true|, in numbers
            of attributes. Images without a true attribute are left out.
        F1: the harmonic mean of those two means; 0 where both are 0.
        positive_rates: float64 `(attributes,)`, share of an attribute's positive images that were
            found; NaN where there are none.
        negative_rates: float64 `(attributes,)`, likewise of the negative images.
    """

    mA: float
    accuracy: float
    precision: float
    recall: float
    F1: float
    positive_rates: np.ndarray
    negative_rates: np.ndarray


def recognise_attributes(
    scores: ArrayLike, labels: ArrayLike, *, threshold: float = 0.5
) -> AttributeResult:
    """Measures attribute recognition.

    Args:
        scores: real `(images, attributes)`: probabilities, or any score that is compared with
            `threshold`.
        labels: `(images, attributes)` of 0 and 1 or booleans, the truth.
        threshold: An attribute is predicted where its score is above it.

    Returns:
        An `AttributeResult`.

    Raises ArgumentError for shapes that differ, NaN, labels other than 0 and 1, no attribute with
    both positive and negative images, or no image with an attribute.

    >>> found = recognise_attributes([[0.9, 0.2], [0.8, 0.7], [0.1, 0.4]], [[1, 0], [0, 1], [0, 1]])
    >>> round(found.mA, 4), found.accuracy, found.positive_rates.tolist()
    (0.75, 0.5, [1.0, 0.5])
    """
    scores, labels = np.asarray(scores), np.asarray(labels)
    _check(scores, labels)
    predicted, true = scores > threshold, labels.astype(bool)
    right = predicted & true
    with np.errstate(invalid="ignore"):
        positive_rates = right.sum(0) / true.sum(0)
        negative_rates = (~predicted & ~true).sum(0) / (~true).sum(0)
    mean_rates = (positive_rates + negative_rates) / 2
    if np.isnan(mean_rates).all():
        raise ArgumentError(
            "labels must hold an attribute that some images have and some have not. "
            f"Received: shares of images {true.mean(0).tolist()}"
        )
    kept = true.any(1)
    predicted, true, right = predicted[kept], true[kept], right[kept].sum(1)
    accuracy = (right / (predicted | true).sum(1)).mean()
    precision = (right / np.maximum(predicted.sum(1), 1)).mean()
    recall = (right / true.sum(1)).mean()
    total = precision + recall
    return AttributeResult(
        mA=float(np.nanmean(mean_rates)),
        accuracy=float(accuracy),
        precision=float(precision),
        recall=float(recall),
        F1=float(2 * precision * recall / total) if total else 0.0,
        positive_rates=positive_rates,
        negative_rates=negative_rates,
    )


def _check(scores, labels):
    if scores.ndim != 2 or scores.shape != labels.shape or 0 in scores.shape:
        raise ArgumentError(
            "scores and labels must both be of shape (images, attributes). "
            f"Received: scores shape={scores.shape}, labels shape={labels.shape}"
        )
    if np.isnan(scores).any():
        row = int(np.argmax(np.isnan(scores).any(1)))
        raise ArgumentError(f"scores must not be NaN. Received: NaN in row {row}")
    if not np.isin(labels, (0, 1)).all():
        other = labels[~np.isin(labels, (0, 1))][0]
        raise ArgumentError(f"labels must be 0 or 1. Received: {other!r}")
