"""Evaluation of re-identification: distances, ranking, verification, re-ranking.

NumPy only; re-ranking loads SciPy when it is called.
"""

from osnet_tf.metrics.attributes import AttributeResult, recognise_attributes
from osnet_tf.metrics.calibration import (
    Calibration,
    calibration_path,
    read_calibrations,
    write_calibrations,
)
from osnet_tf.metrics.classification import top_k_accuracy
from osnet_tf.metrics.cuhk03 import SingleShotResult, rank_single_shot
from osnet_tf.metrics.distances import METRICS, distance_blocks, pairwise_distances
from osnet_tf.metrics.expansion import augment_gallery, expand_queries
from osnet_tf.metrics.neighbors import nearest
from osnet_tf.metrics.ranking import RankingResult, rank, rank_distances
from osnet_tf.metrics.reranking import Reranker, rerank
from osnet_tf.metrics.results import SplitAverage, average_splits, per_query, write_per_query
from osnet_tf.metrics.verification import VerificationResult, verify

__all__ = [
    "METRICS",
    "AttributeResult",
    "Calibration",
    "RankingResult",
    "Reranker",
    "SingleShotResult",
    "SplitAverage",
    "VerificationResult",
    "augment_gallery",
    "average_splits",
    "calibration_path",
    "distance_blocks",
    "expand_queries",
    "nearest",
    "pairwise_distances",
    "per_query",
    "rank",
    "rank_distances",
    "rank_single_shot",
    "read_calibrations",
    "recognise_attributes",
    "rerank",
    "top_k_accuracy",
    "verify",
    "write_calibrations",
    "write_per_query",
]
