"""Activation maps, Grad-CAM of pairs, and maps as colours."""

import keras
import numpy as np
import pytest

from osnet_tf import OSNet
from osnet_tf.errors import ArgumentError
from osnet_tf.visualize.activation import activation_maps, similarity_maps
from osnet_tf.visualize.maps import enlarged, heat, overlay


@pytest.fixture(scope="module")
def model():
    """A small OSNet with batch statistics and biases of its own."""
    keras.utils.set_random_seed(1)
    model = OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1, feature_dim=24)
    rng = np.random.default_rng(0)
    dense, norm = model.get_layer("fc"), model.get_layer("fc_norm")
    dense.set_weights([rng.normal(0, 1, w.shape) for w in dense.get_weights()])
    norm.set_weights([0.5 + rng.random(w.shape) for w in norm.get_weights()])
    return model


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(2).integers(0, 256, (3, 64, 32, 3)).astype("uint8")


def feature_maps(model, images):
    return keras.Model(model.input, model.get_layer("conv5").output)(images).numpy()


def test_activation_maps(model, images):
    maps = activation_maps(model, images)
    features = feature_maps(model, images).astype(np.float64)
    for number, one in enumerate(maps):
        expected = np.zeros((4, 2))
        for y in range(4):
            for x in range(2):
                expected[y, x] = sum(value**2 for value in features[number, y, x])
        expected /= np.sqrt((expected**2).sum())
        np.testing.assert_allclose(one, expected, rtol=1e-5)
    assert activation_maps(model, images[:0]).shape == (0, 4, 2)


def test_a_similarity_map_is_what_each_place_adds_to_the_cosine(model, images):
    """By hand: embedding j is linear in the pooled map wherever its ReLU lets it through."""
    first, second = images[:2], images[1:]
    one, other, cosines = similarity_maps(model, first, second)
    kernel, bias = (w.astype(np.float64) for w in model.get_layer("fc").get_weights())
    norm = model.get_layer("fc_norm")
    gamma, beta, mean, variance = (
        np.asarray(w, np.float64)
        for w in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
    )
    scale = gamma / np.sqrt(variance + norm.epsilon)
    for number in range(2):
        maps = [feature_maps(model, part[number : number + 1])[0] for part in (first, second)]
        raw = [(m.mean((0, 1)) @ kernel + bias - mean) * scale + beta for m in maps]
        a, b = (np.maximum(r, 0) for r in raw)
        lengths = np.linalg.norm(a) * np.linalg.norm(b)
        assert cosines[number] == pytest.approx(a @ b / lengths, rel=1e-4)
        for found, features, own, others in ((one, maps[0], a, b), (other, maps[1], b, a)):
            of_channel = kernel @ (scale * (own > 0) * others) / lengths
            np.testing.assert_allclose(found[number], features @ of_channel, rtol=2e-3, atol=1e-5)
        biases = (((bias - mean) * scale + beta) * (a > 0) * b).sum() / lengths
        assert one[number].mean() == pytest.approx(cosines[number] - biases, abs=1e-4)


def test_models_and_pairs_that_do_not_fit(model, images):
    with pytest.raises(ArgumentError, match="2 first and 1 second images"):
        similarity_maps(model, images[:2], images[:1])
    inputs = keras.Input((8, 8, 3))
    other = keras.Model(inputs, keras.layers.Flatten()(inputs), name="mine")
    with pytest.raises(ArgumentError, match="'mine' is no OSNet"):
        activation_maps(other, images)


def test_a_map_enlarged():
    """Half a place at each end stays even; between the places it is linear."""
    values = np.array([[1.0, 3.0], [2.0, 4.0]])
    grown = enlarged(values, (8, 4))
    for y in range(8):
        for x in range(4):
            v = np.clip((y + 0.5) / 4 - 0.5, 0, 1)
            h = np.clip((x + 0.5) / 2 - 0.5, 0, 1)
            assert grown[y, x] == pytest.approx((v + 2 * h) / 3, abs=1e-6)
    assert not enlarged(np.full((2, 2), 7.0), (4, 4)).any()
    with pytest.raises(ArgumentError, match="must be finite"):
        enlarged([[np.nan]], (2, 2))


def test_an_overlay_is_brightest_where_the_map_is_greatest():
    grey = np.full((32, 16, 3), 128, "uint8")
    values = np.zeros((4, 2))
    values[2, 1] = 5.0
    light = overlay(grey, values).sum(axis=-1)
    assert np.unravel_index(light.argmax(), light.shape)[0] // 8 == 2
    assert np.unravel_index(light.argmax(), light.shape)[1] // 8 == 1
    grown = enlarged(values, (32, 16))
    order = np.argsort(grown.ravel(), kind="stable")
    assert (np.diff(light.ravel()[order].astype(int)) >= -3).all()  # but for rounding
    np.testing.assert_array_equal(overlay(grey, values, weight=0), grey)
    np.testing.assert_array_equal(overlay(grey, values, weight=1), heat(grown))
    with pytest.raises(ArgumentError, match=r"weight=1\.5"):
        overlay(grey, values, weight=1.5)
