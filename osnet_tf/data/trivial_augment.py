"""TrivialAugment: one random operation of random strength for an image, nothing to tune.

Drawn with NumPy beside the other changes (`osnet_tf.data.augmentation`), applied with TensorFlow:
the images of a batch that go through one operation are picked out, changed together and put back.
"""

import numpy as np
import tensorflow as tf

#: The operations in their order; the first changes nothing.
OPERATIONS = (
    *("identity", "brightness", "color", "contrast", "sharpness", "posterize", "solarize"),
    *("autocontrast", "equalize", "rotate", "shear_x", "shear_y", "translate_x", "translate_y"),
)
_GEOMETRIC = OPERATIONS.index("rotate")


def draw_operations(values, probability):
    """Decides what happens to images.

    Args:
        values: float `(count, 3)` of [0, 1): whether, which operation, how strongly.
        probability: Of an image to go through one of `OPERATIONS`, in [0, 1].

    Returns:
        float32 `(count, 2)`: the number of the operation, and the strength in [-1, 1).
    """
    operation = np.minimum(values[:, 1] * len(OPERATIONS), len(OPERATIONS) - 1).astype(int)
    operation = np.where(values[:, 0] < probability, operation, 0)
    return np.stack([operation, 2 * values[:, 2] - 1], axis=1).astype(np.float32)


def apply_operations(images, drawn, fill):
    """Changes a batch of images.

    The strengths are those of RandAugment: brightness, color, contrast and sharpness by a factor of
    0.1 to 1.9, 4 to 8 bits a colour, inversion above 0 to 256, 30 degrees, a shear of 0.3; and a
    translation of a tenth of a side.

    Args:
        images: uint8 `(batch, height, width, 3)` of 0..255.
        drawn: `(batch, 2)` as `draw_operations` returns it.
        fill: The colour of what moves in from outside, three values of 0..255.

    Returns:
        A uint8 tensor of the same shape.

    Reference: Mueller and Hutter 2021 (arXiv 2103.10158), algorithm 1; the operations are Pillow's.

    >>> image = np.full((1, 2, 2, 3), 100, "uint8")
    >>> darker = [[OPERATIONS.index("brightness"), -1.0]]  # times 0.1
    >>> int(apply_operations(image, darker, (0, 0, 0))[0, 0, 0, 0])
    10
    """
    images = tf.convert_to_tensor(images)
    drawn = tf.cast(drawn, tf.float32)
    kinds, strengths = tf.cast(drawn[:, 0], tf.int32), drawn[:, 1]
    groups = tf.minimum(kinds, _GEOMETRIC)  # all that move pixels go through one operation
    number = _GEOMETRIC + 1
    places = tf.dynamic_partition(tf.range(tf.shape(images)[0]), groups, number)
    results = []
    for kind, place in enumerate(places):
        chosen = tf.cast(tf.gather(images, place), tf.float32)
        strength = tf.gather(strengths, place)
        if kind == _GEOMETRIC:
            chosen = _moved(chosen, tf.gather(kinds, place), strength, fill)
        elif kind:
            chosen = _RECOLOURED[OPERATIONS[kind]](chosen, strength)
        results.append(tf.cast(tf.clip_by_value(chosen, 0.0, 255.0) + 0.5, tf.uint8))
    return tf.ensure_shape(tf.dynamic_stitch(places, results), images.shape)


def _wide(values):
    return values[:, None, None, None]


def _blend(other):
    """Between the image and another made of it: a factor of 0 is the other, 2 away from it."""

    def change(images, strength):
        base = other(images)
        return base + _wide(1.0 + 0.9 * strength) * (images - base)

    return change


def _grey(images):  # ITU-R 601, as Pillow's "L"
    weights = tf.constant([0.299, 0.587, 0.114])
    return tf.floor(tf.reduce_sum(images * weights, axis=-1, keepdims=True) + 0.5)


def _mean_grey(images):
    return tf.floor(tf.reduce_mean(_grey(images), axis=(1, 2), keepdims=True) + 0.5)


