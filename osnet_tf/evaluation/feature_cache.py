"""Embeddings kept between evaluations of the same model on the same files."""

import hashlib
import os
import zipfile
from pathlib import Path

import numpy as np

from osnet_tf.files import table_writer


class FeatureCache:
    """A folder of embeddings, one file for each set of images.

    An entry counts only for the same network, weights, image files (paths, sizes and times of
    change) and flip test; otherwise the images are embedded anew and the entry is replaced.

    Args:
        folder: Where the entries lie; made with the first.

    >>> import tempfile
    >>> from osnet_tf import OSNet
    >>> cache, model = FeatureCache(tempfile.mkdtemp()), OSNet(
    ...     "osnet_x0_25", input_shape=(64, 32, 3), streams=1
    ... )
    >>> first = cache.get("tiny", model, [], False, lambda: np.ones((2, 3)))
    >>> again = cache.get("tiny", model, [], False, lambda: 1 / 0)
    >>> bool((first == again).all())
    True
    """

    def __init__(self, folder):
        self._folder = Path(folder)

    def get(self, name, embedder, paths, flip_test, embed):
        """The embeddings of some images.

        Args:
            name: Of the set of images: the dataset's.
            embedder: The model.
            paths: The image files.
            flip_test: Whether the embeddings are averaged with those of the mirrored images.
            embed: Function without arguments that computes them.

        Returns:
            float32 `(n, feature_dim)`.
        """
        path = self._folder / f"{name}.npz"
        try:
            key = _fingerprint(embedder, paths, flip_test)
        except OSError:  # a missing file, which `embed` reports as such
            return embed()
        features = _read(path, key)
        if features is None:
            features = embed()
            self._folder.mkdir(parents=True, exist_ok=True)
            table_writer(path, (".npz",))({"key": np.array(key), "features": features})
        return features


def _read(path, key):
    """The entry, or None where there is none for this key. A damaged one is none."""
    try:
        with open(path, "rb") as file, np.load(file) as entry:
            return entry["features"] if entry["key"] == key else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _fingerprint(embedder, paths, flip_test):
    digest = hashlib.sha256(embedder.to_json().encode())
    for weight in embedder.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    for path in paths:
        found = os.stat(path)
        digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
    digest.update(str(bool(flip_test)).encode())
    return digest.hexdigest()
