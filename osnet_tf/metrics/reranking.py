"""Re-ranking with k-reciprocal encoding (Zhong et al., CVPR 2017, arXiv 1701.08398), sparse.

The dense formulation holds several N x N matrices (N = queries + gallery). But each image's
encoding has only some tens of entries that are not zero, so here neighbour lists, encodings and
their Jaccard distance are sparse; what remains of size N x N is one pass of blocked products.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_int, check_number
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.distances import check_sets, distance_blocks, paired_distances
from osnet_tf.metrics.neighbors import nearest_and_farthest
from osnet_tf.types import Progress

_PAIRS = 2048  # pairs of features held in float64 at a time


class Reranker:
    """Re-ranked distances of queries to the gallery, in blocks.

    The distance is `(1 - lambda_value) * jaccard + lambda_value * original`, where `original` is
    the distance over the largest one in the query's row of all queries and gallery images: the
    paper's squared Euclidean distance (its equation 1), or 1 - cos for `metric="cosine"`. (The
    public PyTorch code squares whatever matrix it is given, which its callers have squared before.)

    Neighbour lists are those of `nearest`; distances are within 1e-5 of the dense formulation.

    Args:
        query: `(Q, D)` real features, taken as float32.
        gallery: `(G, D)` real features; None: the queries among themselves, each image once, and
            G = 0 in what follows.
        k1: size of the k-reciprocal neighbourhoods, >= 1, < Q + G. The paper: 20.
        k2: encodings averaged over so many nearest images, itself one of them, >= 1, <= k1 + 1. The
            paper: 6. 1 averages nothing.
        lambda_value: weight of the original distance in [0, 1]. The paper: 0.3.
        metric: `"euclidean"` (or `"sqeuclidean"`, the same here) or `"cosine"`.
        block: images at a time; by default as in `distance_blocks`.
        progress: called with the number of images whose neighbours have been found, Q + G in all,
            while this is made: nearly all of the work; may be None.

    Raises:
        ArgumentError: shapes that do not fit, NaN features, parameters out of range.

    Example:

    >>> import numpy as np
    >>> from osnet_tf.metrics import Reranker, rank_distances
    >>> query, gallery = np.array([[0.0], [5.0]]), np.array([[0.1], [0.3], [5.1], [5.2]])
    >>> reranker = Reranker(query, gallery, k1=2, k2=1)
    >>> result = rank_distances(
    ...     reranker.blocks(), [0, 1], [0, 0, 1, 1], [0, 0], [1, 1, 1, 1], max_rank=1
    ... )
    >>> result.mAP
    1.0
    """

    def __init__(
        self,
        query: ArrayLike,
        gallery: ArrayLike = None,
        *,
        k1: int = 20,
        k2: int = 6,
        lambda_value: float = 0.3,
        metric: str = "euclidean",
        block: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        alone = gallery is None
        query, gallery = check_sets(query, query if alone else gallery, metric, block)
        features = query if alone else np.concatenate([query, gallery])
        total = len(features)
        check_int(k1=k1, k2=k2)
        if k1 >= total:
            raise ArgumentError(f"k1 must be < the {total} images in all. Received: k1={k1}")
        if k2 > k1 + 1:
            raise ArgumentError(f"k2 must be <= k1 + 1. Received: k2={k2}, k1={k1}")
        check_number(0, 1, lambda_value=lambda_value)
        self._sets, self._block = (query, gallery), block
        self._metric = "cosine" if metric == "cosine" else "euclidean"  # squared when it is scaled
        self._lambda = float(lambda_value)
        neighbors, _, farthest = nearest_and_farthest(
            features, features, k1 + 1, self._metric, block, progress
        )
        self._farthest = np.where(farthest > 0, farthest, np.float32(1))
        expanded = _expanded_neighborhoods(neighbors, k1)
        encodings = self._encode(features, expanded)
        if k2 > 1:
            encodings = _average(encodings, neighbors[:, :k2])
        self._queries = encodings[: len(query)]
        self._columns = encodings[
            total - len(gallery) :
        ].tocsc()  # who in the gallery holds this image

    def blocks(self) -> Iterator[Any]:
        """Yields `(rows, distances)`: float32 `(rows, G)`, in an array used again each time."""
        for rows, out in distance_blocks(*self._sets, metric=self._metric, block=self._block):
            for i, row in enumerate(out, rows.start):
                row /= self._farthest[i]
                if self._metric != "cosine":
                    row *= row
                row *= np.float32(self._lambda)
                row += (1 - self._lambda) * self._jaccard(i)
            yield rows, out

    def distances(self) -> np.ndarray:
        """The whole float32 `(Q, G)` matrix: 214 MB at Market-1501's size, 3.8 GB at MSMT17's."""
        out = np.empty([len(one) for one in self._sets], np.float32)
        for rows, block in self.blocks():
            out[rows] = block
        return out

    def _encode(self, features, expanded):
        """CSR float32: exp(-scaled distance) in each neighbourhood, rows summing to 1 (eq. 7)."""
        from scipy.sparse import csr_array

        total = len(features)
        first = np.repeat(np.arange(total), np.diff(expanded.indptr))
        weights = np.empty(len(first))
        for start in range(0, len(first), _PAIRS):
            pairs = slice(start, start + _PAIRS)
            one, other = features[first[pairs]], features[expanded.indices[pairs]]
            weights[pairs] = paired_distances(one, other, self._metric)
        power = 1 if self._metric == "cosine" else 2
        weights = np.exp(-weights / self._farthest.astype(np.float64)[first] ** power)
        weights /= np.bincount(first, weights, minlength=total)[first]
        weights = weights.astype(np.float32)
        return csr_array((weights, expanded.indices, expanded.indptr), shape=(total, total))

    def _jaccard(self, i):
        """Float64 `(G,)` Jaccard distances of query i (the paper's equation 10)."""
        mine = slice(*self._queries.indptr[i : i + 2])
        columns, weights = self._queries.indices[mine], self._queries.data[mine]
        if not len(columns):
            return np.ones(len(self._sets[1]))
        starts = self._columns.indptr[columns]
        counts = self._columns.indptr[columns + 1] - starts
        ends = np.cumsum(counts)
        at = np.arange(ends[-1]) + np.repeat(starts - (ends - counts), counts)
        least = np.minimum(self._columns.data[at], np.repeat(weights, counts))
        shared = np.bincount(self._columns.indices[at], least, minlength=len(self._sets[1]))
        return 1.0 - shared / (2.0 - shared)


def rerank(
    query: ArrayLike,
    gallery: ArrayLike,
    *,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
    metric: str = "euclidean",
    block: int | None = None,
) -> np.ndarray:
    """The float32 `(Q, G)` re-ranked distances; see `Reranker`, which also gives them in blocks.

    Example:

    >>> import numpy as np
    >>> from osnet_tf.metrics import rerank
    >>> rerank(np.array([[0.0]]), np.array([[1.0], [9.0]]), k1=1, k2=1).shape
    (1, 2)
    """
    options = {"k1": k1, "k2": k2, "lambda_value": lambda_value, "metric": metric, "block": block}
    return Reranker(query, gallery, **options).distances()


def _pattern(neighbors):
    """CSR `(N, N)` with a 1 at (i, j) where j is in row i of the int `(N, k)` lists."""
    from scipy.sparse import csr_array

    total, k = neighbors.shape
    starts = np.arange(0, total * k + 1, k, dtype=np.int32)
    ones = np.ones(total * k, np.int32)
    matrix = csr_array((ones, neighbors.astype(np.int32).ravel(), starts), shape=(total, total))
    matrix.sort_indices()
    return matrix


def _reciprocal(neighbors):
    """CSR pattern of pairs that are in each other's lists (equation 3)."""
    forward = _pattern(neighbors)
    return forward.multiply(forward.T.tocsr()).tocsr()


def _expanded_neighborhoods(neighbors, k1):
    """CSR pattern of R*(p, k1): with each q of R(p, k1) also R(q, k1 / 2) if 2/3 of it overlap.

    Equation 4. The public code asks for more than 2/3, rounds k1 / 2 to even, and counts the image
    itself besides its k1 neighbours; so does this.
    """
    full = _reciprocal(neighbors)
    half = _reciprocal(neighbors[:, : round(k1 / 2) + 1])
    sizes = np.diff(half.indptr)
    overlap = full.multiply(full @ half.T.tocsr()).tocsr()
    chosen = 3 * overlap.data > 2 * sizes[overlap.indices]
    overlap.data = chosen.astype(np.int32)
    overlap.eliminate_zeros()
    expanded = (full + overlap @ half).tocsr()
    expanded.sort_indices()
    return expanded


def _average(encodings, neighbors):
    """Each row's mean over the rows of its neighbours (equation 11)."""
    pattern = _pattern(neighbors).astype(np.float32)
    pattern.data /= neighbors.shape[1]
    return (pattern @ encodings).tocsr()
