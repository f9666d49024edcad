"""The k nearest gallery images of each query, a block at a time."""

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_int
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.distances import check_sets, distance_blocks
from osnet_tf.types import Progress


def nearest(
    query: ArrayLike,
    gallery: ArrayLike,
    k: int,
    *,
    metric: str = "euclidean",
    block: int | None = None,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest gallery rows of each query, nearest first; equal distances by gallery index.

    The order is that of a stable sort of the float32 distances of `distance_blocks`.

    Args:
        query: `(Q, D)` real features, taken as float32.
        gallery: `(G, D)` real features.
        k: 1 <= k <= G.
        metric: `"euclidean"`, `"sqeuclidean"` or `"cosine"`.
        block: queries at a time; by default as in `distance_blocks`.
        progress: called with the number of queries of each finished block; may be None.

    Returns:
        `(indices, distances)`: int64 and float32, both `(Q, k)`.

    Raises:
        TypeError, ArgumentError: as `distance_blocks`; k outside [1, G].

    Example:

    >>> from osnet_tf.metrics import nearest
    >>> indices, distances = nearest([[0.0]], [[5.0], [1.0], [3.0]], k=2)
    >>> indices, distances
    (array([[1, 2]]), array([[1., 3.]], dtype=float32))
    """
    indices, distances, _ = nearest_and_farthest(query, gallery, k, metric, block, progress)
    return indices, distances


def nearest_and_farthest(query, gallery, k, metric, block=None, progress=None):
    """As `nearest`, and each query's largest distance, float32 `(Q,)`."""
    query, gallery = check_sets(query, gallery, metric, block)
    check_int(k=k)
    if k > len(gallery):
        raise ArgumentError(f"k must be <= the {len(gallery)} rows of gallery. Received: k={k}")
    indices = np.empty((len(query), k), np.int64)
    distances = np.empty((len(query), k), np.float32)
    farthest = np.empty(len(query), np.float32)
    for rows, values in distance_blocks(query, gallery, metric=metric, block=block):
        farthest[rows] = values.max(axis=1)
        bounds = np.partition(values, k - 1, axis=1)[:, k - 1]
        for i, row in enumerate(values):
            columns = np.flatnonzero(row <= bounds[i])
            columns = columns[np.argsort(row[columns], kind="stable")[:k]]
            indices[rows.start + i], distances[rows.start + i] = columns, row[columns]
        if progress is not None:
            progress(len(values))
    return indices, distances, farthest
