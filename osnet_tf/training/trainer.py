"""The training loop: epochs, steps, callbacks, checkpoints, interruptions."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from osnet_tf.checks import check_int, check_number
from osnet_tf.errors import ArgumentError, OSNetError
from osnet_tf.training.checkpoints import CheckpointError, Checkpoints
from osnet_tf.training.interrupts import Interrupted, InterruptFlag
from osnet_tf.training.progress import Progress
from osnet_tf.training.results import StepLogs, fetch
from osnet_tf.training.step import TrainingStep
from osnet_tf.training.workers import Workers
from osnet_tf.types import PathLike


class DivergedError(OSNetError, ArithmeticError):
    """Loss, gradient or a weight became NaN or infinite. The last good checkpoint is kept."""


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
        checkpoint_minutes: Minutes after which a checkpoint is written within an epoch, >= 0;
            0: only at its end.
        fetch_every: Steps, >= 1, after which results are read from the device. So late is noticed
            that a run diverged (its message names the step), that it is time for a checkpoint and,
            with several hosts, that the run is to stop.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        strategy: tf.distribute.Strategy,
        *,
        checkpoint_dir: PathLike,
        keep_checkpoints: int,
        names: Sequence[str],
        state: Any = None,
        checkpoint_minutes: float = 0.0,
        fetch_every: int = 10,
    ) -> None:
        check_int(keep_checkpoints=keep_checkpoints, fetch_every=fetch_every)
        check_number(0, checkpoint_minutes=checkpoint_minutes)
        self._fetch_every = fetch_every
        self._checkpoint_seconds = 60.0 * checkpoint_minutes or math.inf
        self._saved = time.monotonic()
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
    def epochs_done(self) -> int:
        """Whole epochs trained."""
        return self.progress.epoch

    @property
    def stopped(self) -> bool:
        """Whether the run has come to its end before its last epoch."""
        return self.progress.stopped

    @property
    def latest_checkpoint(self) -> str | None:
        """Path of the newest checkpoint, or None."""
        return self._checkpoints.latest

    @property
    def passed_over(self) -> list[str]:
        """Paths of the damaged checkpoints that `restore` passed over, newest first."""
        return self._checkpoints.passed_over

    def restore(self) -> str | None:
        """Goes back to the newest whole checkpoint; returns its path, or None if there is none.

        Raises CheckpointError if every checkpoint is damaged, or hosts have read different ones.
        """
        path = self._checkpoints.restore()
        if not self.workers.same(self.progress.total_steps):
            raise CheckpointError(
                "The workers found different checkpoints: the run directory must be one folder "
                f"that all of them share. Received: {path}"
            )
        return path

    def save(self) -> str | None:
        """Writes a checkpoint, numbered by the run's steps; returns its path.

        On several hosts all have to call it.

        Raises DivergedError, and writes nothing, if a weight is NaN or infinite; CheckpointError if
        it cannot be written.
        """
        variables = self.model.variables
        finite = tf.stack([tf.reduce_all(tf.math.is_finite(v.value)) for v in variables])
        for variable, good in zip(variables, finite.numpy(), strict=True):
            if not good:
                raise DivergedError(self._diverged(f"weight {variable.path} is not finite"))
        if self.workers.is_chief:
            self._checkpoints.save(self.progress.total_steps)
        self.workers.wait()
        self._saved = time.monotonic()
        return self.latest_checkpoint

    def fit(
        self,
        epochs: int,
        step_for: Callable[[int], TrainingStep],
        data_for: Callable[..., tf.data.Dataset],
        *,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        evaluate: Callable[[int], Any] | None = None,
    ) -> None:
        """Trains until `epochs` epochs are done, or something says that it is enough.

        It is enough when `evaluate` says so, or a callback sets `model.stop_training`, as Keras's
        `EarlyStopping` does; after a step, the epoch ends there. A run that has ended so stays at
        its end: the checkpoint says it too.

        Callbacks see as logs of a step its own results, each read from the device only if asked
        for; as logs of an epoch the means over its steps, and `learning_rate` (of its first step),
        `seconds`, `images_per_second`, `input_wait` (share of the time spent waiting for data) and
        what `evaluate` returned.

        Args:
            epochs: Epochs in all, those before a resume counted in.
            step_for: epoch -> `TrainingStep`.
            data_for: (epoch, first step, part) -> `tf.data.Dataset` of the batches that remain, of
                each the part `(index, count)` that one host trains on.
            callbacks: Keras callbacks, run in their order; the checkpoint is written after them.
            evaluate: epoch -> (dict of numbers for the epoch's logs, whether to stop); may be None.

        Raises:
            Interrupted: after SIGINT or SIGTERM on any host, with the checkpoint written.
            DivergedError: the loss, its gradient or a weight is not finite; nothing was
                overwritten.
            CheckpointError: a checkpoint cannot be written; older ones are as they were.
            WorkerLostError: another host of the run ended.
        """
        listeners = keras.callbacks.CallbackList(
            list(callbacks), model=self.model, epochs=epochs, verbose=0
        )
        self.model.stop_training = False
        self.model.optimizer = self.optimizer  # where Keras's callbacks look for the rate
        self._saved = time.monotonic()
        listeners.on_train_begin()
        try:
            with (
                InterruptFlag() as interrupt,
                self.workers.naming_lost(lambda: self.latest_checkpoint),
            ):
                while self.epochs_done < epochs and not self.stopped:
                    self._epoch(step_for, data_for, listeners, evaluate, interrupt)
        finally:
            listeners.on_train_end()

    def _epoch(self, step_for, data_for, callbacks, evaluate, interrupt):
        epoch = self.epochs_done
        callbacks.on_epoch_begin(epoch, {"step": self.progress.step})
        if self.progress.step == 0:
            rate = float(tf.convert_to_tensor(self.optimizer.learning_rate))
            self.progress.learning_rate = rate
        times = self._steps(step_for(epoch), data_for, callbacks, interrupt)
        logs = {**self.progress.means(), "learning_rate": self.progress.learning_rate, **times}
        enough = False
        if evaluate is not None:
            measured, enough = evaluate(epoch)
            logs.update(measured)
        callbacks.on_epoch_end(epoch, logs)
        self.progress.end_epoch(self.workers.any(enough or self.model.stop_training))
        self.save()
        if self.workers.any(interrupt.received):
            raise Interrupted(interrupt.received or "SIGTERM", self.latest_checkpoint)

    def _steps(self, step, data_for, callbacks, interrupt):
        """The epoch's steps that remain; returns how long they took."""
        start, images, waited = time.perf_counter(), 0, 0.0
        number, unread = self.progress.step, []
        batches = iter(self._distributed(data_for, self.epochs_done, number))
        enough = False
        while not enough:
            asked = time.perf_counter()
            batch = next(batches, None)
            waited += time.perf_counter() - asked
            if batch is None:
                break
            # Keras's own list of callbacks would read every result for each of them
            for callback in callbacks.callbacks:
                callback.on_train_batch_begin(number)
            results = step(*batch)
            unread.append(results)
            parts = self._strategy.experimental_local_results(batch[0])
            images += self.workers.count * sum(part.shape[0] for part in parts)
            for callback in callbacks.callbacks:
                callback.on_train_batch_end(number, StepLogs(results))
            number += 1
            # One host may stop after any step; several ask each other only now and then
            stop = interrupt.received or self.model.stop_training
            if number % self._fetch_every == 0 or (stop and self.workers.count == 1):
                self._fetch(unread)
                enough = self._look_up(interrupt)
        self._fetch(unread)
        seconds = max(time.perf_counter() - start, 1e-9)
        return {
            "seconds": seconds,
            "images_per_second": images / seconds,
            "input_wait": waited / seconds,
        }

    def _fetch(self, unread):
        """Reads the results of the steps since the last time, and counts them.

        Raises DivergedError, which names the step, for a loss or a gradient that is not finite.
        """
        for results in fetch(unread):
            for name in ("loss", "gradient_norm"):
                if not math.isfinite(results.get(name, 0.0)):
                    what = f"{name} is {results[name]} in step {self.progress.step + 1}"
                    raise DivergedError(self._diverged(what))
            self.progress.add(results)
        unread.clear()

    def _look_up(self, interrupt):
        """Whether the epoch ends here; on the way a checkpoint, where it is time for one."""
        late = self.workers.is_chief and time.monotonic() - self._saved >= self._checkpoint_seconds
        told, enough, late = self.workers.any_of(
            [interrupt.received, self.model.stop_training, late]
        )
        if told:
            raise Interrupted(interrupt.received or "SIGTERM", self.save())
        if late:
            self.save()
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
