"""Training: the config and its recipes (light), and the loop (which needs TensorFlow)."""

import importlib
from typing import TYPE_CHECKING

from osnet_tf.config import ConfigError
from osnet_tf.training.config import TrainingConfig
from osnet_tf.training.recipes import RECIPES, make_config

if TYPE_CHECKING:
    from osnet_tf.training.attributes import AttributeTask as AttributeTask
    from osnet_tf.training.best import BestEvaluation as BestEvaluation
    from osnet_tf.training.checkpoints import CheckpointError as CheckpointError
    from osnet_tf.training.checkpoints import Checkpoints as Checkpoints
    from osnet_tf.training.classification import ClassificationTask as ClassificationTask
    from osnet_tf.training.devices import default_strategy as default_strategy
    from osnet_tf.training.fitting import FitResult as FitResult
    from osnet_tf.training.fitting import fit as fit
    from osnet_tf.training.identity_and_attributes import (
        IdentityAndAttributesTask as IdentityAndAttributesTask,
    )
    from osnet_tf.training.interrupts import Interrupted as Interrupted
    from osnet_tf.training.moving_average import MovingAverage as MovingAverage
    from osnet_tf.training.objective import make_losses as make_losses
    from osnet_tf.training.optimizers import FusedAdam as FusedAdam
    from osnet_tf.training.optimizers import MomentumSGD as MomentumSGD
    from osnet_tf.training.optimizers import make_optimizer as make_optimizer
    from osnet_tf.training.profiling import OpTime as OpTime
    from osnet_tf.training.profiling import StepProfiler as StepProfiler
    from osnet_tf.training.profiling import read_profile as read_profile
    from osnet_tf.training.reid import ReidTask as ReidTask
    from osnet_tf.training.schedules import WarmUp as WarmUp
    from osnet_tf.training.step import TrainingStep as TrainingStep
    from osnet_tf.training.step import step_names as step_names
    from osnet_tf.training.sweeping import sweep as sweep
    from osnet_tf.training.task import Task as Task
    from osnet_tf.training.task import TaskScores as TaskScores
    from osnet_tf.training.tasks import make_task as make_task
    from osnet_tf.training.trainer import DivergedError as DivergedError
    from osnet_tf.training.trainer import Trainer as Trainer
    from osnet_tf.training.workers import WorkerLostError as WorkerLostError
    from osnet_tf.training.workers import Workers as Workers

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
