import numpy as np
import pytest

from osnet_tf.errors import ArgumentError
from osnet_tf.losses import (
    BatchHardTripletLoss,
    LabelSmoothedCrossEntropy,
    LossTerm,
    WeightedLosses,
)
from tests.layer_test_kit import random_input, value_and_gradient

LABELS = np.array([0, 0, 1, 2])
TARGETS = {"identity": LABELS}
OUTPUTS = {"logits": random_input((4, 3)), "embedding": random_input((4, 5), seed=1)}


def both(weights=(1.0, 1.0)):
    return [
        LossTerm("logits", "identity", LabelSmoothedCrossEntropy(0.1), weights[0]),
        LossTerm("embedding", "identity", BatchHardTripletLoss(0.3), weights[1]),
    ]


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 0.5), (0, 2)])
def test_the_weighted_sum(weights):
    total, parts = WeightedLosses(both(weights))(TARGETS, OUTPUTS)
    alone = {
        "cross_entropy": float(LabelSmoothedCrossEntropy(0.1)(LABELS, OUTPUTS["logits"])),
        "triplet": float(BatchHardTripletLoss(0.3)(LABELS, OUTPUTS["embedding"])),
    }
    assert {name: float(value) for name, value in parts.items()} == alone
    assert float(total) == pytest.approx(np.dot(weights, list(alone.values())), rel=1e-6)


def test_each_loss_has_its_own_target():
    other = np.array([2, 1, 1, 0])
    terms = [
        LossTerm("logits", "identity", LabelSmoothedCrossEntropy(0.0, name="first")),
        LossTerm("logits", "clothes", LabelSmoothedCrossEntropy(0.0, name="second")),
    ]
    losses = WeightedLosses(terms)
    assert losses.names == ("first", "second")
    _, parts = losses({**TARGETS, "clothes": other}, {"logits": OUTPUTS["logits"]})
    for name, labels in (("first", LABELS), ("second", other)):
        alone = LabelSmoothedCrossEntropy(0.0)(labels, OUTPUTS["logits"])
        assert float(parts[name]) == float(alone)
    assert float(parts["first"]) != float(parts["second"])


def test_gradients_are_weighted():
    losses = WeightedLosses(both((1.0, 3.0)))

    def total(embedding):
        return losses(TARGETS, {**OUTPUTS, "embedding": embedding})[0]

    _, gradient = value_and_gradient(total, OUTPUTS["embedding"])
    _, alone = value_and_gradient(
        lambda x: BatchHardTripletLoss(0.3)(LABELS, x), OUTPUTS["embedding"]
    )
    assert np.abs(alone).max() > 0
    np.testing.assert_allclose(gradient, 3.0 * alone, rtol=1e-5, atol=1e-7)


def test_a_missing_output_or_target_is_named():
    with pytest.raises(KeyError, match="embedding"):
        WeightedLosses(both())(TARGETS, {"logits": OUTPUTS["logits"]})
    with pytest.raises(KeyError, match="identity"):
        WeightedLosses(both())({}, OUTPUTS)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([], r"At least one loss is needed. Received: no terms"),
        (both((1, -1)), r"`weight of triplet` must be >= 0. Received: .*=-1"),
        (both((float("nan"), 1)), r"`weight of cross_entropy` must be a finite number. .*nan"),
        (both()[:1] * 2, r"Two losses have the name 'cross_entropy': give each its own"),
    ],
)
def test_invalid_arguments(terms, message):
    with pytest.raises(ArgumentError, match=message):
        WeightedLosses(terms)
