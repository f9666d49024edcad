"""Embeddings of arrays of pixels."""

import numpy as np
import tensorflow as tf

from osnet_tf.embedding.inference import inference_function
from osnet_tf.errors import ArgumentError
from osnet_tf.models import model_size
from osnet_tf.preprocessing import resize


def check_arrays(arrays, ranks):
    """Raises ValueError if an array holds no images of 0..255.

    Args:
        arrays: Arrays, of which none may have another number of axes than `ranks` names.
        ranks: Some of 3, `(height, width, 3)`, and 4, `(n, height, width, 3)`.
    """
    highest = 0.0
    for array in arrays:
        if (
            array.ndim not in ranks
            or array.shape[-1] != 3
            or 0 in array.shape[-3:]
            or array.dtype.kind not in "uif"
        ):
            raise ArgumentError(
                "Images must be an array of shape (n, height, width, 3), or a list of arrays of "
                "shape (height, width, 3), of integers or floats. "
                f"Received: shape={array.shape}, dtype={array.dtype}"
            )
        if array.dtype == np.uint8 or not array.size:
            continue
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 255):  # NaN too
            raise ArgumentError(f"Images must have values of 0..255. Received: {low}..{high}")
        if array.dtype.kind == "f":
            highest = max(highest, float(high))
    if 0 < highest <= 1:
        raise ArgumentError(
            "Images must have values of 0..255, and these floats lie in 0..1: multiply them by "
            f"255. Received: a maximum of {highest:g}"
        )


def embed_arrays(model, images, batch_size, bgr, progress):
    """Embeds pixels that `check_arrays` has let pass.

    Args:
        model, batch_size, bgr, progress: As in `osnet_tf.embed`.
        images: An array `(n, height, width, 3)`, or a list of n arrays `(height, width, 3)`.

    Returns:
        float32 `(n, dim)`.
    """
    run, size = inference_function(model), model_size(model)

    def to_size(pixels):
        pixels = pixels[..., ::-1] if bgr else pixels
        return resize(pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32), size)

    parts = [np.empty((0, model.output_shape[-1]), np.float32)]
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        with tf.device("CPU:0"):
            if isinstance(batch, list):
                batch = tf.stack([to_size(image) for image in batch])
            else:
                batch = to_size(batch)
        parts.append(run(batch).numpy())
        if progress is not None:
            progress(len(parts[-1]))
    return np.concatenate(parts)