def _smooth(images):
    """Each pixel with its neighbours, itself five times; the border stays."""
    height, width = tf.unstack(tf.shape(images)[1:3])
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    total = 4.0 * images
    for down in range(3):
        for right in range(3):
            total += padded[:, down : down + height, right : right + width]
    rows, columns = tf.range(height), tf.range(width)
    inner = (rows > 0) & (rows < height - 1)
    inner = inner[:, None] & ((columns > 0) & (columns < width - 1))[None]
    return tf.where(inner[None, :, :, None], tf.floor(total / 13.0 + 0.5), images)


def _posterize(images, strength):
    step = 2.0 ** tf.round(2.0 * (strength + 1.0))  # 0 to 4 bits less
    return tf.floor(images / _wide(step)) * _wide(step)


def _solarize(images, strength):
    threshold = 128.0 * (1.0 - strength)
    return tf.where(images >= _wide(threshold), 255.0 - images, images)


def _autocontrast(images, _strength):
    low = tf.reduce_min(images, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(images, axis=(1, 2), keepdims=True)
    stretched = tf.floor((images - low) * (255.0 / tf.maximum(high - low, 1.0)))
    return tf.where(high > low, stretched, images)


def _equalize(images, _strength):
    """Each colour by a table that makes its histogram flat, as Pillow computes it."""
    shape = tf.shape(images)
    flat = tf.reshape(tf.transpose(tf.cast(images, tf.int32), (0, 3, 1, 2)), (shape[0] * 3, -1))
    keys = flat + 256 * tf.range(shape[0] * 3)[:, None]
    total = shape[0] * 3 * 256
    counts = tf.math.unsorted_segment_sum(tf.ones_like(keys), keys, total)
    counts = tf.reshape(counts, (-1, 256))
    last = tf.gather(flat, tf.argmax(flat, axis=1), batch_dims=1)
    last = tf.gather(counts, last, batch_dims=1)
    step = ((shape[1] * shape[2] - last) // 255)[:, None]
    table = (step // 2 + tf.cumsum(counts, axis=1, exclusive=True)) // tf.maximum(step, 1)
    table = tf.where(step > 0, tf.minimum(table, 255), tf.range(256)[None])
    equal = tf.reshape(tf.gather(table, flat, batch_dims=1), (shape[0], 3, shape[1], shape[2]))
    return tf.cast(tf.transpose(equal, (0, 2, 3, 1)), tf.float32)


_RECOLOURED = {
    "brightness": _blend(tf.zeros_like),
    "color": _blend(_grey),
    "contrast": _blend(_mean_grey),
    "sharpness": _blend(_smooth),
    "posterize": _posterize,
    "solarize": _solarize,
    "autocontrast": _autocontrast,
    "equalize": _equalize,
}


def _moved(images, kinds, strength, fill):
    """Rotation about the centre, shears and translations, bilinear."""
    height, width = tf.unstack(tf.cast(tf.shape(images)[1:3], tf.float32))
    one, zero = tf.ones_like(strength), tf.zeros_like(strength)

    def of(name, value):
        return tf.where(kinds == OPERATIONS.index(name), value, zero)

    angle = of("rotate", strength * (np.pi / 6))
    cosine, sine = tf.cos(angle), tf.sin(angle)
    shear_x, shear_y = of("shear_x", 0.3 * strength), of("shear_y", 0.3 * strength)
    x, y = (width - 1.0) / 2.0, (height - 1.0) / 2.0
    right = x - cosine * x + sine * y + of("translate_x", 0.1 * strength * width)
    down = y - sine * x - cosine * y + of("translate_y", 0.1 * strength * height)
    # from a pixel's place to where it comes from; only one of the operations is no identity
    matrix = [cosine, shear_x - sine, right, sine + shear_y, cosine, down, zero, zero]
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images - tf.constant(fill, tf.float32),
        transforms=tf.stack(matrix, axis=1) * one[:, None],
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    return moved + tf.constant(fill, tf.float32)
