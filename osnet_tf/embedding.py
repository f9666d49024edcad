"""Embeddings of images on disk."""

import numpy as np
import tensorflow as tf

from osnet_tf.data.pipeline import image_dataset, naming_bad_images
from osnet_tf.models import model_size


def embed_paths(embedder, paths, *, batch_size=256, progress=None):
    """Embeds image files.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        paths: Image files (JPEG, PNG, BMP), n of them.
        batch_size: >= 1; it changes speed and memory, not the result.
        progress: Called with the number of images of each finished batch; may be None.

    Returns:
        float32 `(n, feature_dim)`, in the order of `paths`; not normalised.

    Raises:
        ImageError: a file is missing or cannot be read; the message names it.
        ValueError: the embedder takes images of any size, or there are no paths.

    >>> import tempfile, pathlib
    >>> from PIL import Image
    >>> from osnet_tf import OSNet
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> Image.new("RGB", (64, 128), "red").save(folder / "a.jpg")
    >>> model = OSNet("osnet_x0_25", input_shape=(128, 64, 3))
    >>> embed_paths(model, [str(folder / "a.jpg")]).shape
    (1, 512)
    """
    paths = list(paths)
    if not paths:
        raise ValueError("There are no images to embed. Received: paths=[]")
    size = model_size(embedder)
    run = tf.function(
        lambda images: embedder(images, training=False),
        input_signature=[tf.TensorSpec((None, *size, 3), tf.uint8)],
    )
    parts = []
    with naming_bad_images(paths):
        for images in image_dataset(paths, size, batch_size):
            parts.append(run(images).numpy())
            if progress is not None:
                progress(len(parts[-1]))
    return np.concatenate(parts)
