import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from osnet_tf.data.augmentation import FILL, Augmentation, apply, draw
from osnet_tf.data.trivial_augment import OPERATIONS, apply_operations, draw_operations

RNG = np.random.default_rng(0)
#: Noise, a smooth picture, one of few colours, one of a single colour.
IMAGES = np.stack(
    [
        RNG.integers(0, 256, (24, 12, 3)),
        np.add.outer(np.arange(24) * 6, np.arange(12) * 4)[..., None] + [0, 20, 60],
        RNG.integers(10, 14, (24, 12, 3)),
        np.full((24, 12, 3), 77),
    ]
).astype("uint8")
PILLOW = {
    "identity": lambda image, _: image,
    "brightness": lambda image, s: ImageEnhance.Brightness(image).enhance(1 + 0.9 * s),
    "color": lambda image, s: ImageEnhance.Color(image).enhance(1 + 0.9 * s),
    "contrast": lambda image, s: ImageEnhance.Contrast(image).enhance(1 + 0.9 * s),
    "sharpness": lambda image, s: ImageEnhance.Sharpness(image).enhance(1 + 0.9 * s),
    "posterize": lambda image, s: ImageOps.posterize(image, 8 - round(2 * (s + 1))),
    "solarize": lambda image, s: ImageOps.solarize(image, 128 * (1 - s)),
    "autocontrast": lambda image, _: ImageOps.autocontrast(image),
    "equalize": lambda image, _: ImageOps.equalize(image),
}


def changed(name, strength, images=IMAGES):
    drawn = [[OPERATIONS.index(name), strength]] * len(images)
    return apply_operations(images, drawn, FILL).numpy()


@pytest.mark.parametrize("name", PILLOW)
@pytest.mark.parametrize("strength", [-1.0, -0.4, 0.0, 0.3, 0.9])
def test_colours_as_pillow_changes_them(name, strength):
    for found, image in zip(changed(name, strength), IMAGES, strict=True):
        expected = np.asarray(PILLOW[name](Image.fromarray(image), strength))
        assert np.abs(found.astype(int) - expected).max() <= 1


def moved(image, source):
    """Bilinear, pixel by pixel, from where `source(x, y)` says; FILL outside."""
    height, width, _ = image.shape
    result = np.zeros(image.shape)
    for y, x in np.ndindex(height, width):
        from_x, from_y = source(x, y)
        left, top = int(np.floor(from_x)), int(np.floor(from_y))
        for down in (0, 1):
            for right in (0, 1):
                weight = (1 - abs(from_x - left - right)) * (1 - abs(from_y - top - down))
                inside = 0 <= top + down < height and 0 <= left + right < width
                colour = image[top + down, left + right] if inside else np.array(FILL)
                result[y, x] += weight * colour
    return result


def rotation(strength):
    angle, x0, y0 = strength * np.pi / 6, 5.5, 11.5
    cosine, sine = np.cos(angle), np.sin(angle)
    return lambda x, y: (
        x0 + cosine * (x - x0) - sine * (y - y0),
        y0 + sine * (x - x0) + cosine * (y - y0),
    )


@pytest.mark.parametrize("strength", [-0.7, 0.5])
@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("rotate", rotation),
        ("shear_x", lambda s: lambda x, y: (x + 0.3 * s * y, y)),
        ("shear_y", lambda s: lambda x, y: (x, y + 0.3 * s * x)),
        ("translate_x", lambda s: lambda x, y: (x + 1.2 * s, y)),
        ("translate_y", lambda s: lambda x, y: (x, y + 2.4 * s)),
    ],
)
def test_places_pixel_by_pixel(name, source, strength):
    for found, image in zip(changed(name, strength), IMAGES, strict=True):
        np.testing.assert_allclose(found, moved(image, source(strength)), atol=0.75)


def test_each_image_goes_its_own_way():
    """A batch of all operations is what each is by itself, eagerly and in a graph."""
    drawn = np.array([[k, 0.5] for k in RNG.permutation(len(OPERATIONS))], "float32")
    images = RNG.integers(0, 256, (len(drawn), 24, 12, 3)).astype("uint8")
    whole = apply_operations(images, drawn, FILL)
    graph = tf.function(lambda images, drawn: apply_operations(images, drawn, FILL))
    np.testing.assert_array_equal(graph(images, drawn), whole)
    for image, row, found in zip(images, drawn, whole, strict=True):
        np.testing.assert_array_equal(apply_operations(image[None], row[None], FILL)[0], found)
        assert np.any(found.numpy() != image) == (row[0] != 0), OPERATIONS[int(row[0])]


def test_what_is_drawn():
    values = RNG.random((20_000, 3))
    drawn = draw_operations(values, 0.5)
    counts = np.bincount(drawn[:, 0].astype(int), minlength=len(OPERATIONS)) / len(values)
    np.testing.assert_allclose(counts[1:], 0.5 / len(OPERATIONS), atol=0.006)
    assert -1 <= drawn[:, 1].min() < -0.99
    assert 0.99 < drawn[:, 1].max() < 1.0
    assert not draw_operations(values, 0.0)[:, 0].any()
    assert draw_operations(np.full((1, 3), 1 - 1e-12), 1.0)[0, 0] == len(OPERATIONS) - 1


def test_it_is_one_of_the_changes():
    """Before padding and erasing, drawn from a stream of its own."""
    augmentation = Augmentation(flip=True, trivial=1.0)
    drawn = draw(augmentation, 40, (24, 12), seed=3, epoch=1)
    plain = draw(Augmentation(flip=True), 40, (24, 12), seed=3, epoch=1)
    np.testing.assert_array_equal(drawn["flip"], plain["flip"])
    images = RNG.integers(0, 256, (40, 24, 12, 3)).astype("uint8")
    found = apply(images, drawn).numpy()
    one_by_one = apply_operations(images, drawn["trivial"], FILL).numpy()
    flipped = np.where(drawn["flip"][:, None, None, None], one_by_one[:, :, ::-1], one_by_one)
    np.testing.assert_array_equal(found, flipped)
    with pytest.raises(ValueError, match=r"trivial must be a number in \[0, 1\].*trivial=1.5"):
        Augmentation(trivial=1.5)
