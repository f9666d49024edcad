"""CIFAR-10 and CIFAR-100 from their official files, which hold pixels: they become PNG files once.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

import os
import pickle
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from osnet_tf.data.classes import ClassDataset, read_class_folders
from osnet_tf.data.dataset import DatasetLayoutError, DatasetNotFoundError
from osnet_tf.files import check_regular_file, locked, whole_folder

#: Training and test images of either.
_COUNTS = (50_000, 10_000)


class _Release(NamedTuple):
    """What an official archive holds, once unpacked."""

    folder: str
    batches: dict[str, tuple[str, ...]]
    meta: str
    class_names: bytes
    labels: bytes
    num_classes: int


_CIFAR10 = _Release(
    "cifar-10-batches-py",
    {"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)},
    "batches.meta",
    b"label_names",
    b"labels",
    10,
)
_CIFAR100 = _Release(
    "cifar-100-python",
    {"train": ("train",), "test": ("test",)},
    "meta",
    b"fine_label_names",
    b"fine_labels",
    100,
)


def read_cifar10(data_dir: str | os.PathLike) -> ClassDataset:
    """Reads CIFAR-10: 50,000 training and 10,000 test images, 32x32, of 10 classes.

    `data_dir` holds `cifar10/{train,test}/CLASS/`, or `cifar-10-batches-py/` as it is unpacked, out
    of which those folders are made once, as PNG files.

    Raises:
        DatasetNotFoundError: neither is there.
        DatasetLayoutError: a file is damaged, or a count is wrong.
    """
    return _read(data_dir, "cifar10", _CIFAR10)


def read_cifar100(data_dir: str | os.PathLike) -> ClassDataset:
    """Reads CIFAR-100: 50,000 training and 10,000 test images, 32x32, of 100 fine classes.

    As `read_cifar10`, of `cifar100/` or `cifar-100-python/`.
    """
    return _read(data_dir, "cifar100", _CIFAR100)


def _read(data_dir, name, release):
    root = Path(os.path.abspath(data_dir))
    folders, official = root / name, root / release.folder
    if not folders.is_dir():
        if not official.is_dir():
            raise DatasetNotFoundError(
                f"{name} was not found. Looked for:\n  {folders}\n  {official}\n"
                "It is never downloaded: get the Python version from its author, "
                "https://www.cs.toronto.edu/~kriz/cifar.html, and unpack it there"
            )
        with locked(root, f"making {folders}"):
            if not folders.is_dir():  # another process may have been quicker
                _extract(official, folders, release)
    dataset = read_class_folders(folders, name=name)
    counts = (len(dataset.train), len(dataset.test), len(dataset.classes))
    if counts != (*_COUNTS, release.num_classes):
        raise DatasetLayoutError(
            f"{folders} must hold {_COUNTS[0]:,} training and {_COUNTS[1]:,} test images of "
            f"{release.num_classes} classes. Received: {counts[0]:,}, {counts[1]:,} and {counts[2]}"
        )
    return dataset


def _extract(official, folders, release):
    """Writes every image as `SPLIT/CLASS/NUMBER.png`, all of them or none."""
    classes = _entry(official / release.meta, release.class_names)
    if not all(isinstance(name, bytes) and re.fullmatch(rb"\w+", name) for name in classes):
        raise DatasetLayoutError(
            f"{official / release.meta} must hold names of classes, such as b'pine_tree'. "
            f"Received: {classes!r:.200}"
        )
    names = [name.decode() for name in classes]
    with whole_folder(folders) as new:
        for split, files in release.batches.items():
            number = 0
            for file in files:
                for pixels, label in _images(official / file, release.labels, len(names)):
                    folder = new / split / names[label]
                    folder.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(pixels).save(folder / f"{number:05}.png")
                    number += 1


def _images(path, labels_key, num_classes):
    """(uint8 pixels (32, 32, 3), label) of each image of a batch: its planes become channels."""
    rows, labels = _entry(path, b"data"), _entry(path, labels_key)
    shape, dtype = getattr(rows, "shape", None), getattr(rows, "dtype", None)
    if shape != (len(labels), 3072) or dtype != np.uint8:
        raise DatasetLayoutError(
            f"{path} must hold 3072 bytes for each of {len(labels)} images. Received: "
            f"shape={shape}, dtype={dtype}"
        )
    if not all(isinstance(label, int) and 0 <= label < num_classes for label in labels):
        raise DatasetLayoutError(f"{path} must hold labels in 0..{num_classes - 1}")
    return zip(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), labels, strict=True)


def _entry(path, key):
    """A list or array of a file's dict."""
    check_regular_file(path)
    try:
        with open(path, "rb") as file:
            found = _ArraysOnly(file, encoding="bytes").load()[key]
        len(found)
    except Exception as error:  # a damaged pickle raises anything
        raise DatasetLayoutError(f"{path} is no file of CIFAR's: {error!r}") from None
    return found


class _ArraysOnly(pickle.Unpickler):
    """Reads what CIFAR's files hold, dicts of lists and arrays, and calls nothing else."""

    def find_class(self, module, name):
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return np.zeros(0).__reduce__()[0]
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")
