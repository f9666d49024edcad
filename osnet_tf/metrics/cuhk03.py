"""The classic CUHK03 protocol: one gallery image a person, drawn anew many times."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_int
from osnet_tf.metrics.distances import check_sets, distance_blocks
from osnet_tf.metrics.labels import Labels


@dataclass(frozen=True, eq=False)
class SingleShotResult:
    """What `rank_single_shot` returns.

    Attributes:
        cmc: float64 `(max_rank,)`, the mean over repeats and valid queries.
        cmc_std: float64 `(max_rank,)`, standard deviation (ddof 1) over the repeats; NaN for one.
        first_match: int64 `(Q, repeats)`, ranks from 1; 0 for a query without a match.
        num_valid_queries, num_unmatched_queries: as in `RankingResult`.
    """

    cmc: np.ndarray
    cmc_std: np.ndarray
    first_match: np.ndarray
    num_valid_queries: int
    num_unmatched_queries: int


def rank_single_shot(
    query: ArrayLike,
    gallery: ArrayLike,
    q_pids: ArrayLike,
    g_pids: ArrayLike,
    q_camids: ArrayLike,
    g_camids: ArrayLike,
    *,
    repeats: int = 100,
    seed: int = 0,
    max_rank: int = 50,
    metric: str = "euclidean",
    camera_aware: bool = True,
) -> SingleShotResult:
    """CMC with one image of each person in the gallery, averaged over seeded draws.

    In each repeat one image of every gallery person is drawn, the same for all queries; of the
    query's own person it is drawn among the images by other cameras. There is one match, so the CMC
    tells all; for a mAP over the whole gallery use `rank`. The result depends on the features, the
    labels and `seed` alone.

    Args:
        query, gallery, q_pids, g_pids, q_camids, g_camids, metric, camera_aware: as in `rank`.
        repeats: draws, >= 1. The protocol: 100 (the public PyTorch code draws 10).
        seed: of `numpy.random.default_rng`.
        max_rank: length of the CMC, >= 1; beyond the number of people it stays at 1.

    Returns:
        A `SingleShotResult`.

    Raises:
        TypeError, ArgumentError: as `rank`; `repeats` < 1.

    Reference:
        Li et al., "DeepReID", CVPR 2014, section 5.

    Example:

    >>> from osnet_tf.metrics import rank_single_shot
    >>> gallery = [[1.0], [2.0], [3.0]]   # of person 7 the image at 1 or the one at 3 is drawn
    >>> result = rank_single_shot([[0.0]], gallery, [7], [7, 4, 7], [0], [1, 1, 1], max_rank=2)
    >>> bool(0.3 < result.cmc[0] < 0.7), float(result.cmc[1])
    (True, 1.0)
    """
    query, gallery = check_sets(query, gallery, metric, None)
    check_int(repeats=repeats, max_rank=max_rank)
    labels = Labels.check(
        len(query), len(gallery), q_pids, g_pids, q_camids, g_camids, camera_aware
    )
    labels.check_some_match()
    order, starts = labels.groups()
    present = np.unique(labels.g_pids)
    chance = np.random.default_rng(seed).random((repeats, len(present)))
    counts = starts[present + 1] - starts[present]
    drawn = order[starts[present] + (chance * counts).astype(np.int64)]

    columns = np.arange(len(gallery))
    place = np.empty(len(gallery), np.int64)
    first_match = np.zeros((len(query), repeats), np.int64)
    for i, distances in _rows(query, gallery, metric):
        pid = labels.q_pids[i]
        same = order[starts[pid] : starts[pid + 1]]
        matches = same[labels.g_camids[same] != labels.q_camids[i]]
        if not len(matches):
            continue
        place[np.argsort(distances, kind="stable")] = columns
        person = np.searchsorted(present, pid)
        match = matches[(chance[:, person] * len(matches)).astype(np.int64)]
        nearer = place[drawn] < place[match][:, None]
        nearer[:, person] = False
        first_match[i] = 1 + nearer.sum(axis=1)
    valid = first_match[:, 0] > 0
    curves = (first_match[valid][:, :, None] <= np.arange(1, max_rank + 1)).mean(axis=0)
    return SingleShotResult(
        cmc=curves.mean(axis=0),
        cmc_std=curves.std(axis=0, ddof=1) if repeats > 1 else np.full(max_rank, np.nan),
        first_match=first_match,
        num_valid_queries=int(valid.sum()),
        num_unmatched_queries=int((~valid).sum()),
    )


def _rows(query, gallery, metric):
    for rows, distances in distance_blocks(query, gallery, metric=metric):
        yield from enumerate(distances, rows.start)
