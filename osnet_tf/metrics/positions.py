"""The ranks of each query's matches, by counting instead of sorting whole rows of indices."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from osnet_tf.metrics.blocks import BlockKeys, workers
from osnet_tf.metrics.exact import ExactDistances, exact_distances

_UNSURE_PER_QUERY = 20  # more than so many in a block on average: go on in float64
_ONE_BY_ONE = 2048  # with more candidates than this, a query is judged by one sort
_PAIRS = 2048  # pairs of features held in float64 at a time


def match_positions(query, gallery, labels, *, metric, block=None, progress=None):
    """For each query the ascending ranks (from 1) of its matches among the valid gallery images.

    The k-th match's rank is k plus the number of non-matches nearer than it. A block of queries
    meets the whole gallery in one float32 product; of each row the values up to the farthest match
    are sorted, without indices, which tells how many non-matches lie below each match. Non-matches
    within the rounding error of a match are settled in float64, equal distances by gallery index.
    Where they are many, the following products are taken in float64 and only rounded to float32.

    Args:
        query, gallery: float32 `(Q, D)` and `(G, D)`, checked.
        labels: the `Labels` of both.
        metric: one of `distances.METRICS`.
        block: queries at a time, or None.
        progress: called with the number of queries of each finished block, or None.

    Returns:
        `(counts, ranks)`: int64 `(Q,)` numbers of matches, and the ranks of all queries one after
        the other.
    """
    keys = BlockKeys(query, gallery, metric, block)
    exact = ExactDistances(query, gallery, metric)

    def distances_of(rows, columns):
        out = np.empty(len(rows))
        for start in range(0, len(rows), _PAIRS):
            pairs = slice(start, start + _PAIRS)
            out[pairs] = exact_distances(query[rows[pairs]], gallery[columns[pairs]], metric)
        return out

    found = []
    with _Counter(labels) as counter:
        for start in range(0, len(query), keys.size):
            rows = keys.block(start)
            counted = counter.count(start, rows, keys.margins)
            unsure = sum(each.num_unsure for each in counted)
            if unsure > _UNSURE_PER_QUERY * len(rows) and keys.sharpen():
                rows = keys.block(start)
                counted = counter.count(start, rows, keys.margins)
            found.append(_ranks(_settle(start, rows, counted, exact, distances_of)))
            if progress is not None:
                progress(len(rows))
    return _joined(found)


def positions_in_blocks(blocks, labels):
    """The same from distances: an iterable of `(rows, distances)` that covers all queries."""
    margins = np.zeros(len(labels.q_pids), np.float32)
    found = []
    with _Counter(labels) as counter:
        for part, distances in blocks:
            marked = distances.copy()
            counted = counter.count(part.start, marked, margins)
            start = part.start

            def distances_of(rows, columns, values=distances, start=start):
                return values[rows - start, columns]

            def exact(i, columns, values=distances, start=start):
                return values[i - start, columns]

            found.append(_ranks(_settle(start, marked, counted, exact, distances_of)))
    return _joined(found)


def _joined(found):
    counts, ranks = zip(*found, strict=True)
    return np.concatenate(counts), np.concatenate(ranks)


def _ranks(nearer):
    """`(counts, ranks)` of a block from each query's numbers of non-matches before each match."""
    counts = np.array([len(each) for each in nearer], np.int64)
    nearer = np.concatenate(nearer)
    of_query = np.repeat(np.arange(len(counts)), counts)
    nearer = nearer[np.lexsort((nearer, of_query))]
    first = np.repeat(np.cumsum(counts) - counts, counts)
    return counts, nearer + np.arange(1, len(nearer) + 1) - first


class _Counted(NamedTuple):
    """Where the matches of one query stand among the keys of its non-matches.

    `below` non-matches lie under the range `low` to `high` that the rounding leaves to a match's
    key, `num_unsure` within one of those ranges. If these are few, they stand in `columns`, each
    with its match in `which`; else `columns` is None and `which` holds the matches that have any.
    """

    matches: np.ndarray
    below: np.ndarray
    low: np.ndarray
    high: np.ndarray
    num_unsure: int
    which: np.ndarray | None
    columns: np.ndarray | None


