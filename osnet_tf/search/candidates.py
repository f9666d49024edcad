"""Which rows of many can be among the nearest: one product in float32, with a bound of its error.

The exact distances are `osnet_tf.metrics`'s; they take a float64 copy of what they rank. Here all
rows are looked at in the float32 that they are held in, and those that cannot be among the nearest
k, whatever the rounding did, are left out: a few more than k remain.
"""

import numpy as np

#: Of one product's rounding, n of them add up at most; another bit for what float32 distances round
_UNIT = 2.0**-24


def near_rows(query, vectors, squares, count, metric, places=None):
    """The rows that can be among the nearest.

    Args:
        query: float32 `(D,)`.
        vectors: float32 `(N, D)`.
        squares: float64 `(N,)`, their squared lengths.
        count: How many nearest are wanted, >= 1.
        metric: "cosine" or "euclidean".
        places: int64 `(n,)`, the only rows that count, ascending; None for all.

    Returns:
        int64, ascending: every row that is one of the `count` nearest by
        `osnet_tf.metrics.nearest`, and a few others.

    >>> vectors = np.eye(4, dtype="float32")
    >>> near_rows(vectors[2], vectors, np.ones(4), 1, "cosine")
    array([2])
    """
    total = len(vectors) if places is None else len(places)
    if total <= count:
        return np.arange(total) if places is None else places
    if places is not None and 8 * total < len(vectors):  # else all rows are quicker than a copy
        products, squares = vectors[places] @ query, squares[places]
    else:
        products = vectors @ query
        if places is not None:
            products, squares = products[places], squares[places]
    products = products.astype(np.float64)
    length = float(np.dot(query.astype(np.float64), query.astype(np.float64)))
    scale = np.sqrt(squares * length)
    if metric == "cosine":
        values = 1.0 - products / np.where(scale > 0, scale, 1.0)
        errors = np.full(total, (len(query) + 16) * _UNIT)
    else:
        values = squares + length - 2.0 * products
        errors = (2 * (len(query) + 4) * scale + 16 * (squares + length)) * _UNIT
    bound = np.partition(values + errors, count - 1)[count - 1]
    found = np.flatnonzero(values - errors <= bound)
    return found if places is None else places[found]
