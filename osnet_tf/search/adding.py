"""What becomes of files and embeddings on their way into a gallery."""

import os
from typing import NamedTuple

import numpy as np

from osnet_tf.checks import check_int, is_int, refuse
from osnet_tf.data.file_names import person_and_camera
from osnet_tf.data.image_files import images_below
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.features import check_features
from osnet_tf.search.records import Crop, checked_crop

_ROWS = 2000  # embeddings written at a time


class Added(NamedTuple):
    """What an `add` has done.

    Attributes:
        added: Number of crops that are new in the gallery, or whose embeddings were replaced.
        already: Number of files that were in it before, and were left as they are.
        failed: `(path, reason)` of each file that cannot be read.

    >>> Added(added=3).failed
    ()
    """

    added: int
    already: int = 0
    failed: tuple[tuple[str, str], ...] = ()


def is_files(source):
    """Whether a source is a folder or a sequence of files, not embeddings.

    >>> is_files("photos"), is_files(["a.jpg"]), is_files(np.zeros((1, 512))), is_files([])
    (True, True, False, False)
    """
    if isinstance(source, str | os.PathLike):
        return True
    return not hasattr(source, "__array__") and any(
        isinstance(one, str | os.PathLike) for one in source
    )


def add_files(write, known, embedder, source, fields, shard, batch_size, progress):
    """Embeds image files and writes them, a batch at a time; see `Gallery.add`.

    Args:
        write: `write(crops, embeddings, last)`.
        known: `known(keys)` gives the set of those that are there.
        embedder: A `osnet_tf.search.embedder.Embedder`.
        source, shard, batch_size, progress: As in `Gallery.add`.
        fields: Field of `Crop` -> a value or a sequence of them, of those that were given.

    Returns:
        `Added`.
    """
    check_int(batch_size=batch_size)
    first, step = checked_shard(shard)
    if isinstance(source, str | os.PathLike):
        paths = images_below(source).paths
    else:
        paths = [os.fspath(path) for path in source]
    crops = [_of_file(path) for path in paths]
    crops = _with_fields(crops, fields)[first - 1 :: step]
    crops = list({crop.key: crop for crop in crops}.values())  # a file that is listed twice
    failed = [(crop.path, "has a name that is no UTF-8") for crop in crops if not _is_utf8(crop)]
    crops = [checked_crop(crop) for crop in crops if _is_utf8(crop)]
    there = known([crop.key for crop in crops])
    new = [crop for crop in crops if crop.key not in there]
    if progress is not None and len(new) < len(crops):
        progress(len(crops) - len(new))
    added = 0
    for start in range(0, len(new), batch_size):
        part = {crop.path: crop for crop in new[start : start + batch_size]}
        result = embedder.of_files(list(part), batch_size)
        write([part[path] for path in result.paths], result.embeddings, False)
        added += len(result.paths)
        failed += result.failed
        if progress is not None:
            progress(len(part))
    if added:
        write([], np.empty((0, embedder.dim), np.float32), True)
    return Added(added, len(crops) - len(new), tuple(failed))


def add_embeddings(write, source, keys, paths, fields, dim, progress):
    """Writes embeddings that were made elsewhere; see `Gallery.add`."""
    embeddings = np.asarray(source)
    if embeddings.ndim != 2 or embeddings.shape[1] != dim:
        raise ArgumentError(
            f"`source` must be a folder, image files, or embeddings of shape (n, {dim}). "
            f"Received: shape={embeddings.shape}",
            argument="source",
        )
    if keys is None or isinstance(keys, str) or len(keys) != len(embeddings):
        refuse("keys", f"must be one for each of the {len(embeddings)} embeddings", keys)
    if len(set(keys)) != len(keys):
        refuse("keys", "must differ from each other", keys)
    if not len(embeddings):
        return Added(0)
    embeddings = check_features(embeddings, "source", keys)
    if paths is not None:
        fields = {**fields, "path": [os.fspath(path) for path in paths]}
    crops = [checked_crop(crop) for crop in _with_fields([Crop(key) for key in keys], fields)]
    for start in range(0, len(crops), _ROWS):
        part = slice(start, start + _ROWS)
        write(crops[part], embeddings[part], start + _ROWS >= len(crops))
        if progress is not None:
            progress(len(crops[part]))
    return Added(len(crops))


def checked_shard(shard):
    """`(i, n)` of "i/n" or of two integers; raises ArgumentError unless 1 <= i <= n.

    >>> checked_shard("2/4")
    (2, 4)
    >>> checked_shard("4/2")
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: `shard` must be i/n with 1 <= i <= n. Received: shard='4/2'
    """
    parts = shard.split("/") if isinstance(shard, str) else shard
    try:
        first, step = (int(part) if isinstance(part, str) else part for part in parts)
    except (TypeError, ValueError):
        first = step = None
    if not is_int(first) or not is_int(step) or not 1 <= first <= step:
        refuse("shard", "must be i/n with 1 <= i <= n", shard)
    return first, step


def _of_file(path):
    pid, camid = person_and_camera(path)
    absolute = os.path.abspath(path)
    return Crop(absolute, absolute, pid=pid, camid=camid)


def _with_fields(crops, fields):
    """The crops with other values of some fields: one for all, or one for each."""
    for name, values in fields.items():
        if isinstance(values, str) or np.ndim(values) == 0:
            values = [values] * len(crops)
        if len(values) != len(crops):
            refuse(name, f"must be one value, or one for each of the {len(crops)}", values)
        values = values.tolist() if hasattr(values, "tolist") else values
        crops = [crop._replace(**{name: value}) for crop, value in zip(crops, values, strict=True)]
    return crops


def _is_utf8(crop):
    try:
        crop.key.encode()
    except UnicodeEncodeError:
        return False
    return True
