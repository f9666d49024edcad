"""Evaluation of re-identification: distances, ranking, verification, re-ranking.

NumPy only; re-ranking loads SciPy when it is called.
"""

from osnet_tf.metrics.distances import METRICS, distance_blocks, pairwise_distances
from osnet_tf.metrics.neighbors import nearest
from osnet_tf.metrics.ranking import RankingResult, rank, rank_distances
from osnet_tf.metrics.reranking import Reranker, rerank

__all__ = [
    "METRICS",
    "RankingResult",
    "Reranker",
    "distance_blocks",
    "nearest",
    "pairwise_distances",
    "rank",
    "rank_distances",
    "rerank",
]
