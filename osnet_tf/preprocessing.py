"""The project's only mean and standard deviation, and its only resize rule.

Every model of this project takes RGB images of 0..255 and carries `normalization_layer()` inside,
so nobody can normalise twice or forget to. Every image that is brought to the model's size goes
through `resize()`, in training, evaluation and the exported graphs alike.

Importing this module needs Keras only; `resize` loads TensorFlow on its first call.
"""

import keras

from osnet_tf.errors import ArgumentError
from osnet_tf.imagenet_colours import IMAGENET_MEAN, IMAGENET_STD


def normalization_layer():
    """The layer that stands first in every model: `(x / 255 - mean) / std` for each channel.

    A stock `keras.layers.Rescaling` that computes in float32 under every dtype policy (0..255
    does not survive bfloat16), named "normalization". Input: RGB images `(..., 3)` of 0..255,
    any integer or float dtype. Output: float32 of the same shape, about -2.1..2.6.

    Source: the public OSNet code (torchreid, `transforms.Normalize` after `ToTensor`).

    Example:

    >>> black = normalization_layer()([[[[0, 0, 0]]]])
    >>> [f"{float(value):.4f}" for value in black[0, 0, 0]]
    ['-2.1179', '-2.0357', '-1.8044']
    """
    return keras.layers.Rescaling(
        # Three axes deep: Keras reshapes a plain list under image_data_format "channels_first"
        scale=[[[1 / (255 * std) for std in IMAGENET_STD]]],
        offset=[[[-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]]],
        dtype="float32",
        name="normalization",
    )


def resize(images, size):
    """Resizes images as Pillow's bilinear filter does, to within one grey level.

    Bilinear with half-pixel centres. Where an axis shrinks the filter is widened by the same
    factor (antialiased), because otherwise pixels are skipped; where nothing shrinks the cheaper
    plain filter gives the same values (on one 64x128 photograph a quarter of the time). The result
    is rounded to the nearest integer, since the models and the image cache hold 0..255.
    Works eagerly, inside `dataset.map` and in an exported graph whose image size is only known
    when it runs.

    Args:
        images: RGB of 0..255, `(height, width, channels)` or `(batch, height, width, channels)`,
            uint8 or float (then first rounded, and clipped to 0..255).
        size: `(height, width)` of the result, two ints >= 1.

    Returns:
        A uint8 tensor of 0..255 with the same rank and channels. Where the images have that size
        already, their values are unchanged.

    Raises:
        ArgumentError: if `size` is not two positive integers or `images` has another rank.

    Source: `PIL.Image.resize(..., BILINEAR)`, which the public OSNet code uses. images that
    grow on both axes get exactly its pixels; where one shrinks, Pillow's weights of fixed precision
    and its rounding between the two axes make up to one grey level of difference.

    Example:

    >>> import numpy as np
    >>> ramp = np.array([[0, 100]], "uint8")[..., None]
    >>> resize(ramp, (1, 4)).numpy()[0, :, 0].tolist()
    [0, 25, 75, 100]
    """
    import tensorflow as tf

    height, width = checked_size(size)
    images = tf.convert_to_tensor(images)
    if images.shape.rank not in (3, 4):
        raise ArgumentError(
            "images must have shape (height, width, channels) or (batch, height, width, "
            f"channels). Received: shape={images.shape}"
        )

    def to_uint8(values):
        values = tf.floor(tf.cast(values, tf.float32) + 0.5)
        return tf.saturate_cast(values, tf.uint8)

    if images.dtype != tf.uint8:
        images = to_uint8(images)

    def unchanged():
        return images

    def shrunk():
        return to_uint8(tf.image.resize(images, (height, width), "bilinear", antialias=True))

    def enlarged():
        # Pillow's two passes, each rounded, give the public code's pixels to the last grey level.
        # The weights sum to 1, so the half that rounds may be added before, to fewer pixels, and
        # 0..255 cannot be left.
        values = images
        for new in ((tf.shape(images)[-3], width), (height, width)):
            values = tf.image.resize(tf.cast(values, tf.float32) + 0.5, new, "bilinear")
            values = tf.cast(values, tf.uint8)
        return values

    old_height, old_width = images.shape[-3], images.shape[-2]
    if old_height is not None and old_width is not None:
        if (old_height, old_width) == (height, width):
            return unchanged()
        return shrunk() if height < old_height or width < old_width else enlarged()

    old_height, old_width = tf.unstack(tf.shape(images)[-3:-1])
    shrinks = tf.logical_or(height < old_height, width < old_width)
    same = tf.logical_and(tf.equal(height, old_height), tf.equal(width, old_width))
    result = tf.cond(same, unchanged, lambda: tf.cond(shrinks, shrunk, enlarged))
    batch = images.shape[:-3]
    return tf.ensure_shape(result, [*batch, height, width, images.shape[-1]])


def describe_images(height, width):
    """What a model of this project takes, as a dict that JSON can hold.

    Args:
        height, width: Of its images, in pixels; None for any.

    >>> describe_images(256, 128)["color_order"], describe_images(256, 128)["range"]
    ('RGB', [0, 255])
    """
    return {
        "height": height,
        "width": width,
        "channels": 3,
        "dtype": "uint8",
        "layout": "NHWC",
        "color_order": "RGB",
        "range": [0, 255],
        "normalization": "in the model",
        "resize": (
            "the whole crop to height x width, bilinear with half-pixel centres, antialiased "
            "where it shrinks (PIL.Image.resize with BILINEAR), rounded to integers"
        ),
    }


def checked_size(size):
    """Returns `size` as two ints `(height, width)`, or raises ValueError.

    Example:

    >>> checked_size([256, 128])
    (256, 128)
    """
    try:
        height, width = size
        if int(height) == height >= 1 and int(width) == width >= 1:
            return int(height), int(width)
    except (TypeError, ValueError):
        pass
    raise ArgumentError(f"size must be (height, width), two integers >= 1. Received: size={size!r}")
