"""CMC, mAP and mINP of a query set against a gallery, without sorting or holding distances."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_int
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.distances import check_sets, distance_blocks
from osnet_tf.metrics.labels import Labels
from osnet_tf.metrics.positions import match_ranks
from osnet_tf.types import Progress, Tensor


@dataclass(frozen=True, eq=False)
class RankingResult:
    """What `rank` returns. All rates are fractions in [0, 1], means over the queries with a match.

    Attributes:
        cmc: float64 `(max_rank,)`; `cmc[k - 1]` is the share of queries with a match among the
            first k (Rank-k).
        mAP: mean average precision, non-interpolated: hits at ranks 1 and 3 give 0.8333.
        mAP_trapezoid: the same by the trapezoid rule (the Oxford buildings code and the first
            Market-1501 code): hits at ranks 1 and 3 give 0.7917. Not comparable with `mAP`.
        mINP: mean inverse negative penalty (Ye et al., arXiv 2001.04193, section 4.1): the number
            of matches over the rank of the last one.
        num_valid_queries: queries with at least one match in the gallery.
        num_unmatched_queries: queries without; they enter no mean.
        first_match: float64 `(Q,)`; rank (from 1) of each query's first match; NaN without one.
        average_precision: float64 `(Q,)`; each query's non-interpolated AP; NaN without a match.
        inverse_negative_penalty: float64 `(Q,)`; NaN without a match.
        num_matches: int64 `(Q,)`; matches in the gallery, same-camera ones not counted.
    """

    cmc: np.ndarray
    mAP: float
    mAP_trapezoid: float
    mINP: float
    num_valid_queries: int
    num_unmatched_queries: int
    first_match: np.ndarray
    average_precision: np.ndarray
    inverse_negative_penalty: np.ndarray
    num_matches: np.ndarray

    def rank_k(self, k: int) -> float:
        """Rank-k, `cmc[k - 1]`; raises ArgumentError unless 1 <= k <= max_rank."""
        check_int(k=k)
        if k > len(self.cmc):
            raise ArgumentError(f"k must be <= max_rank={len(self.cmc)}. Received: k={k}")
        return float(self.cmc[k - 1])

    def summary(self, ranks: Sequence[int] = (1, 5, 10, 20)) -> dict[str, float]:
        """The usual line of results as a dict of floats: `Rank-k` for each k, `mAP`, `mINP`."""
        line = {f"Rank-{k}": self.rank_k(k) for k in ranks}
        return {**line, "mAP": self.mAP, "mINP": self.mINP}


def rank(
    query: ArrayLike,
    gallery: ArrayLike,
    q_pids: ArrayLike,
    g_pids: ArrayLike,
    q_camids: ArrayLike,
    g_camids: ArrayLike,
    *,
    max_rank: int = 50,
    metric: str = "euclidean",
    camera_aware: bool = True,
    query_paths: Sequence[str] | None = None,
    gallery_paths: Sequence[str] | None = None,
    block: int | None = None,
    progress: Progress | None = None,
) -> RankingResult:
    """Ranks the gallery for each query and measures where the same person stands.

    The measure is that of the public evaluator (Market-1501, Zheng et al., ICCV 2015): for each
    query the gallery images of the same person *by the same camera* are taken out, then CMC, AP and
    INP follow from the ranks of the images of the same person that are left.

    The order is that of a stable sort of the distances that `distance_blocks` gives, computed in
    float64 and rounded to float32: equal ones, among them those to equal images, stand in the
    gallery's order. No Q x G matrix is held: memory is a float64 copy of the gallery and one block.

    Args:
        query: `(Q, D)` real features, taken as float32.
        gallery: `(G, D)` real features.
        q_pids: `(Q,)` person ids, integers or strings. Junk images (pid -1) must have been dropped;
            distractors (pid 0) belong in the gallery.
        g_pids: `(G,)` person ids.
        q_camids: `(Q,)` camera ids; None is allowed with `camera_aware=False`.
        g_camids: `(G,)` camera ids.
        max_rank: length of the CMC, >= 1. A gallery smaller than that is no special case: the CMC
            simply stays at its last value (the public code cuts it short instead).
        metric: `"euclidean"` or `"cosine"`. (A zero vector has cosine distance 1 to everything.)
        camera_aware: False keeps the images of the query's own camera. A query that also stands in
            the gallery then finds itself.
        query_paths: optional `(Q,)` image paths, named when features are NaN.
        gallery_paths: the same for the gallery.
        block: queries at a time; by default as in `distance_blocks`.
        progress: called with the number of queries of each finished block; may be None.

    Returns:
        A `RankingResult`.

    Raises:
        TypeError: features that are not real numbers, labels neither integers nor strings.
        ArgumentError: shapes that do not fit, NaN or infinite features, an unknown metric,
            `max_rank` or `block` < 1, or no query with a match at all.

    Example:

    >>> import numpy as np
    >>> from osnet_tf.metrics import rank
    >>> query = np.array([[0.0]])
    >>> gallery = np.array([[1.0], [2.0], [3.0], [0.5]])
    >>> result = rank(query, gallery, [7], [7, 4, 7, 7], [0], [1, 1, 2, 0], max_rank=3)
    >>> result.cmc                      # the image at 0.5 is of the query's own camera: taken out
    array([1., 1., 1.])
    >>> round(result.mAP, 4)            # hits at ranks 1 and 3
    0.8333
    """
    query, gallery = check_sets(query, gallery, metric, block, query_paths, gallery_paths)
    check_int(max_rank=max_rank)
    labels = Labels.check(
        len(query), len(gallery), q_pids, g_pids, q_camids, g_camids, camera_aware
    )
    labels.check_some_match()
    blocks = distance_blocks(query, gallery, metric=metric, block=block)
    counts, ranks = match_ranks(blocks, labels, progress)
    return _measure(counts, ranks, max_rank)


def rank_distances(
    distances: Tensor,
    q_pids: ArrayLike,
    g_pids: ArrayLike,
    q_camids: ArrayLike,
    g_camids: ArrayLike,
    *,
    max_rank: int = 50,
    camera_aware: bool = True,
) -> RankingResult:
    """As `rank`, from distances instead of features: a matrix, or blocks of one.

    Args:
        distances: real `(Q, G)` array, or an iterable of `(rows, block)` pairs that covers the
            queries in order, as `distance_blocks` and `Reranker.blocks` yield them. The smaller the
            nearer; equal ones are ordered by gallery index.
        q_pids, g_pids, q_camids, g_camids, max_rank, camera_aware: as in `rank`.

    Returns:
        A `RankingResult`.

    Raises:
        TypeError: distances that are not real, labels neither integers nor strings.
        ArgumentError: shapes that do not fit, NaN or infinite distances, `max_rank` < 1, or no
            query with a match.

    Example:

    >>> from osnet_tf.metrics import rank_distances
    >>> rank_distances([[0.1, 0.3, 0.2]], [7], [7, 7, 4], [0], [1, 1, 1], max_rank=2).cmc
    array([1., 1.])
    """
    check_int(max_rank=max_rank)
    num_query, num_gallery = np.size(q_pids), np.size(g_pids)
    labels = Labels.check(num_query, num_gallery, q_pids, g_pids, q_camids, g_camids, camera_aware)
    labels.check_some_match()
    if isinstance(distances, np.ndarray | list | tuple):
        distances = [(slice(0, num_query), np.asarray(distances))]
    blocks = _checked_blocks(distances, num_query, num_gallery)
    counts, ranks = match_ranks(blocks, labels)
    return _measure(counts, ranks, max_rank)


def _checked_blocks(blocks, num_query, num_gallery):
    done = 0
    for rows, block in blocks:
        expected = (min(rows.stop, num_query) - rows.start, num_gallery)
        if rows.start != done or block.shape != expected:
            raise ArgumentError(
                f"distances must have shape ({num_query}, {num_gallery}), in blocks of consecutive "
                f"queries. Received: rows {rows.start} to {rows.stop}, shape={block.shape}"
            )
        if block.dtype.kind not in "fiu":
            raise TypeError(f"distances must be real numbers. Received: dtype={block.dtype}")
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            row = rows.start + int(np.argmin(finite))
            raise ArgumentError(f"distances must be finite: those of query {row} are not all.")
        if block.dtype.kind != "f":
            block = block.astype(np.float64)
        done = min(rows.stop, num_query)
        yield rows, block
    if done != num_query:
        raise ArgumentError(f"distances must cover {num_query} queries. Received: {done}")


def _measure(counts, ranks, max_rank):
    """A `RankingResult` from the number of matches of each query and their ascending ranks."""
    starts = np.cumsum(counts) - counts
    valid = counts > 0
    hits = np.arange(1, len(ranks) + 1) - np.repeat(starts, counts)
    at_hit = hits / ranks
    before = np.where(ranks > 1, (hits - 1) / np.maximum(ranks - 1, 1), 1.0)
    first, precision, trapezoid, penalty = np.full((4, len(counts)), np.nan)
    first[valid] = ranks[starts[valid]]
    precision[valid] = np.add.reduceat(at_hit, starts[valid]) / counts[valid]
    trapezoid[valid] = np.add.reduceat((at_hit + before) / 2, starts[valid]) / counts[valid]
    penalty[valid] = at_hit[starts[valid] + counts[valid] - 1]
    firsts = first[valid].astype(np.int64)
    in_reach = np.bincount(firsts[firsts <= max_rank] - 1, minlength=max_rank)
    return RankingResult(
        cmc=np.cumsum(in_reach) / valid.sum(),
        mAP=float(precision[valid].mean()),
        mAP_trapezoid=float(trapezoid[valid].mean()),
        mINP=float(penalty[valid].mean()),
        num_valid_queries=int(valid.sum()),
        num_unmatched_queries=int((~valid).sum()),
        first_match=first,
        average_precision=precision,
        inverse_negative_penalty=penalty,
        num_matches=counts,
    )
