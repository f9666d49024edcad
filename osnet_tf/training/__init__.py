"""Training: the config and its recipes (light), and the loop (which needs TensorFlow)."""

import importlib

from osnet_tf.config import ConfigError
from osnet_tf.training.config import TrainingConfig
from osnet_tf.training.recipes import RECIPES, make_config

_HOMES = {
    "AttributeTask": "attributes",
    "BestEvaluation": "best",
    "CheckpointError": "checkpoints",
    "Checkpoints": "checkpoints",
    "ClassificationTask": "classification",
    "DivergedError": "trainer",
    "FitResult": "fitting",
    "FusedAdam": "optimizers",
    "IdentityAndAttributesTask": "identity_and_attributes",
    "Interrupted": "interrupts",
    "MomentumSGD": "optimizers",
    "MovingAverage": "moving_average",
    "OpTime": "profiling",
    "ReidTask": "reid",
    "StepProfiler": "profiling",
    "Task": "task",
    "TaskScores": "task",
    "Trainer": "trainer",
    "TrainingStep": "step",
    "WarmUp": "schedules",
    "WorkerLostError": "workers",
    "Workers": "workers",
    "default_strategy": "devices",
    "fit": "fitting",
    "make_losses": "objective",
    "make_optimizer": "optimizers",
    "make_task": "tasks",
    "read_profile": "profiling",
    "step_names": "step",
    "sweep": "sweeping",
}

__all__ = ["RECIPES", "ConfigError", "TrainingConfig", "make_config", *_HOMES]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'osnet_tf.training' has no attribute {name!r}")
    return getattr(importlib.import_module(f"osnet_tf.training.{_HOMES[name]}"), name)
