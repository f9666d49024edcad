"""Embeddings of image files."""

import os

import numpy as np
import tensorflow as tf

from osnet_tf.data.decoding import decode, find_bad_image, naming_bad_images
from osnet_tf.data.pipeline import image_dataset
from osnet_tf.embedding.inference import inference_function
from osnet_tf.embedding.replicas import over_replicas
from osnet_tf.errors import ArgumentError, NotFoundError
from osnet_tf.models import model_size
from osnet_tf.preprocessing import resize

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")


def embed_paths(embedder, paths, *, batch_size=256, flip_test=False, progress=None, strategy=None):
    """Embeds image files.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        paths: Image files (JPEG, PNG, BMP), n of them.
        batch_size: >= 1; it changes speed and memory, not the result.
        flip_test: Whether each embedding is averaged with that of the mirrored image.
        progress: Called with the number of images of each finished batch; may be None.
        strategy: A `tf.distribute.Strategy` on whose replicas each batch is spread; may be None.

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
        raise ArgumentError("There are no images to embed. Received: paths=[]")
    run, size = over_replicas(embedder, strategy), model_size(embedder)
    parts = []
    with naming_bad_images(paths):
        for images in image_dataset(paths, size, batch_size):
            vectors = run(images).numpy()
            if flip_test:
                vectors = (vectors + run(images[:, :, ::-1]).numpy()) / 2
            parts.append(vectors)
            if progress is not None:
                progress(len(parts[-1]))
    return np.concatenate(parts)


def embed_readable(model, paths, batch_size, progress):
    """Embeds those of the files that can be read; each is decoded once.

    Args:
        model, batch_size, progress: As in `osnet_tf.embed`.
        paths: A list of n paths.

    Returns:
        `(paths, embeddings, failed)`: the m paths that were read, in their order; float32
        `(m, dim)`; `(path, reason)` of the others.
    """
    run, size = inference_function(model), model_size(model)
    kept, parts, done = [], [np.empty((0, model.output_shape[-1]), np.float32)], 0
    for numbers, images in _readable_images(paths, size, batch_size):
        kept += numbers.numpy().tolist()
        parts.append(run(images).numpy())
        if progress is not None:
            progress(kept[-1] + 1 - done)
            done = kept[-1] + 1
    if progress is not None and done < len(paths):
        progress(len(paths) - done)
    failed = tuple(
        (paths[i], (find_bad_image([paths[i]]) or "cannot be read").removeprefix(f"{paths[i]} "))
        for i in sorted(set(range(len(paths))).difference(kept))
    )
    return [paths[i] for i in kept], np.concatenate(parts), failed


def images_below(folder):
    """The image files below a folder, by their names, sorted by path.

    Raises FileNotFoundError if there is no such folder, ValueError if it holds no image.
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        hint = ": it is a file, so give a list" if os.path.exists(folder) else ""
        raise NotFoundError(f"There is no folder {folder}{hint}")
    found = []
    for directory, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            os.path.join(directory, name)
            for name in files
            if name.lower().endswith(_SUFFIXES) and not name.startswith(".")
        ]
    if not found:
        raise ArgumentError(f"There are no images (JPEG, PNG, BMP) below {folder}")
    return sorted(found)


def _raise(error):
    raise error


def _readable_images(paths, size, batch_size):
    """Dataset of (positions in `paths`, uint8 images), in order, unreadable files left out."""
    with tf.device("CPU:0"):
        names = tf.constant([os.fsencode(path) for path in paths], tf.string)
        return (
            tf.data.Dataset.from_tensor_slices(names)
            .enumerate()
            .map(
                lambda number, name: (number, resize(decode(tf.io.read_file(name)), size)),
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            )
            .ignore_errors()
            .batch(batch_size)
            .prefetch(tf.data.AUTOTUNE)
        )
