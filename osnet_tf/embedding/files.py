"""Embeddings of image files."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from osnet_tf.data.decoding import find_bad_image, naming_bad_images, read_files
from osnet_tf.data.image_files import ImageError, image_kind
from osnet_tf.data.pipeline import image_dataset
from osnet_tf.embedding.hosts import AcrossHosts
from osnet_tf.embedding.loop import embed_batches
from osnet_tf.models import model_size
from osnet_tf.types import PathLike, Progress


def embed_paths(
    embedder: Any,
    paths: Sequence[PathLike],
    *,
    batch_size: int = 256,
    flip_test: bool = False,
    normalize: bool = False,
    progress: Progress | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> np.ndarray:
    """Embeds image files.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        paths: n image files, of the kinds that `osnet_tf.embed` reads.
        batch_size: >= 1; it changes speed and memory, not the result.
        flip_test: Whether each embedding is averaged with that of the mirrored image.
        normalize: Whether each embedding is divided by its Euclidean length.
        progress: Called with the number of images of each finished batch; may be None.
        strategy: A `tf.distribute.Strategy` on whose replicas each batch is spread, or an
            `osnet_tf.embedding.hosts.AcrossHosts`; may be None.

    Returns:
        float32 `(n, feature_dim)`, in the order of `paths`.

    Raises:
        ImageError: a file is missing or cannot be read, or its embedding is not finite; the
            message names it.
        ArgumentError: the embedder takes images of any size.

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
    options = {"batch_size": batch_size, "flip_test": flip_test, "normalize": normalize}
    if isinstance(strategy, AcrossHosts):
        embed = partial(embed_paths, embedder, progress=progress, **options)
        return strategy.embed(embedder, paths, embed, **options)
    with naming_bad_images(paths):
        return embed_batches(
            embedder,
            image_dataset(paths, model_size(embedder), batch_size),
            paths.__getitem__,
            flip_test=flip_test,
            normalize=normalize,
            progress=progress,
            strategy=strategy,
        )


def embed_readable(model, paths, batch_size, normalize, progress):
    """Embeds those of the files that can be read; each is decoded once.

    Args:
        model, batch_size, normalize, progress: As in `osnet_tf.embed`.
        paths: A list of n paths.

    Returns:
        `(paths, embeddings, failed)`: the m paths that were read, in their order; float32
        `(m, dim)`; `(path, reason)` of the others.
    """
    images = [path for path in paths if _is_image(path)]
    kept = []

    def batches():
        for numbers, pixels in _readable(images, model_size(model), batch_size):
            kept.extend(images[number] for number in numbers.numpy())
            yield pixels

    embeddings = embed_batches(
        model, batches(), kept.__getitem__, normalize=normalize, progress=progress
    )
    read = set(kept)
    failed = tuple((path, _reason(path)) for path in paths if path not in read)
    if progress is not None and failed:
        progress(len(failed))
    return kept, embeddings, failed


def _readable(paths, size, batch_size):
    """Dataset of (positions in `paths`, uint8 images), in order, damaged files left out."""
    options = tf.data.Options()
    options.deterministic = True
    with tf.device("CPU:0"):
        files = read_files(paths, size).enumerate().ignore_errors()
        return files.batch(batch_size).prefetch(tf.data.AUTOTUNE).with_options(options)


def _is_image(path):
    try:
        image_kind(path)
    except ImageError:
        return False
    return True


def _reason(path):
    return (find_bad_image([path]) or f"{path} cannot be read").removeprefix(f"{path} ")
