"""The training loop: epochs, steps, callbacks, checkpoints, interruptions."""

import math
import time

import keras
import tensorflow as tf

from osnet_tf.training.callbacks import SaveCheckpoint
from osnet_tf.training.interrupts import Interrupted, InterruptFlag
from osnet_tf.training.progress import Progress


class DivergedError(ArithmeticError):
    """The loss or a weight became NaN or infinite. The last good checkpoint is kept."""


class Trainer:
    """Runs epochs of steps and keeps checkpoints, over any `tf.distribute` strategy.

    A checkpoint holds weights, optimizer, epoch, step and the sums of the epoch under way. The
    batches of an epoch depend on its number only, so a run that was interrupted in the middle of
    one goes on with the next batch.

    Args:
        model: The model that is trained, built.
        optimizer: Its optimizer. It is built here, before anything is restored.
        strategy: The strategy in whose scope both were made.
        checkpoint_dir: Folder of the checkpoints.
        keep_checkpoints: How many to keep, >= 1.
        loss_names: Names of the results that the steps return.
        average: The `MovingAverage` that the steps update, to be kept too; may be None.
    """

    def __init__(
        self,
        model,
        optimizer,
        strategy,
        *,
        checkpoint_dir,
        keep_checkpoints,
        loss_names,
        average=None,
    ):
        self.model = model
        self.optimizer = optimizer
        self._strategy = strategy
        with strategy.scope():
            optimizer.build(model.trainable_variables)
            self.progress = Progress(loss_names)
        # Variables by their paths: TensorFlow's own walk over a Keras model misses most of the
        # layers inside layers, and says nothing
        self._checkpoint = tf.train.Checkpoint(
            weights=_by_path(model.variables),
            # without the optimizer's own name, which Keras numbers through in a process
            optimizer=_by_path(optimizer.variables, prefix=f"{optimizer.name}/"),
            progress=self.progress,
            **({} if average is None else {"average": average.state}),
        )
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(checkpoint_dir), max_to_keep=keep_checkpoints
        )

    @property
    def epochs_done(self):
        """Whole epochs trained."""
        return int(self.progress.epoch)

    @property
    def latest_checkpoint(self):
        """Path of the newest checkpoint, or None."""
        return self._manager.latest_checkpoint

    def restore(self):
        """Goes back to the newest checkpoint; returns its path, or None where there is none."""
        path = self._manager.latest_checkpoint
        if path is not None:
            self._checkpoint.restore(path).assert_consumed()
        return path

    def save(self):
        """Writes a checkpoint, numbered by the optimizer's steps; returns its path.

        Raises DivergedError, and writes nothing, if a weight is NaN or infinite.
        """
        for variable in self.model.variables:
            if not bool(tf.reduce_all(tf.math.is_finite(variable.value))):
                raise DivergedError(self._diverged(f"weight {variable.path} is not finite"))
        return self._manager.save(checkpoint_number=int(self.optimizer.iterations))

    def fit(self, epochs, step_for, data_for, *, callbacks=(), evaluate=None):
        """Trains until `epochs` epochs are done.

        Args:
            epochs: Epochs in all, those before a resume counted in.
            step_for: epoch -> `TrainingStep`.
            data_for: (epoch, first step) -> `tf.data.Dataset` of the batches that remain.
            callbacks: Keras callbacks, run in their order; the checkpoint is written after them.
            evaluate: epoch -> dict of numbers for the epoch's logs; may be None.

        Raises:
            Interrupted: after SIGINT or SIGTERM, with the checkpoint written.
            DivergedError: the loss or a weight is not finite; nothing was overwritten.
        """
        callbacks = keras.callbacks.CallbackList(
            [*callbacks, SaveCheckpoint(self._save_epoch)], model=self.model
        )
        callbacks.on_train_begin()
        try:
            with InterruptFlag() as interrupt:
                while self.epochs_done < epochs:
                    self._epoch(step_for, data_for, callbacks, evaluate, interrupt)
        finally:
            callbacks.on_train_end()

    def _epoch(self, step_for, data_for, callbacks, evaluate, interrupt):
        epoch, first = self.epochs_done, int(self.progress.step)
        step = step_for(epoch)
        data = self._strategy.experimental_distribute_dataset(data_for(epoch, first))
        callbacks.on_epoch_begin(epoch, {"step": first})
        rate = float(self.optimizer.learning_rate)  # the epoch's first
        start, images_seen = time.perf_counter(), 0
        for number, (images, labels) in enumerate(data, start=first):
            results = {name: float(value) for name, value in step(images, labels).items()}
            if not math.isfinite(results["loss"]):
                raise DivergedError(
                    self._diverged(f"the loss is {results['loss']} in step {number + 1}")
                )
            self.progress.add(results)
            images_seen += sum(
                part.shape[0] for part in self._strategy.experimental_local_results(labels)
            )
            callbacks.on_train_batch_end(number, results)
            if interrupt.received:
                raise Interrupted(interrupt.received, self.save())
        seconds = time.perf_counter() - start
        logs = self.progress.means()
        logs["learning_rate"] = rate
        logs["seconds"] = seconds
        logs["images_per_second"] = images_seen / max(seconds, 1e-9)
        if evaluate is not None:
            logs.update(evaluate(epoch))
        callbacks.on_epoch_end(epoch, logs)
        if interrupt.received and self.latest_checkpoint:
            raise Interrupted(interrupt.received, self.latest_checkpoint)

    def _save_epoch(self):
        self.progress.next_epoch()
        self.save()

    def _diverged(self, what):
        kept = self.latest_checkpoint or "none yet"
        return (
            f"Training diverged in epoch {self.epochs_done + 1}: {what}. "
            f"A lower learning rate or a longer warm-up usually helps. Last good checkpoint: {kept}"
        )


def _by_path(variables, prefix=""):
    by_path = {variable.path.removeprefix(prefix): variable.value for variable in variables}
    if len(by_path) < len(variables):
        paths = [variable.path for variable in variables]
        twice = sorted({path for path in paths if paths.count(path) > 1})
        raise ValueError(f"Two variables have the same path. Received: {twice}")
    return by_path
