"""Training: the config and its recipes (light), and the loop (which needs TensorFlow)."""

import importlib

from osnet_tf.config import ConfigError
from osnet_tf.training.config import TrainingConfig
from osnet_tf.training.recipes import RECIPES, make_config

_HOMES = {
    "DivergedError": "trainer",
    "FusedAdam": "optimizers",
    "Interrupted": "interrupts",
    "MovingAverage": "moving_average",
    "RunDir": "run_dir",
    "RunDirError": "run_dir",
    "Trainer": "trainer",
    "TrainingStep": "step",
    "WarmUp": "schedules",
    "fit": "fit",
    "make_losses": "fit",
    "make_optimizer": "optimizers",
}

__all__ = ["RECIPES", "ConfigError", "TrainingConfig", "make_config", *_HOMES]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'osnet_tf.training' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"osnet_tf.training.{_HOMES[name]}"), name)
    globals()[name] = value  # `fit` is a module too: the function must win
    return value
