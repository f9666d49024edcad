"""Several losses on the outputs of one model."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import keras

from osnet_tf.checks import check_number
from osnet_tf.errors import ArgumentError
from osnet_tf.types import Tensor


class LossTerm(NamedTuple):
    """A loss between one output of a model and one target.

    Attributes:
        output: The output's name, such as "logits" or "embedding".
        target: The target's name, such as "identity".
        loss: A `keras.losses.Loss`, or what is called as one and has a `name`.
        weight: >= 0.
    """

    output: str
    target: str
    loss: keras.losses.Loss
    weight: float = 1.0


class WeightedLosses:
    """The weighted sum of losses on a model's named outputs, each against a named target.

    It is what `compile(loss={...}, loss_weights={...})` adds up, for training loops of one's own.

    Args:
        terms: `LossTerm`s. An output and a target may stand in several of them.

    Attributes:
        terms: Tuple of them.
        names: Tuple of the losses' names, in their order.

    Raises ArgumentError for no term, two losses of one name, or a negative weight.

    >>> import numpy as np
    >>> from osnet_tf.losses import BatchHardTripletLoss, LabelSmoothedCrossEntropy
    >>> losses = WeightedLosses(
    ...     [
    ...         LossTerm("logits", "identity", LabelSmoothedCrossEntropy(0.0)),
    ...         LossTerm("embedding", "identity", BatchHardTripletLoss(0.3), weight=0.5),
    ...     ]
    ... )
    >>> outputs = {"logits": np.zeros((2, 2), "float32"), "embedding": np.zeros((2, 1), "float32")}
    >>> total, parts = losses({"identity": np.array([0, 1])}, outputs)
    >>> [round(float(v), 4) for v in (total, parts["cross_entropy"], parts["triplet"])]
    [0.8431, 0.6931, 0.3]
    """

    def __init__(self, terms: Iterable[LossTerm]) -> None:
        self.terms = tuple(LossTerm(*term) for term in terms)
        if not self.terms:
            raise ArgumentError("At least one loss is needed. Received: no terms")
        self.names = tuple(term.loss.name for term in self.terms)
        for name in self.names:
            if self.names.count(name) > 1:
                raise ArgumentError(
                    f"Two losses have the name {name!r}: give each its own. "
                    f"Received: names={list(self.names)}"
                )
        for term in self.terms:
            check_number(0, **{f"weight of {term.loss.name}": term.weight})

    def __call__(
        self, targets: Mapping[str, Tensor], outputs: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns (total, dict from each loss's name to its unweighted value), scalars.

        Args:
            targets: Dict from names to tensors `(batch, ...)`.
            outputs: Dict from names to tensors `(batch, ...)`.

        Within a replica of a `tf.distribute` strategy they are shares, 1 / replicas of the mean, as
        Keras's losses return them.
        """
        parts = {
            term.loss.name: term.loss(targets[term.target], outputs[term.output])
            for term in self.terms
        }
        total = sum(term.weight * parts[term.loss.name] for term in self.terms)
        return total, parts
