"""Random changes: what is drawn, what is applied (against NumPy), and that both repeat."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.data.augmentation import FILL, Augmentation, apply, draw
from osnet_tf.preprocessing import normalization_layer

SIZE = (32, 16)
EVERYTHING = Augmentation(
    flip=True, brightness=0.2, contrast=0.15, saturation=0.1, pad=3, erase=0.5
)


def photographs(count, size=SIZE):
    return np.random.default_rng(0).integers(0, 256, (count, *size, 3), dtype=np.uint8)


def numpy_shift(images, offsets):
    """Pads with FILL and cuts out, image by image."""
    pad = 40
    height, width = images.shape[1:3]
    result = []
    for image, (down, right) in zip(images, offsets, strict=True):
        padded = np.empty((height + 2 * pad, width + 2 * pad, 3), np.uint8)
        padded[...] = FILL
        padded[pad:-pad, pad:-pad] = image
        top, left = pad + down, pad + right
        result.append(padded[top : top + height, left : left + width])
    return np.stack(result)


def numpy_erase(images, boxes):
    images = images.copy()
    for image, (top, left, height, width) in zip(images, boxes, strict=True):
        image[top : top + height, left : left + width] = FILL
    return images


def numpy_jitter(images, brightness=None, contrast=None, saturation=None):
    values = images.astype(np.float64)
    weights = np.array([0.299, 0.587, 0.114])
    for image, row in zip(values, range(len(values)), strict=True):
        if brightness is not None:
            image[...] = np.clip(image * brightness[row], 0, 255)
        if contrast is not None:
            grey = (image @ weights).mean()
            image[...] = np.clip(grey + (image - grey) * contrast[row], 0, 255)
        if saturation is not None:
            grey = (image @ weights)[..., None]
            image[...] = np.clip(grey + (image - grey) * saturation[row], 0, 255)
    return values


def test_everything_off_is_the_identity():
    drawn = draw(Augmentation(), 5, SIZE, seed=1, epoch=2)
    assert drawn == {}
    images = photographs(5)
    np.testing.assert_array_equal(apply(images, drawn), images)


def test_neutral_draws_are_the_identity():
    images = photographs(3)
    neutral = {
        "flip": np.zeros(3, bool),
        "brightness": np.ones(3, np.float32),
        "contrast": np.ones(3, np.float32),
        "saturation": np.ones(3, np.float32),
        "offset": np.zeros((3, 2), np.int32),
        "erase": np.zeros((3, 4), np.int32),
    }
    np.testing.assert_array_equal(apply(images, neutral), images)


def test_flip_mirrors_left_and_right_half_of_the_time():
    flips = draw(Augmentation(flip=True), 10_000, SIZE, seed=0, epoch=0)["flip"]
    assert abs(flips.mean() - 0.5) < 0.015
    images = photographs(64)
    flipped = apply(images, {"flip": flips[:64]}).numpy()
    for image, result, flip in zip(images, flipped, flips[:64], strict=True):
        np.testing.assert_array_equal(result, np.fliplr(image) if flip else image)


def test_pad_and_crop_equals_numpy():
    images = photographs(49)
    offsets = np.stack(np.meshgrid(range(-3, 4), range(-3, 4)), -1).reshape(-1, 2)
    result = apply(images, {"offset": offsets}).numpy()
    np.testing.assert_array_equal(result, numpy_shift(images, offsets))


def test_pad_and_crop_beyond_the_image_leaves_only_the_fill():
    far = np.array([[32, 0], [0, -16], [-39, 39]])
    result = apply(photographs(3), {"offset": far}).numpy()
    assert (result == np.array(FILL)).all()


def test_offsets_are_uniform():
    offsets = draw(Augmentation(pad=2), 25_000, SIZE, seed=0, epoch=0)["offset"]
    counts = np.histogramdd(offsets, bins=[np.arange(-2.5, 3)] * 2)[0]
    assert counts.sum() == 25_000
    assert counts.min() > 850
    assert counts.max() < 1150


@pytest.mark.parametrize("size", [(256, 128), (128, 64), (64, 64)])
def test_erased_rectangles_keep_the_papers_bounds(size):
    boxes = draw(Augmentation(erase=0.5), 20_000, size, seed=3, epoch=1)["erase"]
    erased = boxes[:, 2] > 0
    assert abs(erased.mean() - 0.5) < 0.015
    assert (boxes[~erased] == 0).all()
    top, left, height, width = boxes[erased].T.astype(float)
    assert top.min() == left.min() == 0
    assert (top + height).max() == size[0]
    assert (left + width).max() == size[1]
    assert (height < size[0]).all()
    assert (width < size[1]).all()
    area, aspect = height * width / (size[0] * size[1]), height / width
    assert 0.015 < area.min() < 0.03  # heights and widths are rounded
    assert 0.38 < area.max() < 0.42
    assert 0.25 < aspect.min() < 0.45
    assert 3.0 < aspect.max() < 4.2


def test_erasing_equals_numpy():
    images = photographs(200)
    boxes = draw(Augmentation(erase=0.7), 200, SIZE, seed=0, epoch=0)["erase"]
    result = apply(images, {"erase": boxes}).numpy()
    np.testing.assert_array_equal(result, numpy_erase(images, boxes))


def test_erase_probability_one_and_zero():
    assert (draw(Augmentation(erase=1.0), 1000, SIZE, seed=0, epoch=0)["erase"][:, 2] > 0).all()
    assert "erase" not in draw(Augmentation(erase=0.0), 1000, SIZE, seed=0, epoch=0)


def test_nothing_is_erased_where_no_rectangle_fits():
    boxes = draw(Augmentation(erase=1.0), 100, (1, 1), seed=0, epoch=0)["erase"]
    assert (boxes == 0).all()


def test_the_fill_is_zero_after_normalisation():
    fill = np.array(FILL, "uint8").reshape(1, 1, 1, 3)
    assert np.abs(normalization_layer()(fill)).max() < 0.01


@pytest.mark.parametrize(
    "names",
    [("brightness",), ("contrast",), ("saturation",), ("brightness", "contrast", "saturation")],
)
def test_jitter_equals_numpy(names):
    images = photographs(32)
    images[0], images[1] = 0, 255
    augmentation = Augmentation(**dict.fromkeys(names, 0.4))
    drawn = draw(augmentation, 32, SIZE, seed=5, epoch=0)
    assert set(drawn) == set(names)
    expected = numpy_jitter(images, **drawn)
    assert np.abs(expected - images)[2:].mean() > 1
    assert np.abs(apply(images, drawn).numpy() - expected).max() <= 0.51  # rounding, once


def test_factors_are_uniform_around_one():
    drawn = draw(Augmentation(brightness=0.2, contrast=0.15), 20_000, SIZE, seed=0, epoch=0)
    for name, strength in (("brightness", 0.2), ("contrast", 0.15)):
        factors = drawn[name]
        assert factors.min() >= np.float32(1 - strength)
        assert factors.max() <= np.float32(1 + strength)
        assert abs(factors.mean() - 1) < 0.02 * strength
        assert abs(factors.std() - strength / np.sqrt(3)) < 0.02 * strength
    assert abs(np.corrcoef(drawn["brightness"], drawn["contrast"])[0, 1]) < 0.03


def test_the_order_is_flip_jitter_crop_erase():
    images = photographs(40)
    drawn = draw(EVERYTHING, 40, SIZE, seed=2, epoch=0)
    expected = np.where(drawn["flip"][:, None, None, None], images[:, :, ::-1], images)
    jitter = {name: drawn[name] for name in ("brightness", "contrast", "saturation")}
    expected = apply(expected, jitter).numpy()
    expected = numpy_erase(numpy_shift(expected, drawn["offset"]), drawn["erase"])
    np.testing.assert_array_equal(apply(images, drawn), expected)


def test_the_same_seed_and_epoch_draw_the_same():
    first = draw(EVERYTHING, 50, SIZE, seed=7, epoch=3)
    again = draw(EVERYTHING, 50, SIZE, seed=7, epoch=3)
    assert list(first) == ["flip", "brightness", "contrast", "saturation", "offset", "erase"]
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])


@pytest.mark.parametrize("other", [{"seed": 8, "epoch": 3}, {"seed": 7, "epoch": 4}])
def test_another_seed_or_epoch_draws_anew(other):
    first = draw(EVERYTHING, 50, SIZE, seed=7, epoch=3)
    again = draw(EVERYTHING, 50, SIZE, **other)
    for name, values in first.items():
        assert (values != again[name]).any(), name


def test_draws_do_not_depend_on_the_count_nor_on_other_changes():
    everything = draw(EVERYTHING, 50, SIZE, seed=7, epoch=3)
    for name in ("flip", "brightness", "contrast", "saturation", "pad", "erase"):
        alone = Augmentation(**{name: getattr(EVERYTHING, name)})
        ((key, values),) = draw(alone, 20, SIZE, seed=7, epoch=3).items()
        np.testing.assert_array_equal(values, everything[key][:20])


def test_the_same_image_twice_is_changed_in_two_ways():
    images = np.repeat(photographs(1), 32, axis=0)
    result = apply(images, draw(EVERYTHING, 32, SIZE, seed=0, epoch=0)).numpy()
    assert len({image.tobytes() for image in result}) == 32


def test_apply_is_the_same_eagerly_in_dataset_map_and_in_smaller_batches():
    images = photographs(24)
    drawn = draw(EVERYTHING, 24, SIZE, seed=0, epoch=0)
    eager = apply(images, drawn).numpy()
    dataset = tf.data.Dataset.from_tensor_slices((images, drawn))
    for batch in (8, 5):
        mapped = dataset.batch(batch).map(apply, num_parallel_calls=2)
        np.testing.assert_array_equal(np.concatenate(list(mapped)), eager)


def test_apply_keeps_the_static_shape():
    drawn = {"flip": tf.TensorSpec((4,), tf.bool), "erase": tf.TensorSpec((4, 4), tf.int32)}
    function = tf.function(apply).get_concrete_function(
        tf.TensorSpec((4, *SIZE, 3), tf.uint8), drawn
    )
    assert function.output_shapes == (4, *SIZE, 3)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("flip", 1, "flip must be True or False. Received: flip=1"),
        ("brightness", -0.1, r"brightness must be a number in \[0, 1\). Received: brightness=-0.1"),
        ("contrast", 1.0, r"contrast must be a number in \[0, 1\). Received: contrast=1.0"),
        ("saturation", "a", r"saturation must be a number in \[0, 1\). Received: saturation='a'"),
        ("brightness", float("nan"), r"brightness must be .* Received: brightness=nan"),
        ("pad", -1, "pad must be an integer >= 0. Received: pad=-1"),
        ("pad", 1.5, "pad must be an integer >= 0. Received: pad=1.5"),
        ("pad", True, "pad must be an integer >= 0. Received: pad=True"),
        ("erase", 1.1, r"erase must be a number in \[0, 1\]. Received: erase=1.1"),
        ("erase", True, r"erase must be a number in \[0, 1\]. Received: erase=True"),
    ],
)
def test_invalid_augmentation(name, value, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**{name: value})


def test_augmentation_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Augmentation().flip = True


def test_invalid_seed_and_images():
    with pytest.raises(ValueError, match=r"seed must be >= 0. Received: seed=-1"):
        draw(EVERYTHING, 2, SIZE, seed=-1, epoch=0)
    with pytest.raises(ValueError, match=r"epoch must be >= 0. Received: epoch=-2"):
        draw(EVERYTHING, 2, SIZE, seed=0, epoch=-2)
    with pytest.raises(ValueError, match=r"images must be uint8. Received: dtype=float32"):
        apply(np.zeros((1, 4, 2, 3), "float32"), {})
    with pytest.raises(ValueError, match=r"unknown change. Received: \['flop'\]"):
        apply(photographs(1), {"flop": np.zeros(1)})
