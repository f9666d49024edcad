"""The distances of all pairs of one set, in SciPy's condensed order."""

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.errors import ArgumentError
from osnet_tf.metrics import Reranker, distance_blocks
from osnet_tf.types import Progress

#: With SciPy's working copy, 8 n^2 bytes: 20 GB.
MOST = 50_000


def pair_distances(
    features: ArrayLike,
    *,
    metric: str = "cosine",
    rerank: bool = False,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
    progress: Progress | None = None,
) -> np.ndarray:
    """The distance of each pair of images, once.

    Args:
        features: `(n, D)` real features, n <= 50,000: 4 n^2 bytes are returned.
        metric: `"euclidean"`, `"sqeuclidean"` or `"cosine"`.
        rerank: whether the distances are re-ranked (see `osnet_tf.metrics.Reranker`, with `k1`,
            `k2` and `lambda_value`). Those depend on the whole set and are not symmetric: a pair's
            is the mean of its two.
        progress: called with the number of images of each finished block; may be None.

    Returns:
        float64 `(n (n - 1) / 2,)`: the pairs (0, 1), (0, 2), ..., (n - 2, n - 1).

    Raises:
        TypeError, ArgumentError: as `distance_blocks` and `Reranker`; more images than that.

    >>> pair_distances([[0.0], [3.0], [4.0]], metric="euclidean")
    array([3., 4., 1.])
    """
    features = np.asarray(features)
    n = len(features) if features.ndim else 0
    check_count(n)
    if rerank:
        options = {"k1": k1, "k2": k2, "lambda_value": lambda_value, "metric": metric}
        blocks = Reranker(features, **options).blocks()
    else:
        blocks = distance_blocks(features, features, metric=metric)
    out = np.zeros(n * (n - 1) // 2)
    before = starts(n)
    for rows, distances in blocks:
        for i, row in enumerate(distances, rows.start):
            later = slice(before[i] + i + 1, before[i] + n)
            if rerank:
                out[later] += row[i + 1 :] / 2
                out[before[:i] + i] += row[:i] / 2
            else:
                out[later] = row[i + 1 :]
        if progress is not None:
            progress(len(distances))
    return out


def starts(n):
    """int64 `(n,)`: pair (i, j) with i < j stands at `starts(n)[i] + j`.

    >>> starts(4) + 3
    array([2, 4, 5, 5])
    """
    i = np.arange(n, dtype=np.int64)
    return n * i - i * (i + 1) // 2 - i - 1


def check_count(n):
    """Raises ArgumentError for more images than all pairs of which can be held."""
    if n > MOST:
        raise ArgumentError(
            f"All pairs of images are held, 8 n^2 bytes in all, so there may be {MOST:,} of them. "
            f"Received: {n:,}. Join the images of a person's way past a camera into tracklets"
        )
