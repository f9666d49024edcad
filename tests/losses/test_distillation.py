import json
import math

import keras
import numpy as np
import pytest

from osnet_tf.losses import EmbeddingDistillation, LogitDistillation, RelationalDistillation
from tests.layer_test_kit import array, random_input, value_and_gradient

TEACHER, STUDENT = random_input((6, 4), seed=1), random_input((6, 4), seed=2)
LOSSES = (EmbeddingDistillation, RelationalDistillation, LogitDistillation)


def embedding(teacher, student):
    losses = []
    for t, s in zip(teacher, student, strict=True):
        lengths = math.hypot(*t) * math.hypot(*s)
        losses.append(1 - (float(t @ s) / lengths if lengths else 0.0))
    return losses


def relational(teacher, student):
    """Pair by pair; distances below the layer's own cut-off are 1e-6 there."""
    n = len(teacher)
    if n == 1:
        return [0.0]

    def distance(rows, a, b):
        return max(math.dist(rows[a], rows[b]), 1e-6)

    def relative(rows):
        pairs = {(a, b): distance(rows, a, b) for a in range(n) for b in range(n) if a != b}
        mean = sum(pairs.values()) / len(pairs)
        return {pair: value / mean for pair, value in pairs.items()}

    wanted, found = relative(teacher), relative(student)
    losses = []
    for a in range(n):
        total = 0.0
        for b in range(n):
            if a != b:
                d = abs(wanted[a, b] - found[a, b])
                total += 0.5 * d * d if d < 1 else d - 0.5
        losses.append(total / (n - 1))
    return losses


def logit(teacher, student, temperature=4.0):
    losses = []
    for t, s in zip(teacher, student, strict=True):
        p, q = np.exp(t / temperature), np.exp(s / temperature)
        p, q = p / p.sum(), q / q.sum()
        losses.append(temperature**2 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)))
    return losses


ORACLES = dict(zip(LOSSES, (embedding, relational, logit), strict=True))
BATCHES = {
    "usual": (TEACHER, STUDENT),
    "batch of one": (TEACHER[:1], STUDENT[:1]),
    "one outlier": (TEACHER, STUDENT * np.array([[1.0]] * 5 + [[40.0]], "float32")),
    "all equal": (np.ones((6, 4), "float32"), STUDENT),
    "all zeros": (TEACHER, np.zeros((6, 4), "float32")),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("batch", BATCHES)
def test_against_brute_force(loss, batch):
    teacher, student = BATCHES[batch]
    expected = ORACLES[loss](teacher.astype("float64"), student.astype("float64"))
    each = loss(reduction="none")(teacher, student)
    np.testing.assert_allclose(array(each), expected, rtol=2e-4, atol=2e-5)
    value, gradient = value_and_gradient(lambda x: loss()(teacher, x), student)
    assert value == pytest.approx(np.mean(expected), rel=2e-4, abs=2e-5)
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_by_finite_differences(loss):
    _, gradient = value_and_gradient(lambda x: loss()(TEACHER, x), STUDENT)
    teacher, student = TEACHER.astype("float64"), STUDENT.astype("float64")
    for index in np.ndindex(STUDENT.shape):
        step = np.zeros(STUDENT.shape)
        step[index] = 1e-6
        ends = [np.mean(ORACLES[loss](teacher, student + s * step)) for s in (1, -1)]
        assert gradient[index] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_who_agrees_with_the_teacher_loses_nothing(loss):
    assert float(loss()(TEACHER, TEACHER)) == pytest.approx(0.0, abs=1e-6)
    assert float(loss()(TEACHER, STUDENT)) > 0.01


@pytest.mark.one_backend
def test_what_does_not_matter():
    """Lengths; rotation, size and dimension of the space; a constant on all logits."""
    rotation, _ = np.linalg.qr(random_input((4, 4), seed=3))
    wider = 3 * np.concatenate([STUDENT @ rotation, np.ones((6, 2))], axis=1).astype("float32")
    same = [
        (EmbeddingDistillation(), 5 * STUDENT),
        (RelationalDistillation(), wider),
        (LogitDistillation(), STUDENT + 3),
    ]
    for loss, student in same:
        assert float(loss(TEACHER, student)) == pytest.approx(float(loss(TEACHER, STUDENT)), 1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_teacher_gets_no_gradient(loss):
    _, gradient = value_and_gradient(lambda x: loss()(x, STUDENT), TEACHER)
    assert not np.any(gradient)


def test_serialisation():
    logits = LogitDistillation(2, name="mine", reduction="sum")
    assert json.loads(json.dumps(logits.get_config())) == {
        "temperature": 2.0,
        "name": "mine",
        "reduction": "sum",
    }
    others = (EmbeddingDistillation(name="a"), RelationalDistillation(reduction="sum"))
    for loss in (logits, *others):
        data = keras.saving.serialize_keras_object(loss)
        restored = keras.saving.deserialize_keras_object(data)
        assert type(restored) is type(loss)
        assert restored.get_config() == loss.get_config()
        assert float(restored(TEACHER, STUDENT)) == float(loss(TEACHER, STUDENT))


@pytest.mark.parametrize("temperature", [0, -1, float("inf"), "4", True])
def test_invalid_arguments(temperature):
    with pytest.raises(ValueError, match=r"`temperature` must be .*Received: temperature="):
        LogitDistillation(temperature)
