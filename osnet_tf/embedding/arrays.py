"""Embeddings of pixels: of arrays, and of pictures of Pillow."""

import numpy as np
import tensorflow as tf
from PIL import Image

from osnet_tf.data.image_files import ImageError
from osnet_tf.data.pillow_images import to_rgb
from osnet_tf.embedding.loop import embed_batches
from osnet_tf.errors import ArgumentError
from osnet_tf.models import model_size
from osnet_tf.preprocessing import resize


def pixels_of(items):
    """The single images of a list of arrays and pictures, checked.

    Args:
        items: List of `PIL.Image.Image`, of arrays `(height, width, 3)` and of arrays
            `(n, height, width, 3)`.

    Returns:
        List of arrays `(height, width, 3)` of 0..255.

    Raises:
        ArgumentError: an item is none of these; the message tells its index.
        ImageError: a picture cannot be read, or is of a mode that has no RGB.
    """
    arrays = [_picture(number, item) for number, item in enumerate(items)]
    check_arrays(arrays, ranks=(3, 4))
    return [image for array in arrays for image in (array if array.ndim == 4 else [array])]


def check_arrays(arrays, ranks):
    """Raises ArgumentError if an array holds no images of 0..255.

    Args:
        arrays: Arrays, of which none may have another number of axes than `ranks` names. Where
            there are several, the message tells the index of the wrong one.
        ranks: Some of 3, `(height, width, 3)`, and 4, `(n, height, width, 3)`.
    """
    highest = 0.0
    for number, array in enumerate(arrays):
        index = f"image {number}: " if len(arrays) > 1 else ""
        if (
            array.ndim not in ranks
            or array.shape[-1] != 3
            or 0 in array.shape[-3:]
            or array.dtype.kind not in "uif"
        ):
            raise ArgumentError(
                "Images must be an array of shape (n, height, width, 3), or a list of arrays of "
                "shape (height, width, 3), of integers or floats. "
                f"Received: {index}shape={array.shape}, dtype={array.dtype}"
            )
        if array.dtype == np.uint8 or not array.size:
            continue
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 255):  # NaN too
            raise ArgumentError(
                f"Images must have values of 0..255. Received: {index}{low}..{high}"
            )
        if array.dtype.kind == "f":
            highest = max(highest, float(high))
    if 0 < highest <= 1:
        raise ArgumentError(
            "Images must have values of 0..255, and these floats lie in 0..1: multiply them by "
            f"255. Received: a maximum of {highest:g}"
        )


def embed_arrays(model, images, batch_size, bgr, normalize, progress):
    """Embeds pixels that `check_arrays` has let pass.

    Args:
        model, batch_size, bgr, normalize, progress: As in `osnet_tf.embed`.
        images: An array `(n, height, width, 3)`, or a list of n arrays `(height, width, 3)`.

    Returns:
        float32 `(n, dim)`.
    """
    size = model_size(model)

    def to_size(pixels):
        pixels = pixels[..., ::-1] if bgr else pixels
        return resize(pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32), size)

    def batches():
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            with tf.device("CPU:0"):
                if isinstance(batch, list):
                    yield tf.stack([to_size(image) for image in batch])
                else:
                    yield to_size(batch)

    return embed_batches(
        model, batches(), "image {}".format, normalize=normalize, progress=progress
    )


def _picture(number, item):
    if not isinstance(item, Image.Image):
        return np.asarray(item)
    try:
        return to_rgb(item)
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"image {number} {error}") from None
