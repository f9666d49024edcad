"""One block of queries at a time against the whole gallery, in float32, with a margin."""

import os

import numpy as np

from osnet_tf.metrics.keys import AffineKeys

_BLOCK_BYTES = 16 * 2**20


def default_block(num_gallery, itemsize=4):
    """The number of queries whose row of distances fit 16 MB together: 1 to 1,024."""
    return int(np.clip(_BLOCK_BYTES // (num_gallery * itemsize), 1, 1024))


def workers():
    """Threads for the sorts, which run without the interpreter's lock: one a core, at most 8."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min(8, len(affinity(0)) if affinity else os.cpu_count() or 1)


class BlockKeys:
    """Float32 keys of one block of queries at a time, with their margin of rounding.

    Attributes:
        size: queries a block.
        margins: float32 `(Q,)`: two keys of a query that differ by more are in their true order.
    """

    def __init__(self, query, gallery, metric, block):
        self._sets = query, gallery, metric
        self._keys = AffineKeys(*self._sets, np.float32)
        self.size = min(default_block(len(gallery)) if block is None else block, len(query))
        self._values = np.empty((self.size, len(gallery)), np.float32)
        self._wide = None
        self._set_margins()

    def _set_margins(self):
        # Both keys' errors, both keys' rounding to float32, and that of key - margin, key + margin.
        margins = 2 * self._keys.errors + 4 * self._keys.rounding
        self.margins = margins.astype(np.float32)

    def sharpen(self):
        """Takes the products in float64 from now on; False if they were already."""
        if self._wide is not None:
            return False
        self._keys = None  # both at once would be three copies of the features
        self._keys = AffineKeys(*self._sets, np.float64)
        self._wide = np.empty(self._values.shape)
        self._set_margins()
        return True

    def block(self, start):
        """The keys of queries start to start + size, in a buffer that the next call reuses."""
        coefficients = self._keys.coefficients[start : start + self.size]
        values = self._values[: len(coefficients)]
        if self._wide is None:
            return np.matmul(coefficients, self._keys.rows.T, out=values)
        values[...] = np.matmul(coefficients, self._keys.rows.T, out=self._wide[: len(values)])
        return values

    def distances(self, start):
        """As `block`, but distances, squared if Euclidean: to float32's precision, never < 0."""
        values = self.block(start)
        offsets = self._keys.offsets[start : start + len(values)]
        for row, offset in zip(values, offsets, strict=True):
            row += np.float32(offset)
            row *= np.float32(self._keys.factor)
            np.maximum(row, 0, out=row)
        return values

    def to_distance(self, queries, values):
        """Float64 distances, squared if Euclidean, of one key `(n,)` of each of those queries."""
        return np.maximum((values + self._keys.offsets[queries]) * self._keys.factor, 0.0)
