"""How fast the training loop is, what reading its results costs, and how fast PyTorch is."""

import tempfile
import time
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.checks import check_int
from osnet_tf.losses import LabelSmoothedCrossEntropy, LossTerm, WeightedLosses
from osnet_tf.models import OSNet, add_classifier
from osnet_tf.public_code import public_step
from osnet_tf.training.optimizers import FusedAdam
from osnet_tf.training.step import TrainingStep
from osnet_tf.training.trainer import Trainer

_CLASSES = 751


class StepRate(NamedTuple):
    """How fast one way of running the loop was.

    Attributes:
        name: What was run.
        images_per_second: The median of the repeats.
        span: The slowest and the fastest of them.
    """

    name: str
    images_per_second: float
    span: tuple[float, float]


class _Rates(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.found = []

    def on_epoch_end(self, epoch, logs=None):
        self.found.append(logs["images_per_second"])


def measure_step_rate(
    preset="osnet_x0_25", size=(128, 64), *, batch_size=64, steps=20, repeats=3, public_code=None
):
    """Trains on made-up images with the whole loop, its results read now and then, and each step.

    Beside it, with `public_code`, bare steps of the authors' network in PyTorch.

    The ways take turns, so that what else the machine does falls on all of them alike.

    Args:
        preset: Architecture.
        size: `(height, width)`.
        batch_size: Images in a step.
        steps: Steps in an epoch, which is what is timed.
        repeats: Epochs of each way; the first, in which TensorFlow builds the step, does not count.
        public_code: A checkout of KaiyangZhou/deep-person-reid, for PyTorch, eager and compiled.

    Returns:
        List of `StepRate`: results read every ten steps, and every step; those of PyTorch.

    Raises ArgumentError for a number that is no integer >= 1.

    >>> measure_step_rate(steps=0)
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: `steps` must be an integer >= 1. Received: steps=0
    """
    check_int(batch_size=batch_size, steps=steps, repeats=repeats)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch_size, *size, 3), dtype="uint8")
    targets = {"identity": rng.integers(0, _CLASSES, batch_size, dtype="int32")}
    data = tf.data.Dataset.from_tensors((images, targets)).repeat(steps)
    losses = WeightedLosses([LossTerm("logits", "identity", LabelSmoothedCrossEntropy())])
    model = add_classifier(OSNet(preset, input_shape=(*size, 3)), _CLASSES)
    optimizer, strategy = FusedAdam(1e-4), tf.distribute.get_strategy()
    step = TrainingStep(model, losses, optimizer, strategy)
    names = {10: "results read every 10 steps", 1: "results read every step"}
    rates = {every: _Rates() for every in names}
    with tempfile.TemporaryDirectory() as folder:
        trainers = {
            every: Trainer(
                model,
                optimizer,
                strategy,
                checkpoint_dir=f"{folder}/{every}",
                keep_checkpoints=1,
                names=step.names,
                fetch_every=every,
            )
            for every in names
        }
        public = {
            name: public_step(
                public_code, preset, images, targets["identity"], compiled="compiled" in name
            )
            for name in (("PyTorch", "PyTorch, compiled") if public_code else ())
        }
        public_rates = {name: [] for name in public}
        for epoch in range(1, repeats + 2):
            for every, trainer in trainers.items():
                trainer.fit(epoch, lambda _: step, lambda *_: data, callbacks=[rates[every]])
            for name, function in public.items():
                public_rates[name].append(_rate(function, steps, batch_size))
    found = {names[every]: rates[every].found for every in names} | public_rates
    return [
        StepRate(name, float(np.median(counted)), (min(counted), max(counted)))
        for name, (_, *counted) in found.items()
    ]


def _rate(step, steps, batch_size):
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return steps * batch_size / (time.perf_counter() - start)
