"""Random changes to training images, drawn apart from being applied.

`draw` decides with NumPy what happens to every image of an epoch; `apply` does it to a batch with
TensorFlow, eagerly or inside `dataset.map`. So a run repeats by construction: what happens to an
image hangs on (seed, epoch, its position in the epoch) and on nothing else, not on the batch size,
the number of replicas or of threads, nor on which other changes are switched on. Drawing for a
whole epoch costs milliseconds, and a batch is flipped, shifted and erased in one gather (about five
times as fast as image by image with TensorFlow's stateless ops, which share the cores with the
training).
"""

import dataclasses
import numbers

import numpy as np
import tensorflow as tf

from osnet_tf.data.trivial_augment import apply_operations, draw_operations
from osnet_tf.errors import ArgumentError
from osnet_tf.preprocessing import IMAGENET_MEAN

#: What padding and erasing fill in: ImageNet's mean in 0..255, within 0.01 of 0 once normalised.
FILL = tuple(round(255 * mean) for mean in IMAGENET_MEAN)

# Random erasing draws this many rectangles and takes the first that fits into the image.
_ATTEMPTS = 10
# Every change draws from a stream of its own, so switching one on leaves the others as they are.
_STREAMS = {
    name: number
    for number, name in enumerate(
        ("flip", "pad", "erase", "brightness", "contrast", "saturation", "trivial")
    )
}


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Which random changes training images go through, in this order. All are off by default.

    Args:
        flip: bool, mirror left-right with probability 0.5.
        brightness: float in [0, 1), multiply by a factor from [1 - brightness, 1 + brightness].
        contrast: float in [0, 1), move towards or away from the image's mean grey by such a
            factor.
        saturation: float in [0, 1), move towards or away from each pixel's grey by such a factor.
        trivial: float in [0, 1], probability of TrivialAugment: one operation, of random kind and
            strength (`osnet_tf.data.trivial_augment`).
        pad: int >= 0, surround with `pad` pixels of `FILL` and cut the old size out at a random
            place.
        erase: float in [0, 1], probability of erasing: a rectangle of 2-40 % of the image, height
            to width 0.3-3.33, becomes `FILL`.

    The public OSNet code's "color jitter" is `brightness=0.2, contrast=0.15`; its "random erase"
    is `erase=0.5`.

    Raises:
        ValueError: naming the argument that is out of its range.

    Source: Zhong et al., "Random Erasing Data Augmentation", AAAI 2020, algorithm 1 (rectangles);
    torchvision's `ColorJitter` (formulas; there in random order, here brightness, contrast,
    saturation).

    Example:

    >>> Augmentation(flip=True, pad=10, erase=0.5).trivial
    0.0
    """

    flip: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    trivial: float = 0.0
    pad: int = 0
    erase: float = 0.0

    def __post_init__(self):
        if not isinstance(self.flip, (bool, np.bool_)):
            raise ArgumentError(f"flip must be True or False. Received: flip={self.flip!r}")
        for name in ("brightness", "contrast", "saturation"):
            value = getattr(self, name)
            if not (_is_number(value) and 0 <= value < 1):
                raise ArgumentError(
                    f"{name} must be a number in [0, 1). Received: {name}={value!r}"
                )
        if not (_is_number(self.pad) and isinstance(self.pad, numbers.Integral) and self.pad >= 0):
            raise ArgumentError(f"pad must be an integer >= 0. Received: pad={self.pad!r}")
        for name in ("erase", "trivial"):
            value = getattr(self, name)
            if not (_is_number(value) and 0 <= value <= 1):
                raise ArgumentError(
                    f"{name} must be a number in [0, 1]. Received: {name}={value!r}"
                )


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def draw(augmentation, count, size, *, seed, epoch):
    """Decides what happens to each of an epoch's `count` images. Pure NumPy.

    The images are counted in the order in which the epoch's batches hold them, so the same image
    twice in one batch is changed in two ways. The first rows do not change with `count`.

    Args:
        augmentation: `Augmentation`.
        count: int >= 0, number of images.
        size: `(height, width)` of the images.
        seed: int >= 0, the run's.
        epoch: int >= 0.

    Returns:
        A dict with an array of `count` rows for each change that is switched on (an empty dict if
        none is), which `apply` understands:
        "flip": bool `(count,)`.
        "brightness", "contrast", "saturation": float32 `(count,)`, factors.
        "trivial": float32 `(count, 2)`, number of the operation and its strength.
        "offset": int32 `(count, 2)`, down and right from where the image would be cut out
        unshifted, each -pad..pad.
        "erase": int32 `(count, 4)`, top, left, height, width; zeros where nothing is erased.

    Raises:
        ValueError: if `seed` or `epoch` is negative.

    Example:

    >>> first = draw(Augmentation(flip=True), 4, (256, 128), seed=1, epoch=0)
    >>> again = draw(Augmentation(flip=True, pad=4), 2, (256, 128), seed=1, epoch=0)
    >>> sorted(again), bool((first["flip"][:2] == again["flip"]).all())
    (['flip', 'offset'], True)
    """
    for name, value in (("seed", seed), ("epoch", epoch)):
        if value < 0:
            raise ArgumentError(f"{name} must be >= 0. Received: {name}={value}")

    def uniform(stream, columns):
        generator = np.random.Generator(np.random.PCG64([seed, epoch, _STREAMS[stream]]))
        return generator.random((count, columns))

    drawn = {}
    if augmentation.flip:
        drawn["flip"] = uniform("flip", 1)[:, 0] < 0.5
    for name in ("brightness", "contrast", "saturation"):
        strength = getattr(augmentation, name)
        if strength:
            factors = 1 + strength * (2 * uniform(name, 1)[:, 0] - 1)
            drawn[name] = factors.astype(np.float32)
    if augmentation.trivial:
        drawn["trivial"] = draw_operations(uniform("trivial", 3), augmentation.trivial)
    if augmentation.pad:
        places = 2 * augmentation.pad + 1
        drawn["offset"] = _choose(uniform("pad", 2), places) - np.int32(augmentation.pad)
    if augmentation.erase:
        values = uniform("erase", 3 + 2 * _ATTEMPTS)
        drawn["erase"] = _rectangles(values, augmentation.erase, size)
    return drawn


def _choose(values, places):
    """Turns numbers of [0, 1) into int32 of 0..places-1."""
    return np.minimum(values * places, places - 1).astype(np.int32)


def _rectangles(values, probability, size):
    """Rectangles to erase, from rows of [0, 1): whether, where (2), areas, aspects."""
    height, width = size
    areas, aspects = np.split(values[:, 3:], 2, axis=1)
    areas = (0.02 + (0.4 - 0.02) * areas) * height * width
    aspects = 0.3 + (1 / 0.3 - 0.3) * aspects
    heights = np.rint(np.sqrt(areas * aspects)).astype(np.int32)
    widths = np.rint(np.sqrt(areas / aspects)).astype(np.int32)
    fits = (heights >= 1) & (heights < height) & (widths >= 1) & (widths < width)
    first = np.argmax(fits, axis=1)[:, None]
    heights = np.take_along_axis(heights, first, 1)[:, 0]
    widths = np.take_along_axis(widths, first, 1)[:, 0]
    tops = _choose(values[:, 1], height - heights + 1)
    lefts = _choose(values[:, 2], width - widths + 1)
    erased = (values[:, 0] < probability) & fits.any(axis=1)
    return np.where(erased[:, None], np.stack([tops, lefts, heights, widths], 1), 0)


def apply(images, drawn):
    """Changes a batch of images as `draw` decided: flip, jitter, TrivialAugment, pad, erase.

    Jitter comes before what fills in, so that `FILL` stays what the model sees as zero. Pure:
    eagerly and inside `dataset.map` the same input gives the same output to the bit.

    Args:
        images: uint8 `(batch, height, width, 3)`, RGB of 0..255.
        drawn: dict of arrays or tensors with `batch` rows each, as `draw` returns it (take the
            rows of this batch). Changes that it does not name are not made.

    Returns:
        A uint8 tensor of the same shape; jittered values are rounded and clipped to 0..255.

    Raises:
        ValueError: if `images` are not uint8 or `drawn` names an unknown change.

    Example:

    >>> import numpy as np
    >>> image = np.array([[[[1, 1, 1], [2, 2, 2]]]], "uint8")  # one image, 1 x 2
    >>> apply(image, {"flip": np.array([True])}).numpy()[0, 0, :, 0].tolist()
    [2, 1]
    """
    images = tf.convert_to_tensor(images)
    if images.dtype != tf.uint8:
        raise ArgumentError(f"images must be uint8. Received: dtype={images.dtype.name}")
    drawn = dict(drawn)
    jitter = {name: drawn.pop(name, None) for name in ("brightness", "contrast", "saturation")}
    trivial = drawn.pop("trivial", None)
    geometry = {name: drawn.pop(name, None) for name in ("flip", "offset", "erase")}
    if drawn:
        raise ArgumentError(f"drawn names an unknown change. Received: {sorted(drawn)}")
    if any(value is not None for value in jitter.values()):
        images = _jitter(images, **jitter)
    if trivial is not None:
        images = apply_operations(images, trivial, FILL)
    if any(value is not None for value in geometry.values()):
        images = _rearrange(images, **geometry)
    return images


def _jitter(images, brightness, contrast, saturation):
    def factor(values):
        return tf.cast(values, tf.float32)[:, None, None, None]

    def grey(rgb):  # ITU-R 601, as Pillow's "L"
        return 0.299 * rgb[..., 0:1] + 0.587 * rgb[..., 1:2] + 0.114 * rgb[..., 2:3]

    values = tf.cast(images, tf.float32)
    if brightness is not None:
        values = tf.minimum(values * factor(brightness), 255.0)
    if contrast is not None:
        mean = grey(tf.reduce_mean(values, axis=(1, 2), keepdims=True))
        values = tf.clip_by_value(values * factor(contrast) + mean * (1 - factor(contrast)), 0, 255)
    if saturation is not None:
        moved = values * factor(saturation) + grey(values) * (1 - factor(saturation))
        values = tf.clip_by_value(moved, 0, 255)
    return tf.cast(values + 0.5, tf.uint8)


def _rearrange(images, flip, offset, erase):
    """Flips, then shifts, then erases: every pixel comes from somewhere in the batch, or is FILL.

    The batch becomes a list of pixels with FILL as its last; each new pixel's index is its row's
    plus its column's, and `nowhere` (or more) stands for FILL. On uint8 this is several times
    faster than `tf.reverse`, `tf.pad` and `tf.where` one after the other.
    """
    batch, height, width = tf.unstack(tf.shape(images)[:3])
    nowhere = batch * height * width
    rows = tf.tile(tf.range(height)[None], (batch, 1))
    columns = tf.tile(tf.range(width)[None], (batch, 1))
    old_rows, old_columns = rows, columns
    if offset is not None:
        offset = tf.cast(offset, tf.int32)
        old_rows += offset[:, 0:1]
        old_columns += offset[:, 1:2]
    outside_rows = (old_rows < 0) | (old_rows >= height)
    outside_columns = (old_columns < 0) | (old_columns >= width)
    if flip is not None:
        old_columns = tf.where(
            tf.cast(flip, tf.bool)[:, None], width - 1 - old_columns, old_columns
        )
    old_rows = (tf.range(batch)[:, None] * height + old_rows) * width
    old_rows = tf.where(outside_rows, nowhere, old_rows)[:, :, None]
    old_columns = tf.where(outside_columns, nowhere, old_columns)[:, None, :]
    index = old_rows + old_columns
    if erase is not None:
        top, left, tall, wide = tf.unstack(tf.cast(erase, tf.int32)[:, :, None], axis=1)
        erased_rows = tf.where((rows >= top) & (rows < top + tall), nowhere, 0)[:, :, None]
        erased_columns = tf.where((columns >= left) & (columns < left + wide), nowhere, 0)
        index = tf.maximum(index, tf.minimum(erased_rows, erased_columns[:, None, :]))
    pixels = tf.concat([tf.reshape(images, (-1, 3)), tf.constant([FILL], tf.uint8)], axis=0)
    result = tf.gather(pixels, tf.minimum(index, nowhere))
    return tf.ensure_shape(result, images.shape)
