"""How many images, people, cameras, classes and attributes a dataset has."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from osnet_tf.data.attributes import AttributeDataset
from osnet_tf.data.classes import ClassDataset


@dataclass(frozen=True)
class SplitStatistics:
    """Numbers of one split.

    Attributes:
        images: images.
        groups: images of each person or class: its name -> number; of a dataset of attributes,
            images that have each.
        cameras: images of each camera: its number from 1 -> number; empty where none are told.
        distractors: images of pid 0, which are in no group.
    """

    images: int
    groups: dict[str, int] = field(default_factory=dict)
    cameras: dict[str, int] = field(default_factory=dict)
    distractors: int = 0

    def to_dict(self) -> dict:
        """Everything as JSON can hold it."""
        return {
            "images": self.images,
            "distractors": self.distractors,
            "groups": self.groups,
            "cameras": self.cameras,
        }


@dataclass(frozen=True)
class Statistics:
    """Numbers of a dataset.

    Attributes:
        dataset: its name.
        of: what its groups are: "identities", "classes" or "attributes".
        splits: name of a split that has images -> `SplitStatistics`.
        notes: lines of text for a person, the dataset's own.
    """

    dataset: str
    of: str
    splits: dict[str, SplitStatistics]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict:
        """Everything as JSON can hold it."""
        splits = {name: one.to_dict() for name, one in self.splits.items()}
        return {"dataset": self.dataset, "of": self.of, "splits": splits, "notes": [*self.notes]}

    def describe(self) -> str:
        """A table for a person: see `dataset_statistics`."""
        width = max(map(len, (self.dataset, *self.splits)))
        lines = [
            f"{self.dataset:<{width}}  {'images':>9}  {self.of:>10}  {'cameras':>7}  "
            f"images of one: {'least':>5}  {'median':>6}  {'most':>6}"
        ]
        for name, one in self.splits.items():
            sizes = list(one.groups.values()) or [0]
            lines.append(
                f"{name:<{width}}  {one.images:>9,}  {len(one.groups):>10,}  "
                f"{len(one.cameras) or '-':>7}  "
                f"{min(sizes):>20,}  {np.median(sizes):>6,.0f}  {max(sizes):>6,}"
            )
        lines += [
            f"({name}: {one.distractors:,} images are distractors, of nobody)"
            for name, one in self.splits.items()
            if one.distractors
        ]
        return "\n".join([*lines, *(f"({note})" for note in self.notes)])


def dataset_statistics(dataset) -> Statistics:
    """Counts a dataset.

    Args:
        dataset: a `ReidDataset`, `AttributeDataset` or `ClassDataset`. No file is read.

    >>> from osnet_tf.data import ReidDataset, Sample
    >>> train = (Sample("a.jpg", 7, 0), Sample("b.jpg", 2, 1), Sample("c.jpg", 7, 1))
    >>> found = dataset_statistics(ReidDataset("tiny", train, (), ()))
    >>> found.splits["train"].groups, found.splits["train"].cameras
    ({'2': 1, '7': 2}, {'1': 1, '2': 2})
    >>> print(found.describe())
    tiny      images  identities  cameras  images of one: least  median    most
    train          3           2        2                     1       2       2
    """
    if isinstance(dataset, AttributeDataset):
        of, count, splits = "attributes", _attributes, ("train", "val", "test")
    elif isinstance(dataset, ClassDataset):
        of, count, splits = "classes", _classes, ("train", "test")
    else:
        of, count, splits = "identities", _people, ("train", "val", "query", "gallery")
    found = {name: getattr(dataset, name) for name in splits}
    return Statistics(
        dataset.name,
        of,
        {name: count(dataset, samples) for name, samples in found.items() if samples},
        tuple(getattr(dataset, "notes", ())),
    )


def _people(dataset, samples):
    people = Counter(sample.pid for sample in samples if sample.pid > 0)
    cameras = Counter(sample.camid + 1 for sample in samples) if dataset.has_cameras else {}
    distractors = sum(sample.pid == 0 for sample in samples)
    groups = {dataset.name_of(pid): people[pid] for pid in sorted(people)}
    return SplitStatistics(len(samples), groups, _named(cameras), distractors)


def _classes(dataset, samples):
    counts = Counter(sample.label for sample in samples)
    groups = {dataset.classes[label]: counts[label] for label in sorted(counts)}
    return SplitStatistics(len(samples), groups)


def _attributes(dataset, samples):
    totals = np.sum([sample.attributes for sample in samples], axis=0).tolist()
    return SplitStatistics(len(samples), dict(zip(dataset.attributes, totals, strict=True)))


def _named(counts):
    return {str(key): counts[key] for key in sorted(counts)}
