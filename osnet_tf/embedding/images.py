"""Embeddings of images, wherever they are: in files, in a folder, in arrays."""

import os
from typing import NamedTuple

import numpy as np

from osnet_tf.embedding.arrays import check_arrays, embed_arrays
from osnet_tf.embedding.files import embed_paths, embed_readable, images_below
from osnet_tf.errors import ArgumentError


class Embeddings(NamedTuple):
    """Embeddings of image files.

    Attributes:
        paths: The files that were embedded, m of them, as str.
        embeddings: float32 `(m, dim)`, one row for each path.
        failed: `(path, reason)` of each file that was left out because it cannot be read.

    >>> Embeddings(("a.jpg",), np.zeros((1, 512), "float32"), (("b.jpg", "is empty"),)).failed
    (('b.jpg', 'is empty'),)
    """

    paths: tuple[str, ...]
    embeddings: np.ndarray
    failed: tuple[tuple[str, str], ...]


def embed(
    model,
    source,
    *,
    batch_size=256,
    bgr=False,
    normalize=False,
    progress=None,
    on_error="raise",
):
    """Embeds images, wherever they are: in files, in a folder or in arrays.

    What does not have the model's size is resized by `osnet_tf.preprocessing.resize`, so files and
    the arrays that they hold get the same embeddings.

    Args:
        model: A model as `osnet_tf.OSNet` returns or as `.keras` files hold it, of a fixed input
            size.
        source: One of

            - a folder (str or path): all JPEG, PNG and BMP files below it by their names, sorted
              by path, without hidden files and folders; links to folders are not followed;
            - a sequence of paths of such files;
            - an array `(n, height, width, 3)` of 0..255, of any integer or float type (floats
              are rounded); n may be 0;
            - a sequence of such arrays and of single images `(height, width, 3)`, whose sizes may
              differ.
        batch_size: Images in a batch, >= 1; it changes speed and memory, not the result.
        bgr: Whether the arrays' channels are blue, green, red, as OpenCV reads them; by default
            they are red, green, blue. Files know their own order.
        normalize: Whether each embedding is divided by its Euclidean length (one of zeros stays).
        progress: Called with the number of images of each finished batch, those that cannot be
            read included; may be None.
        on_error: What a file does that cannot be read: "raise" or "skip". Arrays are always
            checked before the first is embedded, and raise.

    Returns:
        For files, `Embeddings`. For arrays, float32 `(n, dim)` in their order.

    Raises:
        ImageError: with `on_error="raise"`, a file is missing or cannot be read; the message names
            it.
        FileNotFoundError: there is no such folder.
        ValueError: an invalid argument; no images; arrays of another shape or type, or with values
            outside 0..255 (or floats that all lie in 0..1); `bgr` with files.

    >>> import numpy as np
    >>> from osnet_tf import OSNet, embed
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> crops = [np.zeros((80, 30, 3), "uint8"), np.zeros((120, 55, 3), "uint8")]
    >>> embed(model, crops, bgr=True, normalize=True).shape
    (2, 512)
    """
    if on_error not in ("raise", "skip"):
        raise ArgumentError(
            f"`on_error` must be 'raise' or 'skip'. Received: on_error={on_error!r}"
        )
    if batch_size < 1:
        raise ArgumentError(f"`batch_size` must be >= 1. Received: batch_size={batch_size}")
    paths, arrays = _paths_or_arrays(source)
    if arrays is not None:
        vectors = embed_arrays(model, arrays, batch_size, bgr, progress)
        return _unit_length(vectors) if normalize else vectors
    if bgr:
        raise ArgumentError("Files are always read as RGB: leave `bgr` out. Received: bgr=True")
    failed = ()
    if on_error == "skip":
        paths, vectors, failed = embed_readable(model, paths, batch_size, progress)
    else:
        vectors = embed_paths(model, paths, batch_size=batch_size, progress=progress)
    return Embeddings(tuple(paths), _unit_length(vectors) if normalize else vectors, failed)


def _paths_or_arrays(source):
    """`(paths, None)` or `(None, arrays)`: an array `(n, height, width, 3)` or a list of images."""
    if isinstance(source, str | os.PathLike):
        return images_below(source), None
    if hasattr(source, "__array__"):
        array = np.asarray(source)
        if array.dtype.kind not in "UO":  # else a sequence after all, of paths or of images
            check_arrays([array], ranks=(4,))
            return None, array
        source = array
    items = list(source)
    if not items:
        raise ArgumentError("There are no images to embed. Received: source=[]")
    named = [isinstance(item, str | os.PathLike) for item in items]
    if all(named):
        return [os.fspath(item) for item in items], None
    if any(named):
        raise ArgumentError(
            "`source` must hold paths or arrays, not both. "
            f"Received: {sum(named)} paths and {len(items) - sum(named)} others"
        )
    arrays = [np.asarray(item) for item in items]
    check_arrays(arrays, ranks=(3, 4))
    return None, [image for array in arrays for image in (array if array.ndim == 4 else [array])]


def _unit_length(vectors):
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
