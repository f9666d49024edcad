"""Training people, queries and gallery where a dataset does not say which is which."""

import numpy as np

from osnet_tf.checks import check_int, check_number
from osnet_tf.data.dataset import ReidDataset, Sample
from osnet_tf.data.file_names import by_person


def query_and_gallery(
    samples: list[Sample], has_cameras: bool = True
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Cuts the images of some people into queries and a gallery.

    With cameras, the first image of a person by each camera is a query and all others are gallery,
    as in Market-1501; without, a person's first image is. A person whose images would all be
    queries keeps but the first of them.

    Args:
        samples: the images, in the order that decides what is first.
        has_cameras: whether camids are those of cameras.

    Returns:
        `(query, gallery)`, in the order of `samples`.

    >>> two = [Sample("a", 1, 0), Sample("b", 1, 0), Sample("c", 1, 1), Sample("d", 1, 1)]
    >>> [[sample.path for sample in part] for part in query_and_gallery(two)]
    [['a', 'c'], ['b', 'd']]
    >>> [[sample.path for sample in part] for part in query_and_gallery(two, has_cameras=False)]
    [['a'], ['b', 'c', 'd']]
    """
    queries = set()
    for images in by_person(samples).values():
        first = {}
        for sample in images:
            first.setdefault(sample.camid if has_cameras else 0, sample)
        chosen = list(first.values())
        queries.update(chosen[:1] if len(chosen) == len(images) else chosen)
    query = tuple(sample for sample in samples if sample in queries)
    return query, tuple(sample for sample in samples if sample not in queries)


def choose_people(pids: list[int], share: float, seed: int) -> set[int]:
    """Draws a share of some people: at least one and not all, unless `share` is 0 or 1.

    >>> len(choose_people([1, 2, 3, 4], 0.5, seed=0)), choose_people([1, 2], 1.0, seed=0)
    (2, {1, 2})
    """
    if share in (0, 1) or len(pids) < 2:
        return set(pids) if share == 1 else set()
    count = min(max(round(share * len(pids)), 1), len(pids) - 1)
    drawn = np.random.default_rng(seed).choice(sorted(pids), count, replace=False)
    return {int(pid) for pid in drawn}


def split_people(
    name: str, samples: list[Sample], share: float, seed: int, *, has_cameras: bool = True
) -> ReidDataset:
    """Makes a dataset of people of whom nobody has said who is to be trained on.

    Args:
        name: the dataset's name.
        samples: all images.
        share: in [0, 1], the share of the people who become query and gallery; 0 trains on all.
        seed: int >= 0, decides which people these are.
        has_cameras: whether camids are those of cameras.

    Returns:
        A `ReidDataset`, whose notes say how the split was made.

    >>> people = [Sample(f"{pid}_{n}.jpg", pid, 0) for pid in (1, 2) for n in (1, 2, 3)]
    >>> dataset = split_people("mine", people, 0.5, seed=0, has_cameras=False)
    >>> len(dataset.train), len(dataset.query), len(dataset.gallery)
    (3, 1, 2)
    >>> dataset.notes
    ('1 of 2 people, drawn with seed 0, are query and gallery: the first image of each is a query',)
    """
    check_number(0, 1, split_identities=share)
    check_int(0, seed=seed)
    samples = sorted(samples)
    pids = sorted({sample.pid for sample in samples})
    tested = choose_people(pids, share, seed)
    query, gallery = query_and_gallery([s for s in samples if s.pid in tested], has_cameras)
    how = "the first image of each by each camera" if has_cameras else "the first image of each"
    note = (
        f"{len(tested)} of {len(pids)} people, drawn with seed {seed}, are query and gallery: "
        f"{how} is a query"
    )
    return ReidDataset(
        name,
        tuple(sample for sample in samples if sample.pid not in tested),
        query,
        gallery,
        has_cameras,
        (note,) if tested else (f"all {len(pids)} people are trained on",),
    )
