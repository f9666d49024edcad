import json

import keras
import numpy as np
import pytest

from osnet_tf.layers import CenterDistances
from osnet_tf.losses import CenterLoss
from tests.layer_test_kit import array, layer_gradients, random_input, value_and_gradient

LABELS = np.array([0, 2, 2, 1, 2])
EMBEDDINGS = random_input((5, 4))
CENTERS = random_input((3, 4), seed=1)


def brute_force(labels, embeddings, centers):
    losses = []
    for label, row in zip(labels, embeddings, strict=True):
        losses.append(0.5 * sum((x - c) ** 2 for x, c in zip(row, centers[label], strict=True)))
    return losses


def layer_with_centers():
    layer = CenterDistances(3)
    layer.build((None, 4))
    layer.set_weights([CENTERS])
    return layer


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], LABELS.astype("float32")])
def test_against_brute_force(labels):
    distances = layer_with_centers()(EMBEDDINGS)
    expected = brute_force(LABELS, EMBEDDINGS, CENTERS)
    np.testing.assert_allclose(
        array(CenterLoss(reduction="none")(labels, distances)), expected, rtol=1e-5
    )
    assert float(CenterLoss()(labels, distances)) == pytest.approx(np.mean(expected), rel=1e-5)


def test_gradients_pull_embeddings_and_centers_together():
    """(x - c) / batch on each embedding; the sum of (c - x) / batch on each center."""
    layer = layer_with_centers()
    _, cotangent = value_and_gradient(lambda d: CenterLoss()(LABELS, d), array(layer(EMBEDDINGS)))
    _, dx, weights = layer_gradients(layer, EMBEDDINGS, cotangent)
    pull = (EMBEDDINGS - CENTERS[LABELS]) / 5
    np.testing.assert_allclose(dx, pull, atol=1e-6)
    expected = np.zeros((3, 4))
    np.add.at(expected, LABELS, -pull)
    (found,) = weights.values()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_degenerate_batches():
    """On its center an image costs nothing; one image and one class are a batch too."""
    layer = layer_with_centers()
    for x, labels in ((CENTERS, np.arange(3)), (np.zeros((1, 4), "float32"), np.array([0]))):
        expected = np.mean(brute_force(labels, x, CENTERS))
        assert float(CenterLoss()(labels, layer(x))) == pytest.approx(expected, abs=1e-5)
        _, dx, weights = layer_gradients(layer, x, np.ones((len(x), 3)))
        apart = x[:, None] - CENTERS[None]
        np.testing.assert_allclose(dx, 2 * apart.sum(1), atol=1e-5)
        (of_centers,) = weights.values()
        np.testing.assert_allclose(of_centers, -2 * apart.sum(0), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    """750 and 751 are one number in bfloat16: labels must not pass through it either."""
    distances = np.full((1, 752), 100.0, "float32")
    distances[0, 751] = 4.0
    keras.config.set_floatx(dtype)
    try:
        value = CenterLoss()(np.array([751]), keras.ops.convert_to_tensor(distances, dtype=dtype))
    finally:
        keras.config.set_floatx("float32")
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert float(value) == 2.0


def test_serialisation():
    loss = CenterLoss(name="mine", reduction="sum")
    assert json.loads(json.dumps(loss.get_config())) == {"name": "mine", "reduction": "sum"}
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(restored) is CenterLoss
    assert restored.get_config() == loss.get_config()


def test_invalid_reduction():
    with pytest.raises(ValueError, match=r"reduction"):
        CenterLoss(reduction="median")
