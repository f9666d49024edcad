"""What a re-identification dataset is here."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from osnet_tf.errors import NotFoundError, OSNetError


class DatasetNotFoundError(NotFoundError):
    """A dataset, or one of its folders, is not where it was looked for."""


class DatasetLayoutError(OSNetError, ValueError):
    """A dataset was found, but its files are not the ones it should have."""


class Sample(NamedTuple):
    """One image of one person.

    Attributes:
        path: the image file.
        pid: the person. Positive for a person, 0 for a distractor (gallery only). Junk (-1) never
            gets this far.
        camid: the camera, from zero: Market-1501's `c1` is camid 0.
    """

    path: str
    pid: int
    camid: int


class SplitCounts(NamedTuple):
    """The size of one split: images, distinct pids (the distractor counts as one), cameras."""

    images: int
    identities: int
    cameras: int


def count_split(samples: Sequence[Sample]) -> SplitCounts:
    """Counts images, identities and cameras of some samples.

    >>> count_split([Sample("a.jpg", 3, 0), Sample("b.jpg", 3, 1)])
    SplitCounts(images=2, identities=1, cameras=2)
    """
    return SplitCounts(
        images=len(samples),
        identities=len({sample.pid for sample in samples}),
        cameras=len({sample.camid for sample in samples}),
    )


class ReidDataset(NamedTuple):
    """A re-identification dataset: three tuples of `Sample`, each sorted by path.

    Attributes:
        name: the dataset's name, as `load_dataset` knows it.
        train: images to learn from; their people appear in neither of the other two.
        query: images to search for.
        gallery: images to search in; may hold distractors (pid 0).
        has_cameras: whether camids are those of cameras; else evaluation takes nothing out.
        notes: lines of text for a person, such as how a split was made.
        val: images of people in `train` that are kept from it (MSMT17 has them); `combine_all`
            trains on them.
        split_of: the name of the whole, where this is one of several splits over which figures are
            averaged; else "".
        names: pid -> what the data call the person, where they have names; else None.
        people_of: the dataset whose people these are, where several show the same people in other
            images, such as detected and labelled crops; else "". These are not to be trained on
            together.

    Example:

    >>> people = (Sample("a.jpg", 7, 0), Sample("b.jpg", 2, 1), Sample("c.jpg", 7, 1))
    >>> dataset = ReidDataset("tiny", train=people, query=(), gallery=())
    >>> dataset.num_train_pids
    2
    >>> [dataset.train_labels[sample.pid] for sample in dataset.train]
    [1, 0, 1]
    """

    name: str
    train: tuple[Sample, ...]
    query: tuple[Sample, ...]
    gallery: tuple[Sample, ...]
    has_cameras: bool = True
    notes: tuple[str, ...] = ()
    val: tuple[Sample, ...] = ()
    split_of: str = ""
    names: Mapping[int, str] | None = None
    people_of: str = ""

    @property
    def num_train_pids(self) -> int:
        """The number of people in `train`: the number of classes of a classifier."""
        return len({sample.pid for sample in self.train})

    @property
    def train_labels(self) -> dict[int, int]:
        """Maps each pid of `train` to its class label 0..K-1, in the order of the pids."""
        pids = sorted({sample.pid for sample in self.train})
        return {pid: label for label, pid in enumerate(pids)}

    @property
    def counts(self) -> dict[str, SplitCounts]:
        """The `SplitCounts` of "train", "query" and "gallery"."""
        return {
            "train": count_split(self.train),
            "query": count_split(self.query),
            "gallery": count_split(self.gallery),
        }

    def summary(self) -> str:
        """A table of the images, identities and cameras of each split.

        >>> sample = Sample("a.jpg", 1, 0)
        >>> print(ReidDataset("tiny", (sample,), (sample,), (sample,)).summary())
        tiny     images  identities  cameras
        train         1           1        1
        query         1           1        1
        gallery       1           1        1
        """
        width = max(len(self.name), len("gallery"))
        lines = [f"{self.name:<{width}}  images  identities  cameras"]
        for split, (images, identities, cameras) in self.counts.items():
            lines.append(f"{split:<{width}}  {images:>6}  {identities:>10}  {cameras:>7}")
        distractors = sum(sample.pid == 0 for sample in self.gallery)
        if distractors:
            lines.append(
                f"(gallery: {distractors} images are distractors, counted as one identity)"
            )
        return "\n".join([*lines, *(f"({note})" for note in self.notes)])

    def name_of(self, pid: int) -> str:
        """What the data call a person: the name, or else the number.

        >>> people = (Sample("a.jpg", 1, 0), Sample("b.jpg", 2, 0))
        >>> ReidDataset("tiny", people, (), (), names={1: "ann"}).name_of(1)
        'ann'
        """
        return (self.names or {}).get(pid, str(pid))

    @property
    def people_in_both(self) -> list[int]:
        """Pids in `train` as well as in query or gallery, sorted; there should be none."""
        tested = {sample.pid for sample in (*self.query, *self.gallery)}
        return sorted(tested & {sample.pid for sample in self.train} - {0})


def combine_all(dataset: ReidDataset) -> ReidDataset:
    """The dataset with `val`, query and gallery, distractors left out, in `train` as well.

    For models that will be used or evaluated elsewhere ("combineall" in the public code): of the
    dataset's own query and gallery such a model has seen the people.

    >>> a, b, c = (Sample(f"{pid}.jpg", pid, 0) for pid in (1, 2, 0))
    >>> [sample.pid for sample in combine_all(ReidDataset("tiny", (a,), (b,), (c,))).train]
    [1, 2]
    """
    people = [s for s in (*dataset.val, *dataset.query, *dataset.gallery) if s.pid > 0]
    return dataset._replace(train=tuple(sorted({*dataset.train, *people})), val=())
