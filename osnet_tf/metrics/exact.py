"""Distances of chosen pairs in float64: what decides ties and near ties."""

import numpy as np

from osnet_tf.metrics.keys import unit_rows


def exact_distances(query_row, gallery_rows, metric):
    """Float64 distances of one row `(D,)`, or of N, to the rows `(N, D)`, squared if Euclidean.

    They are sums of squared differences. The sum over D always runs in one order, so that equal
    rows get equal distances wherever they stand: this decides ties and near ties in `rank`.
    """
    query_row = query_row.astype(np.float64)
    gallery_rows = gallery_rows.astype(np.float64)
    if metric != "cosine":
        gallery_rows -= query_row
        gallery_rows *= gallery_rows
        return gallery_rows.sum(axis=1)
    zero = ~gallery_rows.any(axis=1) | ~query_row.any(axis=-1)
    halves = exact_distances(unit_rows(query_row), unit_rows(gallery_rows), "sqeuclidean") / 2
    halves[zero] = 1.0
    return halves


class ExactDistances:
    """`exact(i, columns)`: float64 distances (squared if Euclidean) of query i to those columns."""

    def __init__(self, query, gallery, metric):
        self.query, self.gallery, self.metric = query, gallery, metric
        self._representative = None

    def __call__(self, i, columns):
        if len(columns) <= 512:
            return self._direct(i, columns)
        # Collapsed features, or many ties: equal rows are computed once.
        chosen = self._representatives()[columns]
        needed = np.zeros(len(self.gallery), bool)
        needed[chosen] = True
        needed = np.flatnonzero(needed)
        exact = np.empty(len(self.gallery))
        for start in range(0, len(needed), 1024):
            part = needed[start : start + 1024]
            exact[part] = self._direct(i, part)
        return exact[chosen]

    def _direct(self, i, columns):
        return exact_distances(self.query[i], self.gallery[columns], self.metric)

    def _representatives(self):
        """For each gallery row the first row that holds the same values."""
        if self._representative is None:
            rows = self.gallery + np.float32(0)  # -0.0 becomes 0.0
            rows = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize)))[:, 0]
            _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
            self._representative = first[inverse]
        return self._representative
