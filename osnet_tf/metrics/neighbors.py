"""The k nearest gallery images of each query, exactly, a block at a time."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.blocks import BlockKeys, workers
from osnet_tf.metrics.checks import check_choice, check_count, check_features, check_same_width
from osnet_tf.metrics.distances import METRICS
from osnet_tf.metrics.exact import ExactDistances

_GROUPS_PER_K = 16


def nearest(query, gallery, k, *, metric="euclidean", block=None):
    """The k nearest gallery rows of each query, nearest first; equal distances by gallery index.

    As in `rank`, float32 products choose the candidates and float64 distances decide, so that the
    result equals a stable sort of float64 distances. Memory is a copy of the features and a block.

    Args:
        query: `(Q, D)` real features, taken as float32.
        gallery: `(G, D)` real features.
        k: 1 <= k <= G.
        metric: `"euclidean"`, `"sqeuclidean"` or `"cosine"`.
        block: queries at a time; by default as many as fit 16 MB.

    Returns:
        `(indices, distances)`: int64 and float64, both `(Q, k)`.

    Raises:
        ValueError: shapes that do not fit, NaN features, an unknown metric, k outside [1, G].

    Example:

    >>> from osnet_tf.metrics import nearest
    >>> indices, distances = nearest([[0.0]], [[5.0], [1.0], [3.0]], k=2)
    >>> indices, distances
    (array([[1, 2]]), array([[1., 3.]]))
    """
    query = check_features(query, "query")
    gallery = check_features(gallery, "gallery")
    check_same_width(query, gallery, "query", "gallery")
    check_choice(metric, "metric", METRICS)
    block = None if block is None else check_count(block, "block")
    if check_count(k, "k") > len(gallery):
        raise ArgumentError(f"k must be <= the {len(gallery)} rows of gallery. Received: k={k}")
    indices, _ = find_nearest(query, gallery, k, metric, block)
    exact = ExactDistances(query, gallery, metric)
    distances = np.array([exact(i, columns) for i, columns in enumerate(indices)])
    return indices, (np.sqrt(distances) if metric == "euclidean" else distances)


def find_nearest(query, gallery, k, metric, block=None, progress=None):
    """`(indices, farthest)` of checked features.

    `farthest`: float64 `(Q,)`, the largest distance in each query's row, squared if Euclidean, to
    float32's precision. `progress` is called with the number of queries of each finished block.
    """
    keys = BlockKeys(query, gallery, metric, block)
    exact = ExactDistances(query, gallery, metric)
    indices = np.empty((len(query), k), np.int64)
    farthest = np.empty(len(query))

    def search(i, row):
        farthest[i] = row.max()
        columns = np.flatnonzero(row <= _upper_bound(row, k) + keys.margins[i])
        values = row[columns]
        order = values.argsort()
        ascending = values[order[: k + 1]]
        if (ascending[1:] - ascending[:-1]).min(initial=np.inf) > keys.margins[i]:
            indices[i] = columns[order[:k]]  # so far apart that rounding cannot have swapped any
            return
        columns = columns[values <= ascending[k - 1] + keys.margins[i]]
        indices[i] = columns[np.lexsort((columns, exact(i, columns)))[:k]]

    def search_some(start, rows):
        for i, row in enumerate(rows, start):
            search(i, row)

    def search_block(pool, start, rows):
        size = -(-len(rows) // workers())
        offsets = range(0, len(rows), size)
        list(pool.map(lambda at: search_some(start + at, rows[at : at + size]), offsets))

    with ThreadPoolExecutor(workers()) as pool:
        for start in range(0, len(query), keys.size):
            rows = keys.block(start)
            search_block(pool, start, rows)
            done = slice(start, start + len(rows))
            farthest[done] = keys.to_distance(done, farthest[done])
            if progress is not None:
                progress(len(rows))
    return indices, farthest


def _upper_bound(row, k):
    """A value that at least k of the row do not exceed: the k-th least of the least of groups."""
    groups = _GROUPS_PER_K * k
    if len(row) < 4 * groups:
        return np.partition(row, k - 1)[k - 1]
    least = np.minimum.reduce(row[: len(row) // groups * groups].reshape(-1, groups))
    return np.partition(least, k - 1)[k - 1]
