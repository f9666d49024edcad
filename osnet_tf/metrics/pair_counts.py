"""Exact counts of same-person and different-person distances, in two passes and fixed memory.

A distance is a float32 >= 0, whose 31 bits order as the numbers do. The first pass counts pairs by
the upper 19 bits (2,048 bins an octave); the second counts the lower 12 bits inside the few bins
where a threshold is looked for. Nothing is rounded, and no list of pairs is ever held.
"""

import numpy as np

from osnet_tf.metrics.distances import distance_blocks

LOW_BITS = 12
_LOW_MASK = (1 << LOW_BITS) - 1
_NUM_BINS = 1 << (31 - LOW_BITS)


class PairCounts:
    """Numbers of pairs by distance.

    Args:
        query, gallery, metric, block: as for `distance_blocks`.
        labels: the `Labels` of both. A query's own camera's images of its person are no pairs.
        progress: called with the number of queries of each finished block, or None.

    Attributes:
        same, different: int64, the pairs in each of the 2^19 bins.
    """

    def __init__(self, query, gallery, labels, metric, block, progress=None):
        self._arguments = query, gallery, metric, block
        self._labels = labels
        self._progress = progress
        self._order, self._starts = labels.groups()
        self.same, self.different = np.zeros((2, _NUM_BINS), np.int64)
        for same, bits, left_out in self._pairs():
            bins = bits >> LOW_BITS
            self.different += np.bincount(bins.ravel(), minlength=_NUM_BINS)
            self.different -= np.bincount(left_out >> LOW_BITS, minlength=_NUM_BINS)
            self.same += np.bincount(same >> LOW_BITS, minlength=_NUM_BINS)

    def within(self, bins):
        """`{bin: (same, different)}`: int64 `(4096,)` counts of each float32 in those bins."""
        bins = np.unique(bins)
        shape = len(bins), 1 << LOW_BITS
        same, different = np.zeros((2, *shape), np.int64)
        for positives, bits, left_out in self._pairs():
            different += _count_low(bits.ravel(), bins)
            different -= _count_low(left_out, bins)
            same += _count_low(positives, bins)
        return {int(b): (same[k], different[k]) for k, b in enumerate(bins)}

    def _pairs(self):
        """Yields, a block each, the bits of distances: matches, all, all of the same person."""
        labels = self._labels
        query, gallery, metric, block = self._arguments
        for rows, distances in distance_blocks(query, gallery, metric=metric, block=block):
            bits = distances.view(np.int32)
            bits &= 0x7FFFFFFF  # -0.0 is 0.0
            same, left_out = [], []
            for i, row in enumerate(bits, rows.start):
                pid = labels.q_pids[i]
                columns = self._order[self._starts[pid] : self._starts[pid + 1]]
                left_out.append(row[columns])
                same.append(left_out[-1][labels.g_camids[columns] != labels.q_camids[i]])
            yield np.concatenate(same), bits, np.concatenate(left_out)
            if self._progress is not None:
                self._progress(rows.stop - rows.start)


def _count_low(bits, bins):
    """Int64 `(len(bins), 4096)`: how often each value of those bins stands in `bits`."""
    place = np.full(_NUM_BINS, -1, np.int32)
    place[bins] = np.arange(len(bins), dtype=np.int32)
    at = place[bits >> LOW_BITS]
    inside = at >= 0
    flat = (at[inside].astype(np.int64) << LOW_BITS) | (bits[inside] & _LOW_MASK)
    counts = np.bincount(flat, minlength=len(bins) << LOW_BITS)
    return counts.reshape(len(bins), -1)


def distance_of(bits):
    """The float32 distances with those bits; the one below 0.0 is asked for as -1."""
    bits = np.asarray(bits)
    distances = np.maximum(bits, 0).astype(np.int32).view(np.float32)
    return np.where(bits < 0, np.nextafter(np.float32(0), np.float32(-1)), distances)
