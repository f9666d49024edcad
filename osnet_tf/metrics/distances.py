"""Euclidean and cosine distances, a block of queries at a time: the distances of every measure.

    |q - g|^2  =  |q - c|^2  -  2 (q - c).(g - c)  +  |g - c|^2

is one matrix product a block, in float64. With the gallery's mean as c, features that lie close
together (an untrained network's) are as precise as any others. The cosine distance is half of that
for rows of length 1.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_choice, check_int
from osnet_tf.metrics.features import check_features, check_same_width

METRICS = ("euclidean", "sqeuclidean", "cosine")

_BLOCK_BYTES = 16 * 2**20
_FEWEST = 128  # rows: a product of fewer takes up to twice the time for each of them
_CHUNK = 2048  # rows that are held in float64 at a time beside the block
#: A squared distance below this share of the squared lengths has lost too many of its digits for
#: float32 in the product's rounding (at most 2^-53 * 8 * sqrt(width), of which 2^-24 is asked).
_CANCELLED = 2.0**-21


def distance_blocks(
    query: ArrayLike, gallery: ArrayLike, *, metric: str = "euclidean", block: int | None = None
) -> Iterator[Any]:
    """Yields the distances of a block of queries to the whole gallery, one block after another.

    Computed in float64 and rounded once to float32, so that small distances are as precise as
    others and identical images are at 0. Equal gallery rows get equal distances, wherever they
    stand. Only one block is held at a time, beside a float64 copy of the gallery.

    Args:
        query: `(Q, D)` real features; they are taken as float32.
        gallery: `(G, D)` real features.
        metric: `"euclidean"` (>= 0), `"sqeuclidean"` (its square) or `"cosine"` (1 - cos, in
            [0, 2]). The cosine of a zero vector with any other is taken as 0, its distance as 1.
        block: queries a block; by default as many as fit 16 MB, at least 128.

    Yields:
        `(rows, distances)`: the slice of queries and their float32 `(rows, G)` distances. The array
        is used again for the next block: copy what is kept.

    Raises:
        TypeError: features that are not real numbers.
        ArgumentError: shapes that do not fit, NaN or infinite features, an unknown metric or a
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
    query, gallery = check_sets(query, gallery, metric, block)
    return _blocks(query, gallery, metric, block)


def check_sets(query, gallery, metric, block, query_paths=None, gallery_paths=None):
    """Returns both sets of features as float32, after all checks that measures have in common."""
    query = check_features(query, "query", query_paths)
    gallery = check_features(gallery, "gallery", gallery_paths)
    check_same_width(query, gallery, "query", "gallery")
    check_choice(METRICS, metric=metric)
    if block is not None:
        check_int(block=block)
    return query, gallery


def _blocks(query, gallery, metric, block):
    place = None
    distinct = _distinct(gallery)
    if distinct is not None:
        gallery, place = distinct
    rows = _directed(gallery, metric)
    center = rows.mean(axis=0)
    rows -= center
    squares = np.einsum("ij,ij->i", rows, rows)
    rows = np.concatenate([rows, squares[:, None]], axis=1)
    no_direction = ~gallery.any(axis=1) if metric == "cosine" else None
    size = block or int(np.clip(_BLOCK_BYTES // (len(gallery) * 8), _FEWEST, 1024))
    buffer = np.empty((min(size, len(query)), len(gallery)))
    for start in range(0, len(query), size):
        part = _directed(query[start : start + size], metric)
        centered = part - center
        lengths = np.einsum("ij,ij->i", centered, centered)
        factors = np.concatenate([-2.0 * centered, np.ones((len(part), 1))], axis=1)
        values = np.matmul(factors, rows.T, out=buffer[: len(part)])
        values += lengths[:, None]
        for i in np.flatnonzero(values.min(axis=1) <= _CANCELLED * (lengths + squares.max())):
            columns = np.flatnonzero(values[i] <= _CANCELLED * (lengths[i] + squares))
            for at in range(0, len(columns), _CHUNK):
                some = columns[at : at + _CHUNK]
                values[i, some] = ((_directed(gallery[some], metric) - part[i]) ** 2).sum(axis=1)
        if metric == "cosine":
            values /= 2.0
            np.minimum(values, 2.0, out=values)
            values[:, no_direction] = 1.0
            values[~part.any(axis=1)] = 1.0
        elif metric == "euclidean":
            np.sqrt(values, out=values)
        with np.errstate(over="ignore"):
            rounded = values.astype(np.float32)
        yield slice(start, start + len(part)), rounded if place is None else rounded[:, place]


def _directed(features, metric):
    """A float64 copy; at length 1 for the cosine."""
    features = features.astype(np.float64)
    return unit_rows(features) if metric == "cosine" else features


def unit_rows(rows):
    """Float64 rows divided by their length; a zero row stays zero."""
    length = np.sqrt((rows * rows).sum(axis=-1, keepdims=True))
    return rows / np.where(length > 0, length, 1.0)


def _distinct(features):
    """`(rows, place)`: each row once, and where row i of `features` stands in them; None where all
    rows differ."""
    rows = features + np.float32(0)  # -0.0 becomes 0.0
    rows = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize)))[:, 0]
    _, first, place = np.unique(rows, return_index=True, return_inverse=True)
    return None if len(first) == len(features) else (features[first], place)


def paired_distances(first, second, metric):
    """Float64 `(N,)` distances of row i of one `(N, D)` to row i of the other, squared if
    Euclidean."""
    first, second = _directed(first, metric), _directed(second, metric)
    squares = ((first - second) ** 2).sum(axis=1)
    if metric != "cosine":
        return squares
    return np.where(first.any(axis=1) & second.any(axis=1), squares / 2, 1.0)


def pairwise_distances(
    query: ArrayLike, gallery: ArrayLike, *, metric: str = "euclidean"
) -> np.ndarray:
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
