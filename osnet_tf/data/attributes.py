"""What a dataset of attributes is, and the readers of PA-100K and of Market-1501's attributes.

Sources: Liu et al., "HydraPlus-Net: Attentive Deep Features for Pedestrian Analysis", ICCV 2017
(PA-100K); Lin et al., "Improving Person Re-identification by Attribute and Identity Learning",
arXiv 1703.07220 (the attributes of Market-1501's people).
"""

import os
from typing import NamedTuple

import numpy as np

from osnet_tf.data.dataset import DatasetLayoutError
from osnet_tf.data.market1501 import read_market1501
from osnet_tf.data.mat_files import read_mat
from osnet_tf.data.places import find_root

#: What the four values of `age` in market_attribute.mat stand for.
_AGES = ("young", "teenager", "adult", "old")


class AttributeSample(NamedTuple):
    """One image and what can be seen on it.

    Attributes:
        path: the image file.
        attributes: a 0 or 1 for each of the dataset's attributes.
    """

    path: str
    attributes: tuple[int, ...]


class AttributeDataset(NamedTuple):
    """A dataset for attribute recognition: three tuples of `AttributeSample`.

    Attributes:
        name: the dataset's name.
        attributes: what each column of the samples' attributes means.
        train: images to learn from.
        val: images to choose settings by; may be empty.
        test: images to report on; may be empty.

    >>> seen = AttributeSample("a.jpg", (1, 0))
    >>> AttributeDataset("tiny", ("hat", "bag"), (seen,), (), (seen,)).positive_rates
    [1.0, 0.0]
    """

    name: str
    attributes: tuple[str, ...]
    train: tuple[AttributeSample, ...]
    val: tuple[AttributeSample, ...] = ()
    test: tuple[AttributeSample, ...] = ()

    @property
    def positive_rates(self) -> list[float]:
        """Share of the training images that have each attribute."""
        return np.mean([sample.attributes for sample in self.train], axis=0).tolist()


def read_pa100k(data_dir: str | os.PathLike) -> AttributeDataset:
    """Reads PA-100K, or a part of it in its layout.

    `data_dir` (or `pa100k` in it) holds `annotation/annotation.mat` and `data/*.jpg`. The file of
    annotations says which images there are; the full set has 80,000, 10,000 and 10,000 of 26
    attributes. Images that it names must be there.

    Raises:
        DatasetNotFoundError: a folder or the annotation is not there.
        DatasetLayoutError: the annotation is not PA-100K's, or names an image that is missing.
        FileError: the annotation is damaged.
    """
    root = find_root(
        "PA-100K", data_dir, ("pa100k", "PA-100K", "."), ("annotation/annotation.mat",)
    )
    path = root / "annotation" / "annotation.mat"
    splits = ("train", "val", "test")
    keys = [f"{split}_{what}" for split in splits for what in ("images_name", "label")]
    found = read_mat(path, ("attributes", "text_images_name", *keys))
    try:
        names = tuple(str(name) for name in np.ravel(found["attributes"]))
        parts = {
            split: _pa100k_split(root / "data", found, split, len(names), path) for split in splits
        }
    except KeyError as error:
        raise DatasetLayoutError(f"{path} has no {error}: it is not PA-100K's") from None
    return AttributeDataset("pa100k", names, **parts)


def _pa100k_split(folder, found, split, count, path):
    files = _pa100k_names(found, split)
    labels = np.asarray(found[f"{split}_label"])
    if labels.ndim < 2 and labels.size == len(files) * count:  # a row or a column, read as a list
        labels = labels.reshape(len(files), count)
    if labels.shape != (len(files), count) or not np.isin(labels, (0, 1)).all():
        raise DatasetLayoutError(
            f"{path}: {split}_label must be {len(files)} x {count} of 0 and 1, a row for each "
            f"image. Received: shape={labels.shape}"
        )
    there = set(os.listdir(folder)) if folder.is_dir() else set()
    missing = [name for name in files if name not in there]
    if missing:
        raise DatasetLayoutError(
            f"{path} names {len(missing)} {split} images that are not in {folder}, such as "
            f"{missing[0]}"
        )
    rows = zip(files, labels.astype(int).tolist(), strict=True)
    return tuple(sorted(AttributeSample(str(folder / name), tuple(row)) for name, row in rows))


def _pa100k_names(found, split):
    """File names of a split. Some copies spell a key "text" and lack a name under "test"."""
    names = [str(name) if np.size(name) else "" for name in np.ravel(found[f"{split}_images_name"])]
    if split == "test" and "" in names and "text_images_name" in found:
        names = [str(name) for name in np.ravel(found["text_images_name"])]
    return names


def read_market1501_attributes(data_dir: str | os.PathLike) -> AttributeDataset:
    """Reads Market-1501 with the attributes of its people.

    `market_attribute.mat` of the authors lies in `market1501_attribute/`, in
    `splits/market1501_attribute/` or beside the folders of Market-1501. Each of its 27 attributes
    is one of two values, but for the age, which is one of four: 26 columns and four for the age,
    30 in all. Every image has its person's attributes. Test images are query and gallery without
    distractors.

    Raises as `read_market1501`, and DatasetNotFoundError, DatasetLayoutError or FileError about the
    `.mat`.
    """
    dataset = read_market1501(data_dir)
    names, people = read_people_attributes(data_dir)
    splits = {
        "train": dataset.train,
        "test": [s for s in (*dataset.query, *dataset.gallery) if s.pid > 0],
    }
    missing = {s.pid for part in splits.values() for s in part} - people.keys()
    if missing:
        raise DatasetLayoutError(
            f"market_attribute.mat has no attributes of {len(missing)} people, such as "
            f"{min(missing)}"
        )
    parts = {
        split: tuple(sorted(AttributeSample(s.path, people[s.pid]) for s in samples))
        for split, samples in splits.items()
    }
    return AttributeDataset("market1501_attributes", names, val=(), **parts)


def read_people_attributes(
    data_dir: str | os.PathLike,
) -> tuple[tuple[str, ...], dict[int, tuple[int, ...]]]:
    """The attributes of Market-1501's people: (names, pid -> a 0 or 1 for each name).

    Raises as `read_market1501_attributes`.
    """
    folders = ("market1501_attribute", "splits/market1501_attribute", "market1501", ".")
    file = "market_attribute.mat"
    path = find_root(f"{file} of Market-1501's attributes", data_dir, folders, (file,)) / file
    found = read_mat(path, ("market_attribute",))
    try:
        halves = [getattr(found["market_attribute"], half) for half in ("train", "test")]
        fields = sorted(
            name for name in halves[0]._fieldnames if name not in ("image_index", "age")
        )
        names = (*(f"age_{age}" for age in _AGES), *fields)
        people = {}
        for half in halves:
            columns = [np.asarray(half.age) == value for value in range(1, 5)]
            columns += [np.asarray(getattr(half, name)) == 2 for name in fields]
            rows = np.stack(columns, axis=1).astype(int).tolist()
            for pid, row in zip(half.image_index, rows, strict=True):
                people[int(pid)] = tuple(row)
    except (KeyError, AttributeError, ValueError) as error:
        raise DatasetLayoutError(f"{path} is not the authors' file: {error}") from None
    return names, people
