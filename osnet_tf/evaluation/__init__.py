"""Evaluation: the config of a protocol (light), and what runs it (which needs TensorFlow)."""

import importlib

from osnet_tf.evaluation.config import EvaluationConfig

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
