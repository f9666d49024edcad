"""The one normalisation and the one resize rule, the latter against Pillow."""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from osnet_tf.preprocessing import IMAGENET_MEAN, IMAGENET_STD, normalization_layer, resize

MARKET = pathlib.Path(__file__).parents[1].parent / "shared/data/market1501/Market-1501-v15.09.15"
SIZES = [(256, 128), (160, 64), (128, 64), (100, 50), (64, 128), (256, 32), (37, 91), (1, 1)]


def photograph(size, seed=0):
    """Smooth and noisy parts, hard edges and both extremes."""
    rng = np.random.default_rng(seed)
    height, width = size
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    image[: height // 2] = np.linspace(0, 255, width, dtype=np.uint8)[None, :, None]
    image[: height // 4, : width // 3] = 255
    image[height // 4 : height // 2, : width // 3] = 0
    return image


def pillow_resize(image, size):
    resized = Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized).astype(int)


def test_normalization_equals_the_formula():
    images = photograph((6, 5))[None]
    expected = (images / 255 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
    np.testing.assert_allclose(normalization_layer()(images), expected, atol=1e-6)
    np.testing.assert_allclose(normalization_layer()(images.astype("float32")), expected, atol=1e-6)


def test_normalization_is_a_stock_layer_that_survives_saving(tmp_path):
    inputs = keras.Input((4, 2, 3))
    model = keras.Model(inputs, normalization_layer()(inputs))
    model.save(tmp_path / "model.keras")
    restored = keras.models.load_model(tmp_path / "model.keras")
    assert type(restored.get_layer("normalization")) is keras.layers.Rescaling
    images = photograph((4, 2))[None]
    np.testing.assert_array_equal(restored(images), model(images))


def test_normalization_stays_float32_under_mixed_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = normalization_layer()
    finally:
        keras.config.set_dtype_policy(policy)
    assert layer(photograph((4, 2))[None]).dtype == tf.float32


def test_importing_needs_no_tensorflow():
    code = "import sys, osnet_tf.preprocessing as p; p.normalization_layer()([[[[1, 2, 3]]]]); "
    code += "sys.exit('tensorflow' in sys.modules)"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    root = pathlib.Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=root, check=True, timeout=120)


@pytest.mark.parametrize("size", SIZES)
def test_resize_is_within_one_grey_level_of_pillow(size):
    for seed, old in enumerate([(128, 64), (90, 41), (300, 140)]):
        image = photograph(old, seed)
        resized = resize(image, size)
        assert resized.dtype == tf.uint8
        assert resized.shape == (*size, 3)
        assert np.abs(resized.numpy() - pillow_resize(image, size)).max() <= 1


@pytest.mark.skipif(not MARKET.is_dir(), reason="Market-1501 is not there")
@pytest.mark.parametrize("size", [(256, 128), (128, 64), (64, 32), (160, 48)])
def test_resize_is_within_one_grey_level_of_pillow_on_market1501(size):
    names = sorted((MARKET / "query").glob("*.jpg"))[::200]
    images = np.stack([np.asarray(Image.open(name)) for name in names])
    expected = np.stack([pillow_resize(image, size) for image in images])
    assert np.abs(resize(images, size).numpy() - expected).max() <= 1


def test_shrinking_without_antialias_would_be_far_off():
    image = photograph((128, 64))
    plain = tf.image.resize(image, (64, 32)).numpy()
    assert np.abs(plain - pillow_resize(image, (64, 32))).max() > 20


@pytest.mark.parametrize("size", [(128, 64), (256, 32), (37, 91)])
def test_resize_gives_the_same_with_sizes_known_only_at_run_time(size):
    resize_any = tf.function(
        lambda images: resize(images, size),
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)],
    )
    for old in [(128, 64), (90, 41), (300, 140)]:
        images = np.stack([photograph(old, 1), photograph(old, 2)])
        expected = resize(images, size).numpy()
        np.testing.assert_array_equal(resize_any(images), expected)
        dataset = tf.data.Dataset.from_tensors(images[0]).map(lambda image: resize(image, size))
        np.testing.assert_array_equal(next(iter(dataset)), expected[0])
    assert resize_any.get_concrete_function().output_shapes == (None, *size, 3)


def test_resize_works_in_a_saved_model(tmp_path):
    module = tf.Module()
    module.resize = tf.function(
        lambda images: resize(images, (8, 4)),
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)],
    )
    tf.saved_model.save(module, tmp_path)
    restored = tf.saved_model.load(tmp_path)
    for old in [(8, 4), (5, 3), (20, 9)]:
        images = photograph(old)[None]
        np.testing.assert_array_equal(restored.resize(images), resize(images, (8, 4)))


@pytest.mark.parametrize("size", [(4, 2), (8, 4), (2, 1)])
def test_resize_rounds_and_clips_float_images(size):
    image = photograph((4, 2))
    floats = image.astype("float32")
    np.testing.assert_array_equal(resize(floats, size), resize(image, size))
    extreme = np.stack([np.full((4, 2, 3), value, "float32") for value in (-9.0, 7.6, 300.0)])
    assert sorted(set(resize(extreme, size).numpy().ravel())) == [0, 8, 255]


def test_resize_keeps_the_values_of_a_fitting_image():
    image = photograph((8, 4))
    np.testing.assert_array_equal(resize(image, [8, 4]), image)


@pytest.mark.parametrize("size", [(0, 4), (4,), 4, (4, 2.5), (4, -1), "ab", None, (1, 2, 3)])
def test_invalid_size(size):
    with pytest.raises(ValueError, match=r"size must be \(height, width\).*Received: size="):
        resize(photograph((4, 2)), size)


def test_invalid_rank():
    with pytest.raises(ValueError, match=r"images must have shape.*Received: shape=\(4, 2\)"):
        resize(np.zeros((4, 2), "uint8"), (2, 2))
