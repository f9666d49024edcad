"""Embeddings of images, wherever they are: in files, in a folder, in arrays, in Pillow."""

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from osnet_tf.checks import check_choice, check_int
from osnet_tf.data.image_files import images_below
from osnet_tf.embedding.arrays import check_arrays, embed_arrays, pixels_of
from osnet_tf.embedding.files import embed_paths, embed_readable
from osnet_tf.errors import ArgumentError
from osnet_tf.types import Progress


class Embeddings(NamedTuple):
    """Embeddings of image files.

    Attributes:
        paths: The files that were embedded, m of them, as str.
        embeddings: float32 `(m, dim)`, one row for each path.
        failed: `(path, reason)` of each file that was left out because it cannot be read.
        left_out: For a folder, a dict from a suffix to the number of files that were left out
            because their names are no images' (`osnet_tf.data.images_below`).

    >>> Embeddings(("a.jpg",), np.zeros((1, 512), "float32"), (("b.jpg", "is empty"),)).failed
    (('b.jpg', 'is empty'),)
    """

    paths: tuple[str, ...]
    embeddings: np.ndarray
    failed: tuple[tuple[str, str], ...] = ()
    left_out: Mapping[str, int] = MappingProxyType({})


def embed(
    model: Any,
    source: Any,
    *,
    batch_size: int = 256,
    bgr: bool = False,
    normalize: bool = False,
    progress: Progress | None = None,
    on_error: str = "raise",
) -> Embeddings:
    """Embeds images, wherever they are: in files, in a folder or in arrays.

    What does not have the model's size is resized by `osnet_tf.preprocessing.resize`, so files,
    pictures and the arrays that they hold get the same embeddings. The model runs on whichever
    backend Keras has (`KERAS_BACKEND`: tensorflow, jax or torch); the rest is TensorFlow's.

    Args:
        model: A model as `osnet_tf.OSNet` returns or as `.keras` files hold it, of a fixed input
            size.
        source: One of

            - a folder (str or path): all image files below it by their names, sorted by path,
              without hidden files and folders; links to folders are not followed;
            - a sequence of paths of image files. They are JPEG, PNG, BMP, WebP, TIFF, GIF (of
              these three the first frame) or PNM by their content, whatever their names are;
            - an array `(n, height, width, 3)` of 0..255, of any integer or float type (floats
              are rounded); n may be 0;
            - a `PIL.Image.Image`, for one row; alpha is dropped, as it is in files;
            - a sequence, which may be empty, of such arrays and pictures and of single images
              `(height, width, 3)`, whose sizes may differ.
        batch_size: Images in a batch, >= 1; it changes speed and memory, not the result.
        bgr: Whether the arrays' channels are blue, green, red, as OpenCV reads them; by default
            they are red, green, blue. Files and pictures know their own order.
        normalize: Whether each embedding is divided by its Euclidean length (one of zeros stays).
        progress: Called with the number of images of each finished batch, at the end with that of
            the files that cannot be read; may be None.
        on_error: What a file does that cannot be read: "raise" or "skip". Arrays and pictures are
            always checked before the first is embedded, and raise.

    Returns:
        For files, `Embeddings`. For arrays and pictures, float32 `(n, dim)` in their order.

    Raises:
        ImageError: with `on_error="raise"`, a file is missing or cannot be read; a picture cannot
            be read or has pixels that are no colours of 8 bits (mode "F"); an embedding is not
            finite. The message names the file, or the number of the image.
        NotFoundError: there is no such folder.
        ArgumentError: an invalid argument; a folder without images; arrays of another shape or
            type, or with values outside 0..255 (or floats that all lie in 0..1); `bgr` with files
            or pictures.

    >>> import numpy as np
    >>> from osnet_tf import OSNet, embed
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> crops = [np.zeros((80, 30, 3), "uint8"), np.zeros((120, 55, 3), "uint8")]
    >>> embed(model, crops, bgr=True, normalize=True).shape
    (2, 512)
    """
    check_choice(("raise", "skip"), on_error=on_error)
    check_int(batch_size=batch_size)
    options = {"batch_size": batch_size, "normalize": normalize, "progress": progress}
    if isinstance(source, str | os.PathLike):
        paths, left_out = images_below(source)
        return _embed_files(model, paths, bgr, on_error, options)._replace(left_out=left_out)
    if isinstance(source, Image.Image):
        source = [source]
    if hasattr(source, "__array__"):
        array = np.asarray(source)
        if array.dtype.kind not in "UO":  # else a sequence after all, of paths or of images
            check_arrays([array], ranks=(4,))
            return embed_arrays(model, array, bgr=bgr, **options)
        source = array
    items = list(source)
    named = sum(isinstance(item, str | os.PathLike) for item in items)
    if named and named == len(items):
        return _embed_files(model, list(map(os.fspath, items)), bgr, on_error, options)
    if named:
        raise ArgumentError(
            "`source` must hold paths or arrays, not both. "
            f"Received: {named} paths and {len(items) - named} others"
        )
    if bgr and any(isinstance(item, Image.Image) for item in items):
        raise ArgumentError("Pictures of Pillow are RGB: leave `bgr` out. Received: bgr=True")
    return embed_arrays(model, pixels_of(items), bgr=bgr, **options)


def _embed_files(model, paths, bgr, on_error, options):
    if bgr:
        raise ArgumentError("Files are always read as RGB: leave `bgr` out. Received: bgr=True")
    if on_error == "skip":
        paths, vectors, failed = embed_readable(model, paths, **options)
        return Embeddings(tuple(paths), vectors, failed)
    return Embeddings(tuple(paths), embed_paths(model, paths, **options))
