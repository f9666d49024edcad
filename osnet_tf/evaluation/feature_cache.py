"""Embeddings kept between evaluations of the same model on the same files."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from osnet_tf.architecture import fingerprint
from osnet_tf.errors import FileError, InUseError, NotFoundError
from osnet_tf.files import as_file_name, locked, read_arrays, table_writer
from osnet_tf.runs import make_folder
from osnet_tf.types import PathLike


class FeatureCache:
    """A folder of embeddings, one file for each set of images.

    An entry counts only for the same model (`osnet_tf.architecture.fingerprint`), image files
    (paths, sizes and times of change) and flip test; otherwise, or where it is damaged, the images
    are embedded anew and the entry is replaced. While another process is at work in the folder,
    images are embedded anew and not kept.

    Args:
        folder: Where the entries lie; made with the first.

    >>> import tempfile
    >>> from osnet_tf import OSNet
    >>> cache, model = FeatureCache(tempfile.mkdtemp()), OSNet(
    ...     "osnet_x0_25", input_shape=(64, 32, 3), streams=1
    ... )
    >>> first = cache.get("tiny", model, [], False, lambda: np.ones((0, 3), "float32"))
    >>> again = cache.get("tiny", model, [], False, lambda: 1 / 0)
    >>> again.shape
    (0, 3)
    """

    def __init__(self, folder: PathLike) -> None:
        self._folder = Path(folder)

    def get(
        self,
        name: str,
        embedder: Any,
        paths: Sequence[str],
        flip_test: bool,
        embed: Callable[[], np.ndarray],
    ) -> np.ndarray:
        """The embeddings of some images.

        Args:
            name: Of the set of images: the dataset's.
            embedder: The model.
            paths: The image files.
            flip_test: Whether the embeddings are averaged with those of the mirrored images.
            embed: Function without arguments that computes them.

        Returns:
            float32 `(n, feature_dim)`.

        Raises WriteError if the folder or the entry cannot be written.
        """
        try:
            key = _key(embedder, paths, flip_test)
        except OSError:  # a missing file, which `embed` reports as such
            return embed()
        make_folder(self._folder)
        path = self._folder / f"{as_file_name(name)}.npz"
        try:
            with locked(self._folder, "embedding"):
                features = _read(path, key, len(paths))
                if features is None:
                    features = embed()
                    table_writer(path, (".npz",))({"key": np.array(key), "features": features})
                return features
        except InUseError:
            return embed()


def _read(path, key, count):
    """The entry, or None where there is none for this key. A damaged one is none."""
    try:
        entry = read_arrays(path, ("key", "features"))
    except (NotFoundError, FileError):
        return None
    features = entry["features"]
    fits = features.ndim == 2 and len(features) == count and features.dtype == np.float32
    return features if fits and str(entry["key"]) == key else None


def _key(embedder, paths, flip_test):
    digest = hashlib.sha256(fingerprint(embedder).encode())
    for path in paths:
        found = os.stat(path)
        digest.update(os.fsencode(path))
        digest.update(f"\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
    digest.update(str(bool(flip_test)).encode())
    return digest.hexdigest()
