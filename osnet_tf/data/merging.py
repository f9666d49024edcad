"""Several datasets as one to train on."""

from collections.abc import Sequence

from osnet_tf.data.dataset import ReidDataset, Sample
from osnet_tf.errors import ArgumentError

_PARTS = ("train", "query", "gallery", "val")


def merge_datasets(datasets: Sequence[ReidDataset]) -> ReidDataset:
    """Joins datasets, so that a model learns from all of them.

    Nobody is taken for anybody of another dataset: people and cameras are numbered on, dataset by
    dataset; distractors (pid 0) stay distractors.

    Args:
        datasets: at least one. A single one is returned as it is.

    Returns:
        A `ReidDataset` named "a+b" after them. It has cameras where all of them have; people keep
        their names, behind that of their dataset, "a: ann", as another may have an Ann as well.

    Raises ArgumentError for no dataset, datasets of other kinds, two with the same training image,
    such as two splits of one dataset, or with the same people (`ReidDataset.people_of`).

    >>> one = ReidDataset("one", (Sample("a.jpg", 7, 0), Sample("b.jpg", 7, 1)), (), ())
    >>> two = ReidDataset("two", (Sample("c.jpg", 7, 0),), (), (Sample("d.jpg", 0, 0),))
    >>> both = merge_datasets([one, two])
    >>> both.name, [tuple(sample) for sample in (*both.train, *both.gallery)]
    ('one+two', [('a.jpg', 1, 0), ('b.jpg', 1, 1), ('c.jpg', 2, 2), ('d.jpg', 0, 2)])
    """
    datasets = list(datasets)
    if not datasets:
        raise ArgumentError("At least one dataset is needed. Received: none")
    if len(datasets) == 1:
        return datasets[0]
    for dataset in datasets:
        if not isinstance(dataset, ReidDataset):
            raise ArgumentError(
                "Only re-identification datasets can be trained on together. "
                f"Received: {dataset.name}"
            )
    _check_apart(datasets)
    pids, camids, parts = {}, {}, {part: [] for part in _PARTS}
    for number, dataset in enumerate(datasets):
        samples = [sample for part in _PARTS for sample in getattr(dataset, part)]
        for pid in sorted({sample.pid for sample in samples} - {0}):
            pids[number, pid] = len(pids) + 1
        for camid in sorted({sample.camid for sample in samples}):
            camids[number, camid] = len(camids)
        for part, joined in parts.items():
            joined += [
                Sample(path, pids.get((number, pid), 0), camids[number, camid])
                for path, pid, camid in getattr(dataset, part)
            ]
    return ReidDataset(
        "+".join(dataset.name for dataset in datasets),
        names=_names(datasets, pids),
        **{part: tuple(sorted(joined)) for part, joined in parts.items()},
        has_cameras=all(dataset.has_cameras for dataset in datasets),
        notes=tuple(f"{one.name}: {note}" for one in datasets for note in one.notes),
    )


def _names(datasets, pids):
    """New pid -> dataset and name, where the dataset has names; None where none has."""
    return {
        pid: f"{datasets[number].name}: {datasets[number].names[old]}"
        for (number, old), pid in pids.items()
        if old in (datasets[number].names or {})
    } or None


def _check_apart(datasets):
    """Its people would be taken for different ones in a dataset and another split or view of it."""
    owner, whose = {}, {}
    for dataset in datasets:
        first = whose.setdefault(dataset.people_of or id(dataset), dataset)
        if first is not dataset:
            raise ArgumentError(
                f"{first.name} and {dataset.name} cannot be trained on together: they show the "
                f"same people, those of {dataset.people_of}",
                argument="dataset",
            )
        for path, *_ in dataset.train:
            first = owner.setdefault(path, dataset)
            if first is not dataset:
                raise ArgumentError(
                    f"{first.name} and {dataset.name} cannot be trained on together: they share "
                    f"images, such as {path}",
                    argument="dataset",
                )
