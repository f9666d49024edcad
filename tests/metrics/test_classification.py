"""Top-k accuracy against a sort."""

import numpy as np
import pytest

from osnet_tf.errors import ArgumentError
from osnet_tf.metrics import top_k_accuracy


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_against_a_stable_sort(k):
    rng = np.random.default_rng(k)
    logits = rng.integers(0, 4, (60, 7)).astype(float)  # many ties
    labels = rng.integers(0, 7, 60)
    right = 0
    for row, label in zip(logits, labels, strict=True):
        order = sorted(range(7), key=lambda c: -row[c])  # stable: the lower class first
        right += label in order[:k]
    assert top_k_accuracy(logits, labels, k) == right / 60


def test_the_same_logit_for_every_class_is_class_0():
    assert top_k_accuracy(np.zeros((4, 4)), [0, 1, 2, 3]) == 0.25


@pytest.mark.parametrize(
    ("logits", "labels", "k", "message"),
    [
        ([[0.0, 1.0]], [2], 1, r"integers in 0\.\.1\. Received: 2\.\.2"),
        ([[0.0, 1.0]], [-1], 1, "Received: -1"),
        ([[0.0, 1.0]], [0.0], 1, "must be integers"),
        ([[0.0, 1.0]], [0, 1], 1, r"labels shape=\(2,\)"),
        ([[0.0, np.inf]], [0], 1, "NaN or infinity in row 0"),
        ([[0.0, 1.0]], [0], 0, "`k` must be an integer >= 1"),
    ],
)
def test_what_cannot_be_measured(logits, labels, k, message):
    with pytest.raises(ArgumentError, match=message):
        top_k_accuracy(logits, labels, k)
