"""Evaluation: the config of a protocol (light), and what runs it (which needs TensorFlow)."""

import importlib
from typing import TYPE_CHECKING

from osnet_tf.evaluation.config import EvaluationConfig

if TYPE_CHECKING:
    from osnet_tf.evaluation.averages import average_splits as average_splits
    from osnet_tf.evaluation.averages import mean_and_deviation as mean_and_deviation
    from osnet_tf.evaluation.callback import ReidEvaluation as ReidEvaluation
    from osnet_tf.evaluation.evaluating import evaluate as evaluate
    from osnet_tf.evaluation.evaluating import with_distractors as with_distractors
    from osnet_tf.evaluation.feature_cache import FeatureCache as FeatureCache
    from osnet_tf.evaluation.measures import evaluate_features as evaluate_features
    from osnet_tf.evaluation.preconditions import check_can_evaluate as check_can_evaluate
    from osnet_tf.evaluation.recognition import evaluate_predictor as evaluate_predictor
    from osnet_tf.evaluation.results import Evaluation as Evaluation
    from osnet_tf.evaluation.results import Scores as Scores
    from osnet_tf.evaluation.source import evaluate_source as evaluate_source
    from osnet_tf.evaluation.thresholds import calibrations_of as calibrations_of
    from osnet_tf.evaluation.thresholds import find_calibration as find_calibration

_HOMES = {
    "Evaluation": "results",
    "FeatureCache": "feature_cache",
    "ReidEvaluation": "callback",
    "Scores": "results",
    "average_splits": "averages",
    "calibrations_of": "thresholds",
    "check_can_evaluate": "preconditions",
    "evaluate": "evaluating",
    "evaluate_features": "measures",
    "evaluate_predictor": "recognition",
    "evaluate_source": "source",
    "find_calibration": "thresholds",
    "mean_and_deviation": "averages",
    "with_distractors": "evaluating",
}

__all__ = ["EvaluationConfig", *_HOMES]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'osnet_tf.evaluation' has no attribute {name!r}")
    return getattr(importlib.import_module(f"osnet_tf.evaluation.{_HOMES[name]}"), name)
