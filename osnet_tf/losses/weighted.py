"""Several losses on the outputs of one model."""

from typing import NamedTuple

import keras


class _Term(NamedTuple):
    output: str
    loss: keras.losses.Loss
    weight: float


class WeightedLosses:
    """The weighted sum of losses on a model's named outputs, all against the same labels.

    It is what `compile(loss={...}, loss_weights={...})` adds up, for training loops of one's own.

    Args:
        losses: Dict from an output's name ("logits", "embedding") to a `keras.losses.Loss`.
        weights: Dict from the same names to numbers >= 0; 1 where missing.

    Raises ValueError for no loss, two losses of one name, a negative weight, or a weight for an
    output without a loss.

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
        if not losses:
            raise ValueError(f"At least one loss is needed. Received: losses={losses}")
        names = [loss.name for loss in losses.values()]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"Two losses have the name {name!r}: give each its own. Received: names={names}"
                )
        unknown = set(weights) - set(losses)
        if unknown:
            raise ValueError(
                f"Weights for outputs without a loss: {sorted(unknown)}. "
                f"Received: losses for {sorted(losses)}"
            )
        for name, weight in weights.items():
            if not weight >= 0.0:
                raise ValueError(f"A weight must be >= 0. Received: {name}={weight}")
        self.terms = tuple(
            _Term(name, loss, float(weights.get(name, 1.0))) for name, loss in losses.items()
        )

    def __call__(self, labels, outputs):
        """Returns (total, dict from each loss's name to its unweighted value), scalars.

        Within a replica of a `tf.distribute` strategy they are shares, 1 / replicas of the mean, as
        Keras's losses return them.
        """
        parts = {term.loss.name: term.loss(labels, outputs[term.output]) for term in self.terms}
        total = sum(term.weight * parts[term.loss.name] for term in self.terms)
        return total, parts
