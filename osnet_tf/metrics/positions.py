"""The ranks of each query's matches, by counting instead of sorting whole rows of indices."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from osnet_tf.metrics.blocks import BlockKeys, workers
from osnet_tf.metrics.exact import ExactDistances

_UNSURE_PER_QUERY = 6  # more than so many in a block on average: go on in float64
_ONE_BY_ONE = 2048  # with more candidates than this, a query is judged by one sort


def match_positions(query, gallery, labels, *, metric, block=None, progress=None):
    """For each query the ascending ranks (from 1) of its matches among the valid gallery images.

    The k-th match's rank is k plus the number of non-matches nearer than it. A block of queries
    meets the whole gallery in one float32 product; a sort of the plain values (no indices) then
    answers how many non-matches lie below each match. Non-matches within the rounding error of a
    match are settled in float64, equal distances by gallery index. Where they are many, the
    following products are taken in float64 and only rounded to float32.

    Args:
        query, gallery: float32 `(Q, D)` and `(G, D)`, checked.
        labels: the `Labels` of both.
        metric: one of `distances.METRICS`.
        block: queries at a time, or None.
        progress: called with the number of queries of each finished block, or None.

    Returns:
        A list of Q int64 arrays, empty for a query without a match.
    """
    keys = BlockKeys(query, gallery, metric, block)
    exact = ExactDistances(query, gallery, metric)
    found = []
    with _Counter(labels) as counter:
        for start in range(0, len(query), keys.size):
            rows = keys.block(start)
            counted = counter.count(start, rows, keys.margins)
            unsure = sum(int((upto - below).sum()) for *_, below, upto in counted)
            if unsure > _UNSURE_PER_QUERY * len(rows) and keys.sharpen():
                rows = keys.block(start)
                counted = counter.count(start, rows, keys.margins)
            for i, (row, each) in enumerate(zip(rows, counted, strict=True), start):
                found.append(_ranks(_settle(i, row, *each, exact)))
            if progress is not None:
                progress(len(rows))
    return found


def positions_in_blocks(blocks, labels):
    """The same from distances: an iterable of `(rows, distances)` that covers all queries."""
    margins = np.zeros(len(labels.q_pids), np.float32)
    found = []
    with _Counter(labels) as counter:
        for rows, distances in blocks:
            marked = distances.copy()
            counted = counter.count(rows.start, marked, margins)
            for i, (row, each) in enumerate(zip(marked, counted, strict=True)):
                values = distances[i]
                exact = lambda _, columns, values=values: values[columns]  # noqa: E731
                found.append(_ranks(_settle(i, row, *each, exact)))
    return found


def _ranks(below):
    """Ascending ranks of matches, from the number of non-matches before each."""
    below.sort()
    return below + np.arange(1, len(below) + 1)


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
        """For each row `(matches, low, high, below, upto)`: see `_count`; marks the rows."""
        size = -(-len(rows) // workers())

        def count_some(at):
            part = enumerate(rows[at : at + size], start + at)
            return [self._count(i, row, margins[i]) for i, row in part]

        parts = self._pool.map(count_some, range(0, len(rows), size))
        return [counted for part in parts for counted in part]

    def _count(self, i, row, margin):
        """The matches of query i, the range of each one's key, and the non-matches before it.

        `below` of them lie under the range, `upto` not above. All of the query's person are set to
        infinity in the row.
        """
        labels, pid = self._labels, self._labels.q_pids[i]
        same = self._order[self._starts[pid] : self._starts[pid + 1]]
        matches = same[labels.g_camids[same] != labels.q_camids[i]]
        at = row[matches]
        row[same] = np.inf
        low, high = at - margin, at + margin
        if not len(matches):
            return matches, low, high, matches, matches
        ascending = np.sort(row)
        below = np.searchsorted(ascending, low, "left")
        return matches, low, high, below, np.searchsorted(ascending, high, "right")


def _settle(i, row, matches, low, high, below, upto, exact):
    """The number of non-matches before each match, by the distances `exact(i, columns)`."""
    unsure = np.flatnonzero(upto > below)
    if not len(unsure):
        return below
    below = below.copy()
    if (upto - below).sum() <= _ONE_BY_ONE:
        for k in unsure:
            columns = np.flatnonzero((row >= low[k]) & (row <= high[k]))
            distances = exact(i, np.append(columns, matches[k]))
            others, own = distances[:-1], distances[-1]
            before = (others < own) | ((others == own) & (columns < matches[k]))
            below[k] += np.count_nonzero(before)
        return below
    matches, low, high = matches[unsure], low[unsure].min(), high[unsure].max()
    columns = np.concatenate([matches, np.flatnonzero((row >= low) & (row <= high))])
    ranked = np.lexsort((columns, exact(i, columns)))
    place = np.empty(len(columns), np.int64)
    place[ranked] = np.cumsum(ranked >= len(matches))
    below[unsure] = np.count_nonzero(row < low) + place[: len(matches)]
    return below
