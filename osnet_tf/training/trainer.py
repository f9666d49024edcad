"""The training loop: epochs, steps, callbacks, checkpoints, interruptions."""

import math
import time

import keras
import tensorflow as tf

from osnet_tf.errors import ArgumentError, OSNetError
from osnet_tf.training.callbacks import SaveCheckpoint
from osnet_tf.training.checkpoints import CheckpointError, Checkpoints
from osnet_tf.training.interrupts import Interrupted, InterruptFlag
from osnet_tf.training.progress import Progress
from osnet_tf.training.workers import Workers


class DivergedError(OSNetError, ArithmeticError):
    """The loss or a weight became NaN or infinite. The last good checkpoint is kept."""


class Trainer:
    """Runs epochs of steps and keeps checkpoints, over any `tf.distribute` strategy.

    A checkpoint holds weights, optimizer, epoch, step and the sums of the epoch under way. The
    batches of an epoch depend on its number only, so a run that was interrupted in the middle of
    one goes on with the next batch of it. On several hosts the chief alone writes.

    Args:
        model: The model that is trained, built.
        optimizer: Its optimizer. It is built here if it is not yet, before anything is restored.
        strategy: The strategy in whose scope both were made.
        checkpoint_dir: Folder of the checkpoints, the same for all hosts.
        keep_checkpoints: How many to keep, >= 1.
        names: Names of what the steps return, "loss" among them.
        state: More to keep in a checkpoint, by name (`tf.Module`s): the state of a `MovingAverage`.
    """

    def __init__(
        self,
        model,
        optimizer,
        strategy,
        *,
        checkpoint_dir,
        keep_checkpoints,
        names,
        state=None,
    ):
        self.model = model
        self.optimizer = optimizer
        self.workers = Workers(strategy)
        self._strategy = strategy
        if not optimizer.built:
            with strategy.scope():
                optimizer.build(model.trainable_variables)
        self.progress = Progress(names)  # each host counts for itself, and all alike
        # Variables by their paths: TensorFlow's own walk over a Keras model misses most of the
        # layers inside layers, and says nothing
        self._checkpoints = Checkpoints(
            checkpoint_dir,
            keep_checkpoints,
            weights=_by_path(model.variables),
            # without the optimizer's own name, which Keras numbers through in a process
            optimizer=_by_path(optimizer.variables, prefix=f"{optimizer.name}/"),
            progress=self.progress,
            **(state or {}),
        )

    @property
    def epochs_done(self):
        """Whole epochs trained."""
        return int(self.progress.epoch)

    @property
    def latest_checkpoint(self):
        """Path of the newest checkpoint, or None."""
        return self._checkpoints.latest

    @property
    def passed_over(self):
        """Paths of the damaged checkpoints that `restore` passed over, newest first."""
        return self._checkpoints.passed_over

    def restore(self):
        """Goes back to the newest whole checkpoint; returns its path, or None if there is none.

        Raises CheckpointError if every checkpoint is damaged, or hosts have read different ones.
        """
        path = self._checkpoints.restore()
        if not self.workers.same(int(self.progress.total_steps)):
            raise CheckpointError(
                "The workers found different checkpoints: the run directory must be one folder "
                f"that all of them share. Received: {path}"
            )
        return path

    def save(self):
        """Writes a checkpoint, numbered by the run's steps; returns its path.

        On several hosts all have to call it.

        Raises DivergedError, and writes nothing, if a weight is NaN or infinite; CheckpointError if
        it cannot be written.
        """
        for variable in self.model.variables:
            if not bool(tf.reduce_all(tf.math.is_finite(variable.value))):
                raise DivergedError(self._diverged(f"weight {variable.path} is not finite"))
        if self.workers.is_chief:
            self._checkpoints.save(int(self.progress.total_steps))
        self.workers.wait()
        return self.latest_checkpoint

    def fit(self, epochs, step_for, data_for, *, callbacks=(), evaluate=None):
        """Trains until `epochs` epochs are done, or `evaluate` says that it is enough.

        Args:
            epochs: Epochs in all, those before a resume counted in.
            step_for: epoch -> `TrainingStep`.
            data_for: (epoch, first step, part) -> `tf.data.Dataset` of the batches that remain, of
                each the part `(index, count)` that one host trains on.
            callbacks: Keras callbacks, run in their order; the checkpoint is written after them.
            evaluate: epoch -> (dict of numbers for the epoch's logs, whether to stop); may be None.

        Raises:
            Interrupted: after SIGINT or SIGTERM on any host, with the checkpoint written.
            DivergedError: the loss or a weight is not finite; nothing was overwritten.
            CheckpointError: a checkpoint cannot be written; older ones are as they were.
            WorkerLostError: another host of the run ended.
        """
        callbacks = keras.callbacks.CallbackList(
            [*callbacks, SaveCheckpoint(self._save_epoch)], model=self.model
        )
        callbacks.on_train_begin()
        enough = False
        try:
            with (
                InterruptFlag() as interrupt,
                self.workers.naming_lost(lambda: self.latest_checkpoint),
            ):
                while self.epochs_done < epochs and not enough:
                    enough = self._epoch(step_for, data_for, callbacks, evaluate, interrupt)
        finally:
            callbacks.on_train_end()

    def _epoch(self, step_for, data_for, callbacks, evaluate, interrupt):
        epoch, first = self.epochs_done, int(self.progress.step)
        step = step_for(epoch)
        callbacks.on_epoch_begin(epoch, {"step": first})
        rate = float(tf.convert_to_tensor(self.optimizer.learning_rate))  # the epoch's first
        start, images_seen, waited = time.perf_counter(), 0, 0.0
        batches = iter(self._distributed(data_for, epoch, first))
        number = first
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            waited += time.perf_counter() - asked
            if batch is None:
                break
            callbacks.on_train_batch_begin(number)
            results = {name: float(value) for name, value in step(*batch).items()}
            if not math.isfinite(results["loss"]):
                raise DivergedError(
                    self._diverged(f"the loss is {results['loss']} in step {number + 1}")
                )
            self.progress.add(results)
            images_seen += self.workers.count * sum(
                part.shape[0] for part in self._strategy.experimental_local_results(batch[0])
            )
            callbacks.on_train_batch_end(number, results)
            number += 1
            if self.workers.any(interrupt.received):
                raise Interrupted(interrupt.received or "SIGTERM", self.save())
        seconds = time.perf_counter() - start
        logs = self.progress.means()
        logs["learning_rate"] = rate
        logs["seconds"] = seconds
        logs["images_per_second"] = images_seen / max(seconds, 1e-9)
        logs["input_wait"] = waited / max(seconds, 1e-9)
        enough = False
        if evaluate is not None:
            measured, enough = evaluate(epoch)
            logs.update(measured)
        callbacks.on_epoch_end(epoch, logs)
        if self.workers.any(interrupt.received):
            raise Interrupted(interrupt.received or "SIGTERM", self.latest_checkpoint)
        return enough

    def _distributed(self, data_for, epoch, first):
        """This host's part of each batch, cut for its replicas."""

        def of_host(context):
            part = (context.input_pipeline_id, context.num_input_pipelines)
            data = data_for(epoch, first, part)
            replicas = context.num_replicas_in_sync // context.num_input_pipelines
            size = data.element_spec[0].shape[0]
            return data.rebatch(size // replicas) if replicas > 1 else data

        return self._strategy.distribute_datasets_from_function(of_host)

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
        raise ArgumentError(f"Two variables have the same path. Received: {twice}")
    return by_path
