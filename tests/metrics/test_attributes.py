"""Attribute recognition against loops over images and attributes, as its authors' code has them."""

import numpy as np
import pytest

from osnet_tf.errors import ArgumentError
from osnet_tf.metrics import recognise_attributes


def oracle(predicted, true):
    """The published evaluation, written out; every attribute has positives and negatives."""
    images, attributes = true.shape
    rates = []
    for a in range(attributes):
        positive = [i for i in range(images) if true[i, a]]
        negative = [i for i in range(images) if not true[i, a]]
        found = sum(predicted[i, a] for i in positive) / len(positive)
        spared = sum(not predicted[i, a] for i in negative) / len(negative)
        rates.append((found + spared) / 2)
    figures = {"accuracy": [], "precision": [], "recall": []}
    for i in range(images):
        mine = {a for a in range(attributes) if predicted[i, a]}
        truth = {a for a in range(attributes) if true[i, a]}
        if truth:
            right = len(mine & truth)
            figures["accuracy"].append(right / len(mine | truth))
            figures["precision"].append(right / len(mine) if mine else 0.0)
            figures["recall"].append(right / len(truth))
    means = {name: sum(values) / len(values) for name, values in figures.items()}
    p, r = means["precision"], means["recall"]
    return {"mA": sum(rates) / len(rates), **means, "F1": 2 * p * r / (p + r) if p + r else 0.0}


@pytest.mark.parametrize("seed", range(5))
def test_against_the_oracle(seed):
    rng = np.random.default_rng(seed)
    true = rng.random((40, 7)) < 0.3
    true[0], true[1] = True, False  # every attribute with both; an image without any
    scores = rng.random((40, 7))
    scores[2] = 0.0  # nothing predicted
    found = recognise_attributes(scores, true.astype(int), threshold=0.6)
    for name, value in oracle(scores > 0.6, true).items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-12), name


def test_perfect_and_inverted():
    labels = np.array([[1, 0], [0, 1]])
    perfect, inverted = (
        recognise_attributes(labels, labels),
        recognise_attributes(1 - labels, labels),
    )
    names = ("mA", "accuracy", "precision", "recall", "F1")
    assert [getattr(perfect, name) for name in names] == [1.0] * 5
    assert [getattr(inverted, name) for name in names] == [0.0] * 5


def test_an_attribute_of_nobody_or_everybody_is_left_out_of_the_mean():
    labels = np.array([[1, 0, 1], [0, 0, 1]])
    found = recognise_attributes([[0.9, 0.1, 0.9], [0.9, 0.1, 0.1]], labels)
    assert found.mA == 0.5
    np.testing.assert_array_equal(found.positive_rates, [1.0, np.nan, 0.5])
    np.testing.assert_array_equal(found.negative_rates, [0.0, 1.0, np.nan])


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([[0.1]], [[1, 0]], r"Received: scores shape=\(1, 1\), labels shape=\(1, 2\)"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "must both be of shape"),
        ([[0.1], [np.nan]], [[1], [0]], "NaN in row 1"),
        ([[0.1], [0.2]], [[1], [-1]], "labels must be 0 or 1"),
        ([[0.1], [0.2]], [[1], [1]], "some images have and some have not"),
    ],
)
def test_what_cannot_be_measured(scores, labels, message):
    with pytest.raises(ArgumentError, match=message):
        recognise_attributes(scores, labels)