class _Counter:
    """Counts, on every core, how many non-matches of a query are nearer than its matches."""

    def __init__(self, labels):
        self._labels = labels
        self._order, self._starts = labels.groups()

    def __enter__(self):
        self._pool = ThreadPoolExecutor(workers())
        return self

    def __exit__(self, *error):
        self._pool.shutdown()

    def count(self, start, rows, margins):
        """A `_Counted` for each row; marks the rows: see `_count`."""
        size = -(-len(rows) // workers())

        def count_some(at):
            part = enumerate(rows[at : at + size], start + at)
            return [self._count(i, row, margins[i]) for i, row in part]

        parts = self._pool.map(count_some, range(0, len(rows), size))
        return [counted for part in parts for counted in part]

    def _count(self, i, row, margin):
        """Counts for query i. All of its person are set to infinity in the row."""
        labels, pid = self._labels, self._labels.q_pids[i]
        same = self._order[self._starts[pid] : self._starts[pid + 1]]
        matches = same[labels.g_camids[same] != labels.q_camids[i]]
        at = row[matches]
        row[same] = np.inf
        low, high = at - margin, at + margin
        if not len(matches):
            return _Counted(matches, matches, low, high, 0, None, None)
        near = row[row <= high.max()]
        near.sort()
        below = near.searchsorted(low, "left")
        within = near.searchsorted(high, "right") - below
        num_unsure = int(within.sum())
        which = within.nonzero()[0]
        if not 0 < num_unsure <= _ONE_BY_ONE:
            return _Counted(matches, below, low, high, num_unsure, which, None)
        columns = [((row >= low[k]) & (row <= high[k])).nonzero()[0] for k in which]
        which = which.repeat(within[which])
        return _Counted(matches, below, low, high, num_unsure, which, np.concatenate(columns))


def _settle(start, rows, counted, exact, distances_of):
    """For each query the number of non-matches before each match, by exact distances.

    `exact(i, columns)` gives those of one query, `distances_of(rows, columns)` those of pairs.
    """
    nearer = [each.below for each in counted]
    few = [i for i, each in enumerate(counted) if each.columns is not None]
    if few:
        sizes = [counted[i].num_unsure for i in few]
        of_query = np.repeat(few, sizes)
        columns = np.concatenate([counted[i].columns for i in few])
        matches = np.concatenate([counted[i].matches[counted[i].which] for i in few])
        others = distances_of(start + of_query, columns)
        own = distances_of(start + of_query, matches)
        before = (others < own) | ((others == own) & (columns < matches))
        ends = np.cumsum(sizes)
        for i, end, size in zip(few, ends, sizes, strict=True):
            each, here = counted[i], slice(end - size, end)
            nearer[i] = each.below + np.bincount(
                each.which, weights=before[here], minlength=len(each.below)
            ).astype(np.int64)
    for i, each in enumerate(counted):
        if each.num_unsure and each.columns is None:
            nearer[i] = _by_one_sort(start + i, rows[i], each, exact)
    return nearer


def _by_one_sort(i, row, counted, exact):
    """The same for one query with many candidates: one sort of all that are in any range."""
    unsure = counted.which
    matches, low, high = (x[unsure] for x in (counted.matches, counted.low, counted.high))
    low, high = low.min(), high.max()
    columns = np.concatenate([matches, ((row >= low) & (row <= high)).nonzero()[0]])
    ranked = np.lexsort((columns, exact(i, columns)))
    place = np.empty(len(columns), np.int64)
    place[ranked] = np.cumsum(ranked >= len(matches))
    nearer = counted.below.copy()
    nearer[unsure] = np.count_nonzero(row < low) + place[: len(matches)]
    return nearer
