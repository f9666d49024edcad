"""Euclidean and cosine distances, a block of queries at a time."""

import numpy as np

from osnet_tf.metrics.blocks import default_block
from osnet_tf.metrics.checks import check_choice, check_count, check_features, check_same_width
from osnet_tf.metrics.exact import ExactDistances
from osnet_tf.metrics.keys import AffineKeys

METRICS = ("euclidean", "sqeuclidean", "cosine")


def distance_blocks(query, gallery, *, metric="euclidean", block=None):
    """Yields the distances of a block of queries to the whole gallery, one block after another.

    Computed in float64 and rounded once to float32, so that small distances are as precise as
    others and identical images are at 0; only one block is held at a time.

    Args:
        query: `(Q, D)` real features; they are taken as float32.
        gallery: `(G, D)` real features.
        metric: `"euclidean"` (>= 0), `"sqeuclidean"` (its square) or `"cosine"` (1 - cos, in
            [0, 2]). The cosine of a zero vector with any other is taken as 0, its distance as 1.
        block: queries a block; by default as many as fit 16 MB (at least 1).

    Yields:
        `(rows, distances)`: the slice of queries and their float32 `(rows, G)` distances. The array
        is used again for the next block: copy what is kept.

    Raises:
        ValueError: for shapes that do not fit, NaN or infinite features, an unknown metric or a
            block < 1.

    Example:

    >>> import numpy as np
    >>> from osnet_tf.metrics import distance_blocks
    >>> query = np.array([[0.0, 0.0], [3.0, 0.0]])
    >>> gallery = np.array([[3.0, 4.0]])
    >>> for rows, distances in distance_blocks(query, gallery, block=1):
    ...     print(rows.start, distances)
    0 [[5.]]
    1 [[4.]]
    """
    query = check_features(query, "query")
    gallery = check_features(gallery, "gallery")
    check_same_width(query, gallery, "query", "gallery")
    check_choice(metric, "metric", METRICS)
    block = default_block(len(gallery), 12) if block is None else check_count(block, "block")
    return _blocks(query, gallery, metric, block)


def _blocks(query, gallery, metric, block):
    keys = AffineKeys(query, gallery, metric, np.float64)
    exact = ExactDistances(query, gallery, metric)
    size = min(block, len(query))
    product = np.empty((size, len(gallery)))
    rounded = np.empty((size, len(gallery)), np.float32)
    for start in range(0, len(query), block):
        rows = slice(start, min(start + block, len(query)))
        values = product[: rows.stop - start]
        np.matmul(keys.coefficients[rows], keys.rows.T, out=values)
        values += keys.offsets[rows, None]
        # What is left of cancelled digits depends on the block: the least are summed directly.
        small = values <= keys.errors[rows, None] * 2.0**24
        values *= keys.factor
        for i in np.flatnonzero(small.any(axis=1)):
            columns = np.flatnonzero(small[i])
            values[i, columns] = exact(start + i, columns)
        np.clip(values, 0.0, 2.0 if metric == "cosine" else None, out=values)
        if metric == "euclidean":
            np.sqrt(values, out=values)
        distances = rounded[: len(values)]
        distances[...] = values
        yield rows, distances


def pairwise_distances(query, gallery, *, metric="euclidean"):
    """The whole float32 `(Q, G)` matrix of distances: for small sets; see `distance_blocks`.

    Example:

    >>> import numpy as np
    >>> from osnet_tf.metrics import pairwise_distances
    >>> pairwise_distances(np.eye(2), [[1, 0], [3, 3]], metric="cosine").round(2)
    array([[0.  , 0.29],
           [1.  , 0.29]], dtype=float32)
    """
    parts = distance_blocks(query, gallery, metric=metric)
    return np.concatenate([distances.copy() for _, distances in parts])
