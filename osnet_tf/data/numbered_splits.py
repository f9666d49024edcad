"""Datasets that come in several splits, over which figures are averaged: NAME:0, NAME:1, ..."""

import re
from collections.abc import Callable, Iterable

import numpy as np

from osnet_tf.data.dataset import ReidDataset, Sample
from osnet_tf.errors import ArgumentError


def one_or_all(
    name: str,
    variant: str,
    count: int,
    read: Callable[[str, int], ReidDataset],
    separator: str = ":",
) -> ReidDataset | list[ReidDataset]:
    """The split that a variant names, or all of them.

    Args:
        name: what comes before the split's number, such as "viper".
        variant: the number of a split, "" for the first one, or "all".
        count: how many splits there are.
        read: makes one, from its name and its number.
        separator: what stands between name and number.

    Returns:
        A dataset, or for "all" a list of them, named "viper:0", "viper:1" and so on. Each one's
        `split_of` is `name`.

    Raises ArgumentError for another variant.

    >>> one = one_or_all("viper", "3", 20, lambda name, n: ReidDataset(name, (), (), ()))
    >>> one.name, one.split_of
    ('viper:3', 'viper')
    """

    def read_one(number, full=None):
        full = full or f"{name}{separator}{number}"
        return read(full, number)._replace(split_of=name)

    if variant == "all":
        return [read_one(number) for number in range(count)]
    if not variant:
        return read_one(0, name)
    if re.fullmatch(r"0|[1-9]\d{0,8}", variant, re.ASCII) and int(variant) < count:
        return read_one(int(variant))
    raise ArgumentError(
        f"{name}{separator} must be followed by the number of a split, 0 to {count - 1}, or all. "
        f"Received: {name}{separator}{variant}",
        argument="dataset",
    )


def seeded_half(pids: Iterable[int], seed: int) -> set[int]:
    """Half of some people (rounded down), drawn by a seed: those of a split to train on.

    >>> seeded_half([1, 2, 3, 4, 5], seed=0) == seeded_half([5, 4, 3, 2, 1], seed=0)
    True
    """
    pids = sorted(set(pids))
    drawn = np.random.default_rng(seed).choice(pids, len(pids) // 2, replace=False)
    return {int(pid) for pid in drawn}


def split_of_two_views(name: str, samples: Iterable[Sample], number: int) -> ReidDataset:
    """Split `number` of a dataset of two cameras without a split of its own: both directions.

    Splits 2k and 2k + 1 have the same people in `train`, half of all, drawn with seed k. In the
    first, images by camid 0 are queries and those by camid 1 the gallery; in the second, it is the
    other way round.

    >>> views = [Sample(f"{pid}_{camid}", pid, camid) for pid in range(1, 5) for camid in (0, 1)]
    >>> there, back = (split_of_two_views("tiny", views, number) for number in (0, 1))
    >>> there.train == back.train, there.query == back.gallery, len(there.query)
    (True, True, 2)
    """
    samples = sorted(samples)
    seed, direction = divmod(number, 2)
    trained = seeded_half((sample.pid for sample in samples), seed)
    tested = [sample for sample in samples if sample.pid not in trained]
    return ReidDataset(
        name,
        train=tuple(sample for sample in samples if sample.pid in trained),
        query=tuple(sample for sample in tested if sample.camid == direction),
        gallery=tuple(sample for sample in tested if sample.camid != direction),
        notes=(f"half of the people, drawn with seed {seed}, are trained on; "
               f"queries are by camera {direction + 1}",),
    )  # fmt: skip
