"""The ranks of each query's matches, by counting instead of sorting whole rows of indices."""

import numpy as np


def match_ranks(blocks, labels, progress=None):
    """For each query the ascending ranks (from 1) of its matches among the valid gallery images.

    The k-th match's rank is k plus the number of non-matches nearer than it. So only the values up
    to the farthest match are sorted, without indices.

    Args:
        blocks: iterable of `(rows, distances)` that covers all queries; equal distances are
            ordered by gallery index.
        labels: the `Labels` of both sides.
        progress: called with the number of queries of each finished block, or None.

    Returns:
        `(counts, ranks)`: int64 `(Q,)` numbers of matches, and the ranks of all queries one after
        the other.
    """
    order, starts = labels.groups()
    found = []
    for part, distances in blocks:
        for i, row in enumerate(distances, part.start):
            pid = labels.q_pids[i]
            same = order[starts[pid] : starts[pid + 1]]
            matches = same[labels.g_camids[same] != labels.q_camids[i]]
            found.append(_ranks(row, same, matches))
        if progress is not None:
            progress(len(distances))
    return np.array([len(ranks) for ranks in found]), np.concatenate(found)


def _ranks(row, same, matches):
    """Of the matches of one query, all images of whose person are `same`."""
    if not len(matches):
        return np.zeros(0, np.int64)
    at = row[matches]
    others = row.copy()
    others[same] = np.inf
    near = others[others <= at.max()]
    near.sort()
    before = near.searchsorted(at, "left")
    ties = near.searchsorted(at, "right") > before
    for k in ties.nonzero()[0]:
        before[k] += np.count_nonzero(others[: matches[k]] == at[k])
    before.sort()
    return before + np.arange(1, len(before) + 1)
