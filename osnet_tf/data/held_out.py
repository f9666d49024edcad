"""A part of the training people to choose settings by, so that query and gallery stay unseen."""

import numpy as np

from osnet_tf.data.dataset import ReidDataset
from osnet_tf.errors import ArgumentError


def hold_out(dataset: ReidDataset, share: float, seed: int = 0) -> ReidDataset:
    """Takes some people out of `train` and makes query and gallery of their images.

    The dataset's own query and gallery are dropped. Of each held-out person the first image by each
    camera is a query and all the others are gallery, as in Market-1501.

    Args:
        dataset: The dataset.
        share: In (0, 1), the share of the training people to hold out; at least one is held out
            and one is kept.
        seed: int >= 0, decides which.

    Raises ValueError for a share out of range, fewer than two people in `train`, or people of whom
    no camera but one has an image, so that no query has a match.

    >>> from osnet_tf.data import Sample
    >>> people = [Sample(f"{p}_{c}_{i}", p, c) for p in (1, 2) for c in (0, 1) for i in (0, 1)]
    >>> split = hold_out(ReidDataset("tiny", tuple(people), (), ()), 0.5)
    >>> len(split.train), [s.path for s in split.query], [s.path for s in split.gallery]
    (4, ['2_0_0', '2_1_0'], ['2_0_1', '2_1_1'])
    """
    if not 0.0 < share < 1.0:
        raise ArgumentError(f"`share` must be in (0, 1). Received: share={share}")
    pids = sorted(dataset.train_labels)
    if len(pids) < 2:
        raise ArgumentError(
            f"Holding people out takes two at least. Received: {len(pids)} in train"
        )
    count = min(max(round(share * len(pids)), 1), len(pids) - 1)
    held = {int(pid) for pid in np.random.default_rng(seed).choice(pids, count, replace=False)}
    query, gallery, seen = [], [], set()
    for sample in dataset.train:
        if sample.pid in held:
            place = (sample.pid, sample.camid)
            (gallery if place in seen else query).append(sample)
            seen.add(place)
    matches = ((q, g) for q in query for g in gallery if q.pid == g.pid and q.camid != g.camid)
    if next(matches, None) is None:
        raise ArgumentError(
            f"No held-out person was seen by two cameras often enough. Received: {dataset.name} "
            f"with share={share}"
        )
    return dataset._replace(
        train=tuple(s for s in dataset.train if s.pid not in held),
        query=tuple(query),
        gallery=tuple(gallery),
    )
