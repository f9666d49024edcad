"""Learning rate over the steps of a run."""

from typing import Any, Self

import keras
from keras import ops

from osnet_tf.errors import ArgumentError
from osnet_tf.types import Tensor


@keras.saving.register_keras_serializable(package="osnet_tf")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Multiplies a schedule by a ramp that rises from 1 / steps to 1.

    The schedule goes on underneath: after the warm-up it is where it would have been without.

    Args:
        schedule: A number or a `keras.optimizers.schedules.LearningRateSchedule`.
        steps: Steps of the warm-up, >= 1.

    Reference: Goyal et al. 2017 (arXiv 1706.02677), section 2.2.

    >>> [round(float(WarmUp(0.8, 4)(step)), 2) for step in (0, 1, 3, 9)]
    [0.2, 0.4, 0.8, 0.8]
    """

    def __init__(
        self, schedule: keras.optimizers.schedules.LearningRateSchedule, steps: int
    ) -> None:
        if steps < 1:
            raise ArgumentError(f"`steps` must be >= 1. Received: steps={steps}")
        self.schedule = schedule
        self.steps = int(steps)

    def __call__(self, step: Tensor) -> Tensor:
        rate = self.schedule(step) if callable(self.schedule) else self.schedule
        return rate * ops.minimum(1.0, (ops.cast(step, "float32") + 1.0) / self.steps)

    def get_config(self) -> dict[str, Any]:
        schedule = self.schedule
        if callable(schedule):
            schedule = keras.optimizers.schedules.serialize(schedule)
        return {"schedule": schedule, "steps": self.steps}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        schedule = config["schedule"]
        if isinstance(schedule, dict):
            schedule = keras.optimizers.schedules.deserialize(schedule)
        return cls(schedule, config["steps"])


def learning_rate_schedule(config, steps_per_epoch):
    """The schedule that a config asks for, in steps.

    Args:
        config: An `OptimizerConfig`: learning_rate, schedule, epochs, step_epochs, step_factor and
            warmup_epochs count.
        steps_per_epoch: >= 1.

    Returns:
        A callable from step to learning rate, or a number where it is constant. "cosine" falls
        from the rate to 0 at the last step; "step" is multiplied by `step_factor` after each of
        `step_epochs`.

    >>> from osnet_tf.training.config import OptimizerConfig
    >>> rate = learning_rate_schedule(
    ...     OptimizerConfig(schedule="step", learning_rate=1.0, step_epochs=(2,)), 10
    ... )
    >>> [round(float(rate(step)), 1) for step in (0, 19, 20)]
    [1.0, 1.0, 0.1]
    """
    if config.schedule == "cosine":
        schedule = keras.optimizers.schedules.CosineDecay(
            config.learning_rate, decay_steps=config.epochs * steps_per_epoch
        )
    elif config.schedule == "step":
        # PiecewiseConstantDecay keeps a value up to and including its boundary
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
            [epoch * steps_per_epoch - 1 for epoch in config.step_epochs],
            [
                config.learning_rate * config.step_factor**i
                for i in range(len(config.step_epochs) + 1)
            ],
        )
    else:
        schedule = config.learning_rate
    warmup_steps = round(config.warmup_epochs * steps_per_epoch)
    return WarmUp(schedule, warmup_steps) if warmup_steps else schedule
