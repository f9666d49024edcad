"""What a dataset of object classes is, and the reader of a folder for each class."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from osnet_tf.data.dataset import DatasetLayoutError, DatasetNotFoundError
from osnet_tf.data.image_files import is_clutter, is_image_name
from osnet_tf.data.places import place_of
from osnet_tf.types import PathLike

#: What the folder of the images to report on may be called.
_TEST = ("test", "val", "validation")


class ClassSample(NamedTuple):
    """One image of one class.

    Attributes:
        path: the image file.
        label: the class, 0..classes - 1.
    """

    path: str
    label: int


class ClassDataset(NamedTuple):
    """A dataset for object classification: two tuples of `ClassSample`, each sorted by path.

    Attributes:
        name: the dataset's name.
        classes: the classes' names, in the order of the labels.
        train: images to learn from.
        test: images to report on.
    """

    name: str
    classes: tuple[str, ...]
    train: tuple[ClassSample, ...]
    test: tuple[ClassSample, ...]


def read_classes(data_dir: str | os.PathLike, variant: str = "") -> ClassDataset:
    """Reads one's own classes, a folder for each.

    `data_dir/train/CLASS/*` and `data_dir/test/CLASS/*`: see `read_class_folders`.

    Args:
        data_dir: the folder of `train` and `test`, or a zip or tar file of it.
        variant: a folder or such a file below it to read in its place (`classes:NAME`).
    """
    return read_class_folders(
        place_of(data_dir, variant), f"classes:{variant}" if variant else "classes"
    )


def read_class_folders(root: str | os.PathLike, name: str = "classes") -> ClassDataset:
    """Reads `root/train/CLASS/*` and `root/test/CLASS/*` (or `val`, `validation`).

    Labels follow the sorted names of the classes' folders in `train`. Images lie directly in them.

    Raises:
        DatasetNotFoundError: there is no `train`, or none of the others.
        DatasetLayoutError: a class is empty, or tested but not trained.

    >>> import pathlib, tempfile
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for file in ("train/cat/1.png", "train/dog/1.png", "test/dog/2.png"):
    ...     (root / file).parent.mkdir(parents=True, exist_ok=True)
    ...     (root / file).touch()
    >>> dataset = read_class_folders(root)
    >>> dataset.classes, [sample.label for sample in dataset.test]
    (('cat', 'dog'), [1])
    """
    root = Path(os.path.abspath(root))
    test = next((root / folder for folder in _TEST if (root / folder).is_dir()), None)
    if not (root / "train").is_dir() or test is None:
        raise DatasetNotFoundError(
            f"{root} must hold the folders train and test (or val), with a folder for each class"
        )
    classes = tuple(class_folders(root / "train"))
    if not classes:
        raise DatasetLayoutError(f"{root / 'train'} holds no folder of a class")
    unknown = sorted(set(class_folders(test)) - set(classes))
    if unknown:
        raise DatasetLayoutError(f"{test / unknown[0]} is a class that {root / 'train'} lacks")
    return ClassDataset(
        name, classes, *(class_samples(folder, classes) for folder in (root / "train", test))
    )


def class_folders(place: PathLike) -> list[str]:
    """The names of the folders in a folder, sorted; hidden ones and such as `__MACOSX` are none."""
    return sorted(
        entry.name
        for entry in os.scandir(os.fspath(place))
        if entry.is_dir() and not is_clutter(entry.name)
    )


def class_samples(place: str | os.PathLike, classes: Sequence[str]) -> tuple[ClassSample, ...]:
    """The images of each class's folder, sorted; a class without a folder has none.

    Raises DatasetLayoutError for a folder without an image.
    """
    samples = []
    for label, name in enumerate(classes):
        folder = Path(place, name)
        files = sorted(os.listdir(folder)) if folder.is_dir() else ()
        found = [ClassSample(str(folder / file), label) for file in files if is_image_name(file)]
        if not found and folder.is_dir():
            raise DatasetLayoutError(f"{folder} holds no image")
        samples += found
    return tuple(samples)
