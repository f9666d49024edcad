import json
import math

import keras
import numpy as np
import pytest

from osnet_tf.losses import MultiSimilarityLoss
from tests.layer_test_kit import array, value_and_gradient
from tests.losses.batches import BATCHES, EMBEDDINGS, PIDS
from tests.losses.test_circle import cosine


def brute_force(pids, embeddings, alpha=2.0, beta=50.0, base=0.5, epsilon=0.1, chosen_by=None):
    """For each anchor, pair by pair; the pairs chosen by other embeddings if given."""
    rows = np.asarray(embeddings, "float64")
    chooser = rows if chosen_by is None else np.asarray(chosen_by, "float64")
    losses = []
    for a in range(len(rows)):
        same = [b for b in range(len(rows)) if b != a and pids[b] == pids[a]]
        other = [b for b in range(len(rows)) if pids[b] != pids[a]]
        s = [cosine(chooser[a], chooser[b]) for b in range(len(rows))]
        positive = [p for p in same if other and s[p] < max(s[n] for n in other) + epsilon]
        negative = [n for n in other if same and s[n] > min(s[p] for p in same) - epsilon]
        if not positive or not negative:
            losses.append(0.0)
            continue
        now = [cosine(rows[a], rows[b]) for b in range(len(rows))]
        near = sum(math.exp(-alpha * (now[p] - base)) for p in positive)
        far = sum(math.exp(beta * (now[n] - base)) for n in negative)
        losses.append(math.log1p(near) / alpha + math.log1p(far) / beta)
    return losses


#: Where cosines tie up to float noise, a pair exactly at the threshold may fall on either side.
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(
    "arguments",
    [{}, {"alpha": 5.0, "beta": 3.0, "base": 0.0, "epsilon": 0.03}],
    ids=["authors", "soft"],
)
def test_against_brute_force(batch, arguments):
    pids, embeddings = BATCHES[batch]
    expected = brute_force(pids, embeddings, **arguments)
    each = MultiSimilarityLoss(**arguments, reduction="none")(pids, embeddings)
    np.testing.assert_allclose(array(each), expected, rtol=1e-4, atol=1e-4)
    loss = MultiSimilarityLoss(**arguments)
    value, gradient = value_and_gradient(lambda x: loss(pids, x), embeddings)
    assert value == pytest.approx(np.mean(expected), rel=1e-4, abs=1e-4)
    assert gradient.shape == embeddings.shape
    assert np.all(np.isfinite(gradient))


def test_gradient_by_finite_differences():
    _, gradient = value_and_gradient(lambda x: MultiSimilarityLoss(beta=5)(PIDS, x), EMBEDDINGS)
    for index in np.ndindex(EMBEDDINGS.shape):
        step = np.zeros(EMBEDDINGS.shape)
        step[index] = 1e-6
        ends = [
            np.mean(brute_force(PIDS, EMBEDDINGS + s * step, beta=5, chosen_by=EMBEDDINGS))
            for s in (1, -1)
        ]
        assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-4)


@pytest.mark.parametrize("batch", ["all one identity", "all distinct", "batch of one"])
def test_without_pairs_it_is_zero(batch):
    pids, embeddings = BATCHES[batch]
    value, gradient = value_and_gradient(lambda x: MultiSimilarityLoss()(pids, x), embeddings)
    assert value == 0.0
    assert not gradient.any()


def test_easy_pairs_do_not_count():
    """People far from each other, each with images near each other."""
    embeddings = np.array([[1, 0], [1, 0.01], [0, 1], [0.01, 1]], "float32")
    pids = np.array([0, 0, 1, 1])
    assert float(MultiSimilarityLoss()(pids, embeddings)) == 0.0
    assert float(MultiSimilarityLoss(epsilon=1.5)(pids, embeddings)) > 0.1


@pytest.mark.one_backend
def test_half_precision_is_computed_in_float32():
    pids = np.array([1500, 1501, 1500, 1501])
    embeddings = np.array([[1, 0], [0, 1], [1, 1], [1, 0]], "float32")
    expected = float(MultiSimilarityLoss()(pids, embeddings))
    keras.config.set_floatx("bfloat16")
    try:
        value = MultiSimilarityLoss()(
            pids, keras.ops.convert_to_tensor(embeddings, dtype="bfloat16")
        )
    finally:
        keras.config.set_floatx("float32")
    assert float(value) == pytest.approx(expected, rel=1e-6)


def test_serialisation():
    loss = MultiSimilarityLoss(1, 2, 0, 0.2, "global", name="mine", reduction="sum")
    assert json.loads(json.dumps(loss.get_config())) == {
        "alpha": 1.0, "beta": 2.0, "base": 0.0, "epsilon": 0.2,
        "mining": "global", "name": "mine", "reduction": "sum",
    }  # fmt: skip
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(restored) is MultiSimilarityLoss
    assert restored.get_config() == loss.get_config()
    assert float(restored(PIDS, EMBEDDINGS)) == float(loss(PIDS, EMBEDDINGS))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0}, r"`alpha` must be > 0. Received: alpha=0"),
        ({"beta": -1}, r"`beta` must be > 0. Received: beta=-1"),
        ({"base": float("nan")}, r"`base` must be a finite number. Received: base=nan"),
        ({"epsilon": -0.1}, r"`epsilon` must be >= 0. Received: epsilon=-0.1"),
        ({"mining": "all"}, r"`mining` must be one of 'replica', 'global'. .*mining='all'"),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiSimilarityLoss(**arguments)
