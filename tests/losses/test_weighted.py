import numpy as np
import pytest

from osnet_tf.losses import (
    BatchHardTripletLoss,
    CircleLoss,
    LabelSmoothedCrossEntropy,
    WeightedLosses,
)
from tests.layer_test_kit import random_input, value_and_gradient

LABELS = np.array([0, 0, 1, 2])
OUTPUTS = {"logits": random_input((4, 3)), "embedding": random_input((4, 5), seed=1)}


def both():
    return {"logits": LabelSmoothedCrossEntropy(0.1), "embedding": BatchHardTripletLoss(0.3)}


@pytest.mark.parametrize(
    ("weights", "cross_entropy", "triplet"),
    [
        (None, 1.0, 1.0),
        ({}, 1.0, 1.0),
        ({"embedding": 0.5}, 1.0, 0.5),
        ({"logits": 0, "embedding": 2}, 0.0, 2.0),
    ],
)
def test_the_weighted_sum(weights, cross_entropy, triplet):
    total, parts = WeightedLosses(both(), weights)(LABELS, OUTPUTS)
    alone = {
        "cross_entropy": float(LabelSmoothedCrossEntropy(0.1)(LABELS, OUTPUTS["logits"])),
        "triplet": float(BatchHardTripletLoss(0.3)(LABELS, OUTPUTS["embedding"])),
    }
    assert {name: float(value) for name, value in parts.items()} == alone
    expected = cross_entropy * alone["cross_entropy"] + triplet * alone["triplet"]
    assert float(total) == pytest.approx(expected, rel=1e-6)


def test_one_loss_needs_no_other_output():
    losses = WeightedLosses({"logits": LabelSmoothedCrossEntropy(0.0)})
    total, parts = losses(LABELS, {"logits": OUTPUTS["logits"]})
    assert list(parts) == ["cross_entropy"]
    assert float(total) == float(parts["cross_entropy"])


@pytest.mark.parametrize("weights", [[2.0, 0.5], (2.0, 0.5), None])
def test_several_losses_on_one_output(weights):
    listed = [BatchHardTripletLoss(0.3), CircleLoss()]
    losses = WeightedLosses({"embedding": listed}, weights and {"embedding": weights})
    total, parts = losses(LABELS, OUTPUTS)
    assert list(parts) == ["triplet", "circle"]
    alone = [float(loss(LABELS, OUTPUTS["embedding"])) for loss in listed]
    assert [float(value) for value in parts.values()] == alone
    expected = np.dot(weights or [1.0, 1.0], alone)
    assert float(total) == pytest.approx(expected, rel=1e-6)


def test_gradients_are_weighted():
    losses = WeightedLosses(both(), {"embedding": 3.0})

    def total(embedding):
        return losses(LABELS, {**OUTPUTS, "embedding": embedding})[0]

    _, gradient = value_and_gradient(total, OUTPUTS["embedding"])
    _, alone = value_and_gradient(
        lambda x: BatchHardTripletLoss(0.3)(LABELS, x), OUTPUTS["embedding"]
    )
    assert np.abs(alone).max() > 0
    np.testing.assert_allclose(gradient, 3.0 * alone, rtol=1e-5, atol=1e-7)


def test_a_missing_output_is_named():
    with pytest.raises(KeyError, match="embedding"):
        WeightedLosses(both())(LABELS, {"logits": OUTPUTS["logits"]})


@pytest.mark.parametrize(
    ("losses", "weights", "message"),
    [
        ({}, None, r"At least one loss is needed. Received: losses={}"),
        (both(), {"embedding": -1}, r"`weights\['embedding'\]` must be >= 0. Received: .*=-1"),
        (
            both(),
            {"logits": float("nan")},
            r"weights\['logits'\]` must be a finite number. .*nan",
        ),
        (
            both(),
            {"logit": 1.0},
            r"Weights for outputs without a loss: \['logit'\]. "
            r"Received: losses for \['embedding', 'logits'\]",
        ),
        (
            {"embedding": [BatchHardTripletLoss(), CircleLoss()]},
            {"embedding": 1.0},
            r"embedding has a list of 2 losses: its weights must be .* Received: embedding=1.0",
        ),
        (
            {"embedding": [BatchHardTripletLoss(), CircleLoss()]},
            {"embedding": [1.0]},
            r"embedding has a list of 2 losses: its weights .* Received: embedding=\[1.0\]",
        ),
        ({"embedding": []}, None, r"At least one loss is needed. Received: .*embedding"),
        (
            {"logits": LabelSmoothedCrossEntropy(), "more": LabelSmoothedCrossEntropy()},
            None,
            r"Two losses have the name 'cross_entropy': give each its own",
        ),
    ],
)
def test_invalid_arguments(losses, weights, message):
    with pytest.raises(ValueError, match=message):
        WeightedLosses(losses, weights)
