import math

import keras
import ml_dtypes
import numpy as np
import pytest

from osnet_tf.layers import CenterDistances, CosineClassifier
from osnet_tf.layers.unit_length import unit_length
from osnet_tf.models import add_classifier
from tests.layer_test_kit import (
    array,
    layer_gradients,
    random_input,
    randomise,
    run_layer,
    value_and_gradient,
)

SHAPE = (6, 5)


@pytest.mark.parametrize("layer_class", [CosineClassifier, CenterDistances])
def test_basics(layer_class, tmp_path):
    run_layer(layer_class, {"num_classes": 3}, SHAPE, tmp_path, trainable=1, non_trainable=0)


@pytest.mark.parametrize("layer_class", [CosineClassifier, CenterDistances])
@pytest.mark.parametrize("num_classes", [0, 2.0, None, True])
def test_invalid_num_classes(layer_class, num_classes):
    with pytest.raises(
        ValueError, match=rf"`num_classes` must be an integer >= 1. .*={num_classes!r}"
    ):
        layer_class(num_classes)


def built(layer_class):
    layer = layer_class(3)
    layer.build(SHAPE)
    return randomise(layer)


def cosine(p, q):
    lengths = math.hypot(*p) * math.hypot(*q)
    return sum(a * b for a, b in zip(p, q, strict=True)) / lengths if lengths else 0.0


def test_cosines_against_the_formula():
    layer, x = built(CosineClassifier), random_input(SHAPE)
    x[2], x[3] = 0.0, 1e3 * x[3]
    columns = array(layer.kernel).T.astype("float64")
    expected = [[cosine(row, column) for column in columns] for row in x.astype("float64")]
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-6)


def test_distances_against_the_formula():
    layer, x = built(CenterDistances), random_input(SHAPE)
    x[0] = array(layer.centers)[1]
    expected = [[math.dist(row, center) ** 2 for center in array(layer.centers)] for row in x]
    found = array(layer(x))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert found.min() >= 0.0


@pytest.mark.parametrize("layer_class", [CosineClassifier, CenterDistances])
def test_gradients_by_finite_differences(layer_class):
    layer, x = built(layer_class), random_input(SHAPE)
    cotangent = random_input((6, 3), seed=2)
    (weight,) = layer.trainable_variables
    value = array(weight).astype("float64")

    def total(x, w):
        if layer_class is CosineClassifier:
            outputs = [[cosine(row, column) for column in w.T] for row in x]
        else:
            outputs = [[math.dist(row, center) ** 2 for center in w] for row in x]
        return float((np.array(outputs) * cotangent).sum())

    _, dx, weights = layer_gradients(layer, x, cotangent)
    (dw,) = weights.values()
    for index in np.ndindex(*SHAPE):
        step = np.zeros(SHAPE)
        step[index] = 1e-5
        slope = (total(x + step, value) - total(x - step, value)) / 2e-5
        assert dx[index] == pytest.approx(slope, rel=1e-3, abs=1e-3)
    for index in np.ndindex(*value.shape):
        step = np.zeros(value.shape)
        step[index] = 1e-5
        slope = (total(x, value + step) - total(x, value - step)) / 2e-5
        assert dw[index] == pytest.approx(slope, rel=1e-3, abs=1e-3)


def test_unit_length_bears_zeros_and_extremes():
    x = np.array([[3, 4], [0, 0], [1e-9, 0], [3e15, 4e15], [3e-5, 4e-5]], "float32")
    found = array(unit_length(x))
    expected = [[0.6, 0.8], [0, 0], [0, 0], [0.6, 0.8], [0.6, 0.8]]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    weights = np.arange(1.0, 11.0, dtype="float32").reshape(5, 2)
    _, gradient = value_and_gradient(lambda v: keras.ops.sum(weights * unit_length(v)), x)
    length = np.linalg.norm(x.astype("f8"), axis=1, keepdims=True)
    unit = np.divide(x, length, where=length > 1e-6, out=np.zeros(x.shape))
    slope = weights - (weights * unit).sum(1, keepdims=True) * unit
    slope = np.divide(slope, length, where=length > 1e-6, out=np.zeros(x.shape))
    measurable = [0, 1, 2, 4]  # the row of 5e15 has a slope of 1e-16, below what float32 can tell
    np.testing.assert_allclose(gradient[measurable], slope[measurable], rtol=1e-3)
    np.testing.assert_allclose(gradient[3], 0.0, atol=1e-14)


@pytest.mark.parametrize("layer_class", [CosineClassifier, CenterDistances])
def test_half_precision_policies_compute_in_float32(layer_class):
    x = 1.0 + 1e-3 * random_input(SHAPE)  # one number in bfloat16
    expected = array(built(layer_class)(x))
    keras.config.set_dtype_policy("mixed_bfloat16")
    found = built(layer_class)(x)
    keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_array_equal(array(found), expected)
    rounded = layer_class(3, dtype="mixed_bfloat16")
    rounded.build(SHAPE)
    found = randomise(rounded)(x)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    np.testing.assert_array_equal(array(found), expected.astype(ml_dtypes.bfloat16))


@pytest.fixture(scope="module")
def embedder():
    """The heads see nothing of an OSNet but its output, which is >= 0."""
    images = keras.Input((4, 2, 3), name="images")
    x = keras.layers.Dense(16, activation="relu", name="fc")(keras.layers.Flatten()(images))
    return keras.Model(images, x, name="tiny")


def test_add_classifier_with_a_cosine_head_and_centers(embedder, tmp_path):
    model = add_classifier(embedder, 7, head="cosine", centers=True)
    assert {name: tuple(v.shape) for name, v in model.output.items()} == {
        "logits": (None, 7),
        "embedding": (None, 16),
        "center_distances": (None, 7),
    }
    assert {v.path for v in model.trainable_variables} - {
        v.path for v in embedder.trainable_variables
    } == {"classifier/kernel", "centers/centers"}
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 2, 3)).astype("float32")
    outputs = {name: array(v) for name, v in model(images).items()}
    assert np.abs(outputs["logits"]).max() <= 1.0
    squares = (outputs["embedding"] ** 2).sum(1, keepdims=True)
    np.testing.assert_allclose(outputs["center_distances"], squares.repeat(7, 1), rtol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for name, value in loaded(images).items():
        np.testing.assert_array_equal(array(value), outputs[name])


def test_unknown_head(embedder):
    with pytest.raises(ValueError, match=r"`head` must be one of 'linear', 'cosine'. .*'arcface'"):
        add_classifier(embedder, 7, head="arcface")
