import json
import math

import keras
import numpy as np
import pytest

from osnet_tf.errors import ArgumentError
from osnet_tf.losses import WeightedBinaryCrossEntropy
from tests.layer_test_kit import array, random_input, value_and_gradient

RATES = [0.5, 0.1, 0.0, 0.93]
LABELS = (random_input((6, 4)) > 0).astype("float32")
LOGITS = 3.0 * random_input((6, 4))


def brute_force(labels, logits, rates):
    losses = []
    for row, scores in zip(labels, np.asarray(logits, "float64"), strict=True):
        total = 0.0
        for label, score, rate in zip(row, scores, rates, strict=True):
            probability = 1 / (1 + math.exp(-score))
            if label:
                total -= math.exp(1 - rate) * math.log(probability)
            else:
                total -= math.exp(rate) * math.log(1 - probability)
        losses.append(total / len(row))
    return losses


@pytest.mark.parametrize("labels", [LABELS, LABELS.astype("int32"), LABELS.astype(bool)])
def test_against_brute_force(labels):
    expected = brute_force(LABELS, LOGITS, RATES)
    each = WeightedBinaryCrossEntropy(RATES, reduction="none")(labels, LOGITS)
    np.testing.assert_allclose(array(each), expected, rtol=1e-5)
    assert float(WeightedBinaryCrossEntropy(RATES)(labels, LOGITS)) == pytest.approx(
        np.mean(expected), rel=1e-5
    )


def test_without_rates_it_is_keras_s():
    ours = WeightedBinaryCrossEntropy()(LABELS, LOGITS)
    theirs = keras.losses.BinaryCrossentropy(from_logits=True)(LABELS, LOGITS)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-6)


def test_gradient_is_weight_times_probability_minus_label():
    loss = WeightedBinaryCrossEntropy(RATES)
    _, gradient = value_and_gradient(lambda x: loss(LABELS, x), LOGITS)
    weight = np.where(LABELS == 1, np.exp(1 - np.array(RATES)), np.exp(RATES))
    expected = weight * (1 / (1 + np.exp(-LOGITS)) - LABELS) / LABELS.size
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_huge_logits_are_finite():
    logits = np.array([[1e30, -1e30]], "float32")
    value, gradient = value_and_gradient(
        lambda x: WeightedBinaryCrossEntropy()(np.array([[0, 0]]), x), logits
    )
    assert value == pytest.approx(5e29)
    np.testing.assert_allclose(gradient, [[0.5, 0.0]])


def test_serialisation():
    loss = WeightedBinaryCrossEntropy(RATES)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.positive_rates == RATES
    assert float(again(LABELS, LOGITS)) == float(loss(LABELS, LOGITS))


@pytest.mark.parametrize("rates", [[], [0.5, 1.5], [-0.1], [float("nan")]])
def test_rates_out_of_range(rates):
    with pytest.raises(ArgumentError, match=r"`positive_rates` must"):
        WeightedBinaryCrossEntropy(rates)
