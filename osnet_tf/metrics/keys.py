"""Distances as one matrix product, with a bound of its rounding error.

With c the gallery's mean,

    |q - g|^2  =  |q - c|^2  -  2 (q - c).(g - c)  +  |g - c|^2

is an affine function of the gallery row: one matrix product with one column more gives a block. The
cosine distance is half of that for rows of length 1. Moving the origin to c, and the largest row to
a length of about 1, changes no order, but leaves features that lie close together (an untrained
network's) or far from 1 as precise as any others.
"""

import numpy as np

_CHUNK = 1024  # rows that are held in float64 at a time


class AffineKeys:
    """`keys(q, g) = coefficients[q] . rows[g]`: a distance up to a constant and a factor.

    Args:
        query: float32 `(Q, D)`, finite.
        gallery: float32 `(G, D)`, finite.
        metric: one of `distances.METRICS`.
        dtype: the type of the product: float32 (fast, for ranking) or float64 (for distances).

    Attributes:
        coefficients: `(Q, D + 1)` of `dtype`.
        rows: `(G, D + 1)` of `dtype`.
        offsets, factor: float64 `(Q,)` and a float: `(key + offset) * factor` is the distance,
            squared if Euclidean.
        errors: float64 `(Q,)`: how far a key of that query may lie from its exact value.
        rounding: float64 `(Q,)`: how much further a float64 key may move when rounded to float32.
    """

    def __init__(self, query, gallery, metric, dtype):
        unit = metric == "cosine"
        center = sum(part.sum(axis=0) for _, part in _chunks(gallery, unit)) / len(gallery)
        lengths = [_centered_lengths(side, unit, center) for side in (query, gallery)]
        scale = power_of_two_below(max(part.max() for part in lengths))
        q_lengths, g_lengths = (part * scale for part in lengths)

        bias = g_lengths**2
        if unit:
            bias[~gallery.any(axis=1)] += scale**2  # a zero row: at distance 1 from length 1
        shift = bias.mean()
        bias -= shift
        self.rows = np.empty((len(gallery), gallery.shape[1] + 1), dtype)
        self.rows[:, -1] = bias
        for rows, part in _chunks(gallery, unit):
            self.rows[rows, :-1] = (part - center) * scale

        self.coefficients = np.empty((len(query), query.shape[1] + 1), dtype)
        self.coefficients[:, -1] = 1.0
        for rows, part in _chunks(query, unit):
            self.coefficients[rows, :-1] = (part - center) * (-2 * scale)
        self.offsets = q_lengths**2 + shift
        if unit:
            zero = ~query.any(axis=1)  # at distance 1 from everything
            self.coefficients[zero] = 0.0
            self.offsets[zero] = 2 * scale**2
        self.factor = (0.5 if unit else 1.0) / scale**2

        size = 2 * q_lengths * g_lengths.max() + np.abs(bias).max()
        self.errors = _product_error(dtype, self.rows.shape[1]) * size
        # What the float64 subtraction of c (and the division by the length) had already lost.
        raw = 1.0 if unit else np.sqrt(max(_largest_square(query), _largest_square(gallery)))
        self.errors += 8 * np.finfo(np.float64).eps * raw * scale * (q_lengths + g_lengths.max())
        self.rounding = np.finfo(np.float32).eps / 2 * size


def _chunks(features, unit):
    """Yields (slice, float64 copy of those rows), at length 1 if `unit` (a zero row stays zero)."""
    for start in range(0, len(features), _CHUNK):
        rows = slice(start, start + _CHUNK)
        part = features[rows].astype(np.float64)
        yield rows, (unit_rows(part) if unit else part)


def unit_rows(rows):
    """Float64 rows divided by their length; a zero row stays zero."""
    length = np.sqrt((rows * rows).sum(axis=-1, keepdims=True))
    return rows / np.where(length > 0, length, 1.0)


def _centered_lengths(features, unit, center):
    parts = []
    for _, part in _chunks(features, unit):
        part -= center
        parts.append(np.sqrt(np.einsum("ij,ij->i", part, part)))
    return np.concatenate(parts)


def _largest_square(features):
    return max(np.einsum("ij,ij->i", part, part).max() for _, part in _chunks(features, False))


def power_of_two_below(value):
    """The power of two that brings `value` to [0.5, 1): exact to multiply by; 1 for 0."""
    return float(np.ldexp(1.0, -np.frexp(value)[1])) if value > 0 else 1.0


def _product_error(dtype, width):
    """Relative error of a product of that width, its inputs' own rounding included.

    At most `width` units, and more than 8 sqrt(width) only with a chance of about exp(-32) for
    each product (Higham and Mary, SIAM J. Sci. Comput. 41(5), 2019).
    """
    return np.finfo(dtype).eps / 2 * (min(width, 8 * np.sqrt(width)) + 4)
