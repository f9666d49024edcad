"""From a config and a task to a trained and evaluated model in a run directory."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.config import ConfigError
from osnet_tf.data.decoding import check_images
from osnet_tf.data.pipeline import DecodedImages, naming_bad_images, training_dataset
from osnet_tf.errors import ArgumentError
from osnet_tf.files import write_json
from osnet_tf.progress_bar import progress_bar
from osnet_tf.runs import RunDir
from osnet_tf.training.batch_plan import BatchPlan
from osnet_tf.training.callbacks import MetricsCSV, ProgressBar, TensorBoard
from osnet_tf.training.config import TrainingConfig
from osnet_tf.training.devices import default_strategy
from osnet_tf.training.images_by_size import ImagesBySize
from osnet_tf.training.judge import Judge
from osnet_tf.training.learner import Learner
from osnet_tf.training.profiling import StepProfiler
from osnet_tf.training.run_record import RunRecord, check_same_settings, holding
from osnet_tf.training.shared_embedding import SharedEmbedding
from osnet_tf.training.task import Task
from osnet_tf.training.tasks import make_task
from osnet_tf.training.trainer import Trainer
from osnet_tf.training.workers import Workers
from osnet_tf.types import PathLike


@dataclass(frozen=True)
class FitResult:
    """What a run has come to.

    Attributes:
        score: The task's score of the last epoch's model: for re-identification, mAP.
        score_name: Its name.
        results: The dict of `results.json`: what the task's evaluation found; `best`, the epoch and
            score of the best evaluation, where `evaluate_every` is set; `others`, what was found
            on the datasets of `target`.
        text: The results as the command prints them.
    """

    score: float
    score_name: str
    results: dict
    text: str


def fit(
    config: TrainingConfig,
    run_dir: PathLike,
    *,
    dataset: Any = None,
    task: Task | None = None,
    resume: bool = False,
    strategy: tf.distribute.Strategy | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    profile: bool = False,
    show_progress: bool = False,
    notify: Callable[[str], Any] | None = None,
) -> FitResult | None:
    """Trains, saves and evaluates what a config describes.

    Whatever can be known beforehand is checked before the first step: settings, folders, that every
    image can be read, that the test set can be evaluated. What was trained is saved, as
    `embedder.keras` and as a checkpoint, before it is evaluated.

    The run directory is left with `config.json` and `run.json`, `metrics.csv` (a line each epoch),
    `tensorboard/`, `checkpoints/`, `embedder.keras` (RGB 0..255 in, embedding out),
    `best_embedder.keras` (by the task's score, where `evaluate_every` is set) and `results.json`.

    Args:
        config: A `TrainingConfig`. With `resume` it must be the run's own.
        run_dir: Directory of the run; made here, or one that holds a run, to resume it. Several
            hosts share it; no two processes of one host can.
        dataset: A dataset of one's own, in place of the one that the config names.
        task: A `Task`; that of the dataset's kind (see `osnet_tf.training.make_task`) if None.
        resume: Go on from the newest checkpoint in `run_dir` that is whole.
        strategy: A `tf.distribute.Strategy`; `default_strategy(config.run.devices)` if None.
        callbacks: More Keras callbacks; they see the same logs as `metrics.csv`.
        profile: Record a few steps with TensorFlow's profiler, into `tensorboard/`.
        show_progress: Progress bars on stderr.
        notify: None, or a function that is given a line of text about what is out of the ordinary:
            a damaged checkpoint that was passed over, an early stop.

    Returns:
        A `FitResult`; None on a host that is not the chief.

    Raises:
        ConfigError: the config does not fit the data or the number of replicas; with `resume`, it
            is not the run's own.
        ArgumentError: both a dataset and a task, or Keras runs on another backend than TensorFlow.
        RunDirError: a run lies there already, or none to resume, or one on other data; or it was
            removed while it went on.
        InUseError: another process trains there.
        WriteError: the run directory cannot be written to.
        CheckpointError: no checkpoint can be read, or one cannot be written.
        DatasetNotFoundError, DatasetLayoutError, ImageError: the data are missing or damaged.
        DivergedError: NaN. Interrupted: SIGINT or SIGTERM, after the checkpoint.
        WorkerLostError: another host ended.

    >>> import tempfile
    >>> from osnet_tf.data import generate_demo
    >>> from osnet_tf.training import make_config
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     demo = generate_demo(folder, train_identities=4, test_identities=2)
    ...     small = {"height": 32, "width": 16, "streams": 1, "epochs": 1}
    ...     result = fit(make_config("demo", **small), f"{folder}/run", dataset=demo)
    >>> result.score_name, result.score == result.results["euclidean"]["mAP"]
    ('mAP', True)
    """
    if keras.backend.backend() != "tensorflow":
        raise ArgumentError(
            "Training is made for Keras's TensorFlow backend: start it with "
            f"KERAS_BACKEND=tensorflow. Received: KERAS_BACKEND={keras.backend.backend()}"
        )
    if dataset is not None and task is not None:
        raise ArgumentError("Give either dataset or task: a task has its own data")
    config = config.with_absolute_paths()
    if dataset is not None:
        config = config.replace(dataset=dataset.name)
    folder = RunDir(run_dir)
    strategy = strategy or default_strategy(config.run.devices)
    is_chief = Workers(strategy).is_chief
    if resume:
        check_same_settings(folder, config.to_dict())
    elif is_chief:
        folder.check_unused()
    task = task or make_task(config, dataset)
    with holding(folder) if is_chief else contextlib.nullcontext():
        run = _Run(config, task, folder, strategy, show_progress, notify or _say_nothing)
        return run.go(resume, callbacks, profile)


class _Run:
    """What the parts of a run have in common."""

    def __init__(self, config, task, folder, strategy, show_progress, notify):
        self.config = config
        self.task = task
        self.dir = folder
        self.strategy = strategy
        self.workers = Workers(strategy)
        self.show_progress = show_progress and self.workers.is_chief
        self.notify = notify
        self.plan = BatchPlan(
            _groups(task, config.data.instances),
            batch_size=config.data.batch_size,
            instances=config.data.instances,
            replicas=strategy.num_replicas_in_sync,
            accumulation=config.optimizer.accumulation,
            seed=config.run.seed,
        )

    def go(self, resume, callbacks, profile):
        """Everything from the model to the results, which the chief returns."""
        keras.utils.set_random_seed(self.config.run.seed)
        if self.config.run.deterministic:
            tf.config.experimental.enable_op_determinism()
        self._build()
        if resume:
            for line in self.record.differences():
                self.notify(line)
        with self.workers.naming_lost(lambda: self.trainer.latest_checkpoint):
            if resume:
                self._restore()
            epochs = self.config.optimizer.epochs
            ahead = self.trainer.epochs_done < epochs and not self.trainer.stopped
            images = self._look_at_images() if ahead else None
            if self.workers.is_chief and not resume:  # what failed so far leaves no run behind
                self.dir.create(self.config.to_dict())
                self.record.write()
            if ahead:
                self._train(images, callbacks, profile)
            result = self._finish() if self.workers.is_chief else self.judge.assist()
            self.workers.wait()  # for the chief, who writes: one that left early would stop it
        return result

    def _build(self):
        """Makes what learns, and what trains and judges it."""
        config = self.config
        self.learner = Learner(config, self.task, self.strategy, self.plan.steps)
        self.judge = Judge(
            self.task,
            config.evaluation,
            config.optimizer.epochs,
            self.dir,
            self.learner.for_use,
            strategy=self.strategy if self.strategy.num_replicas_in_sync > 1 else None,
            show_progress=self.show_progress,
            hosts=self._hosts(),
        )
        self.record = RunRecord(
            self.dir,
            self.task,
            self.plan.steps,
            self.strategy.num_replicas_in_sync,
            self.learner.distillation.fingerprints,
        )
        average = self.learner.average
        self.trainer = Trainer(
            self.learner.model,
            self.learner.optimizer,
            self.strategy,
            checkpoint_dir=self.dir.checkpoints,
            keep_checkpoints=config.run.keep_checkpoints,
            checkpoint_minutes=config.run.checkpoint_minutes,
            names=self.learner.names,
            state={"best": self.judge.best, **({"average": average.state} if average else {})},
        )

    def _hosts(self):
        if self.workers.count == 1:
            return None
        return SharedEmbedding(self.workers, self.dir.evaluation / "shares")

    def _restore(self):
        self.trainer.restore()
        for path in self.trainer.passed_over:
            self.notify(f"{path} is damaged: passed over for an older checkpoint")

    def _look_at_images(self):
        """Reads every image that the run needs; returns those of training, decoded if they fit."""
        self.task.check(show_progress=self.show_progress)
        paths = [sample.path for sample in self.task.samples]
        budget = int(self.config.run.cache_gib * 2**30)
        with progress_bar(self.show_progress, len(paths), "decoding") as count:
            images = DecodedImages(paths, self.config.model.size, budget=budget, progress=count)
            if images.pixels is None:
                check_images(paths, progress=count)
        return images

    def _train(self, images, callbacks, profile):
        """Trains to the last epoch, or until evaluations get no better."""
        targets = {**self.task.targets(self.task.samples), **self._of_teachers(images.paths)}
        sized = ImagesBySize(images, self.config)
        seed = self.config.run.seed

        def data_for(epoch, start_step, part):
            order = {"seed": seed, "epoch": epoch, "start_step": start_step, "part": part}
            found, augmentation = sized(epoch)
            return training_dataset(
                found, targets, self.plan(epoch), augmentation=augmentation, **order
            )

        with naming_bad_images(images.paths):
            self.trainer.fit(
                self.config.optimizer.epochs,
                self.learner.step_for,
                data_for,
                callbacks=[*self._callbacks(data_for, profile), *callbacks],
                evaluate=self._evaluate,
            )

    def _of_teachers(self, paths):
        """What the teachers say of the clean images, if that is what is to be imitated."""
        distillation, config = self.learner.distillation, self.config
        if distillation.in_step or not config.distillation.teachers:
            return {}
        count = len(paths) * len(config.distillation.teachers)
        with progress_bar(self.show_progress, count, "asking the teachers") as progress:
            return distillation.of_files(
                paths,
                batch_size=config.evaluation.evaluation_batch_size,
                flip_test=config.augmentation.flip,
                progress=progress,
            )

    def _callbacks(self, data_for, profile):
        trainer, figures, found = self.trainer, self.task.figures, []
        if self.workers.is_chief:
            names = [*trainer.progress.sums, "learning_rate", "seconds", "images_per_second"]
            columns = [*names, "input_wait", *figures]
            found += [
                _StillThere(self.dir),
                MetricsCSV(self.dir.metrics_csv, columns, trainer.epochs_done),
                TensorBoard(
                    self.dir.tensorboard,
                    lambda epoch: next(iter(data_for(epoch, 0, (0, 1))))[0],
                    figures,
                ),
            ]
            if profile:
                found.append(StepProfiler(self.dir.tensorboard))
        if self.show_progress:
            images, epochs = self.config.data.batch_size, self.config.optimizer.epochs
            shown = [*self.learner.metrics, *figures]
            found.append(ProgressBar(images, self.plan.steps, epochs, shown))
        return found

    def _evaluate(self, epoch):
        """(figures for the epoch's logs, whether to stop). What the chief decides, all hear."""
        if not self.judge.is_due(epoch + 1):
            return {}, False
        self.trainer.save()  # a resumed run will begin with the evaluation, if this one fails
        figures = self.judge.judge(epoch + 1) if self.workers.is_chief else self.judge.assist()
        return figures or {}, self.workers.from_chief(self.judge.has_enough) > 0

    def _finish(self):
        epochs, task = self.trainer.epochs_done, self.task
        if self.judge.has_enough:
            patience = self.config.evaluation.patience
            self.notify(
                f"Stopped after epoch {epochs}: no better {task.score} in {patience} evaluations"
            )
        score, results = self.judge.finish(epochs)
        self.dir.check_there()
        write_json(self.dir.results_json, results)
        return FitResult(score, task.score, results, task.describe(results))


class _StillThere(keras.callbacks.Callback):
    """Ends a run whose directory was removed: what it went on to write would be lost."""

    def __init__(self, folder):
        super().__init__()
        self._folder = folder

    def on_epoch_end(self, epoch, logs=None):
        self._folder.check_there()


def _groups(task, instances):
    """What P x K batches group the images by; anything where the images are drawn at random."""
    groups = task.groups
    if groups is None and instances:
        rule = f"must be 0: the task {task.name} has no groups that a batch could be made of"
        raise ConfigError("instances", rule, instances)
    return np.arange(len(task.samples)) if groups is None else groups


def _say_nothing(_text):
    pass
