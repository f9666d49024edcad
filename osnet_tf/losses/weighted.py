"""Several losses on the outputs of one model."""

from typing import NamedTuple

import keras

from osnet_tf.checks import check_number
from osnet_tf.errors import ArgumentError


class _Term(NamedTuple):
    output: str
    loss: keras.losses.Loss
    weight: float


class WeightedLosses:
    """The weighted sum of losses on a model's named outputs, all against the same labels.

    It is what `compile(loss={...}, loss_weights={...})` adds up, for training loops of one's own.

    Args:
        losses: Dict from an output's name ("logits", "embedding") to a `keras.losses.Loss`, or to a
            list of them.
        weights: Dict from the same names to numbers >= 0, or to a list of them where there is a
            list of losses; 1 where missing.

    Raises ValueError for no loss, two losses of one name, a negative weight, a list of another
    length than the losses', or a weight for an output without a loss.

    >>> import numpy as np
    >>> from osnet_tf.losses import BatchHardTripletLoss, LabelSmoothedCrossEntropy
    >>> losses = WeightedLosses(
    ...     {"logits": LabelSmoothedCrossEntropy(0.0), "embedding": BatchHardTripletLoss(0.3)},
    ...     weights={"embedding": 0.5},
    ... )
    >>> outputs = {"logits": np.zeros((2, 2), "float32"), "embedding": np.zeros((2, 1), "float32")}
    >>> total, parts = losses(np.array([0, 1]), outputs)
    >>> [round(float(v), 4) for v in (total, parts["cross_entropy"], parts["triplet"])]
    [0.8431, 0.6931, 0.3]
    """

    def __init__(self, losses, weights=None):
        weights = dict(weights or {})
        unknown = set(weights) - set(losses)
        if unknown:
            raise ArgumentError(
                f"Weights for outputs without a loss: {sorted(unknown)}. "
                f"Received: losses for {sorted(losses)}"
            )
        self.terms = tuple(
            _Term(output, loss, weight)
            for output, listed in losses.items()
            for loss, weight in _weighted(output, listed, weights.get(output))
        )
        if not self.terms:
            raise ArgumentError(f"At least one loss is needed. Received: losses={losses}")
        names = [term.loss.name for term in self.terms]
        for name in names:
            if names.count(name) > 1:
                raise ArgumentError(
                    f"Two losses have the name {name!r}: give each its own. Received: names={names}"
                )

    def __call__(self, labels, outputs):
        """Returns (total, dict from each loss's name to its unweighted value), scalars.

        Within a replica of a `tf.distribute` strategy they are shares, 1 / replicas of the mean, as
        Keras's losses return them.
        """
        parts = {term.loss.name: term.loss(labels, outputs[term.output]) for term in self.terms}
        total = sum(term.weight * parts[term.loss.name] for term in self.terms)
        return total, parts


def _weighted(output, losses, weights):
    """(loss, weight) for each loss of one output."""
    if not isinstance(losses, (list, tuple)):
        losses = [losses]
        weights = None if weights is None else [weights]
    if weights is None:
        weights = [1.0] * len(losses)
    if not isinstance(weights, (list, tuple)) or len(weights) != len(losses):
        raise ArgumentError(
            f"{output} has a list of {len(losses)} losses: its weights must be a list of as many. "
            f"Received: {output}={weights}"
        )
    for weight in weights:
        check_number(0, **{f"weights[{output!r}]": weight})
    return zip(losses, map(float, weights), strict=True)
