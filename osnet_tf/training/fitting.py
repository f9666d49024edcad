"""From a config to a trained and evaluated model in a run directory."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.config import ConfigError
from osnet_tf.data import combine_all, hold_out, load_dataset
from osnet_tf.data.augmentation import Augmentation
from osnet_tf.data.pipeline import DecodedImages, naming_bad_images, training_dataset
from osnet_tf.evaluation import FeatureCache, evaluate
from osnet_tf.files import whole_file, write_json
from osnet_tf.models import OSNet, add_classifier
from osnet_tf.progress_bar import progress_bar
from osnet_tf.runs import RunDir
from osnet_tf.training.batch_plan import BatchPlan
from osnet_tf.training.best import BestEvaluation
from osnet_tf.training.callbacks import MetricsCSV, ProgressBar, TensorBoard
from osnet_tf.training.moving_average import MovingAverage
from osnet_tf.training.objective import make_losses
from osnet_tf.training.optimizers import make_optimizer, slow_base
from osnet_tf.training.precision import dtype_policy
from osnet_tf.training.profiling import StepProfiler
from osnet_tf.training.step import TrainingStep, step_names
from osnet_tf.training.trainer import Trainer
from osnet_tf.training.workers import Workers


def _accuracy(targets, outputs):
    found = keras.ops.argmax(outputs["logits"], axis=-1)
    right = found == keras.ops.cast(targets["identity"], "int32")
    return keras.ops.mean(keras.ops.cast(right, "float32"))


_METRICS = {"accuracy": _accuracy}
_FIGURES = ("rank1", "mAP")


def default_strategy():
    """The strategy that the machine and TF_CONFIG call for.

    MultiWorkerMirroredStrategy where TF_CONFIG names several hosts, MirroredStrategy where there
    are several GPUs, TensorFlow's default otherwise.
    """
    cluster = tf.distribute.cluster_resolver.TFConfigClusterResolver().cluster_spec().as_dict()
    if sum(len(hosts) for hosts in cluster.values()) > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    gpus = tf.config.list_physical_devices("GPU")
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


def fit(
    config,
    run_dir,
    *,
    resume=False,
    strategy=None,
    callbacks=(),
    profile=False,
    show_progress=False,
    notify=None,
):
    """Trains, saves and evaluates what a config describes.

    The run directory is left with `config.json`, `metrics.csv` (a line each epoch), `tensorboard/`,
    `checkpoints/`, `embedder.keras` (RGB 0..255 in, embedding out), `best_embedder.keras` (by mAP,
    where `evaluate_every` is set) and `results.json` (the last epoch's model on query and gallery;
    the best one's epoch and mAP beside it, as `best`).

    Args:
        config: A `TrainingConfig`. With `resume` it must be the run's own.
        run_dir: Directory of the run; made here, or one that holds a run, to resume it. Several
            hosts share it.
        resume: Go on from the newest checkpoint in `run_dir` that is whole.
        strategy: A `tf.distribute.Strategy`; `default_strategy()` if None.
        callbacks: More Keras callbacks; they see the same logs as `metrics.csv`.
        profile: Record a few steps with TensorFlow's profiler, into `tensorboard/`.
        show_progress: Progress bars on stderr.
        notify: None, or a function that is given a line of text about what is out of the ordinary:
            a damaged checkpoint that was passed over, an early stop.

    Returns:
        The dict of `results.json`; on a host that is not the chief, an empty one.

    Raises:
        ConfigError: the config does not fit the dataset or the number of replicas.
        RunDirError: a run lies there already, or none to resume.
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
    ...     results = fit(make_config("demo", data_dir=folder, **small), f"{folder}/run")
    >>> 0.0 <= results["euclidean"]["mAP"] <= 1.0
    True
    """
    config = config.with_absolute_paths()
    strategy = strategy or default_strategy()
    run = _Run(config, RunDir(run_dir), strategy, show_progress, notify or _say_nothing)
    new = run.workers.is_chief and not resume
    if new:
        run.dir.check_unused()
    keras.utils.set_random_seed(config.run.seed)
    if config.run.deterministic:
        tf.config.experimental.enable_op_determinism()
    run.build()
    if new:  # only now: bad weights leave no run behind that would be in the next one's way
        run.dir.create(config.to_dict())
    with run.workers.naming_lost(lambda: run.trainer.latest_checkpoint):
        if resume:
            run.restore()
        if run.trainer.epochs_done < config.optimizer.epochs and not run.stopped_early:
            run.train(callbacks, profile)
        results = run.finish()
        run.workers.wait()  # for the chief, who evaluates: a host that leaves early would stop it
    return results


class _Run:
    """What the parts of a run have in common."""

    def __init__(self, config, run_dir, strategy, show_progress, notify):
        self.config = config
        self.dir = run_dir
        self.strategy = strategy
        self.workers = Workers(strategy)
        self.show_progress = show_progress and self.workers.is_chief
        self.notify = notify
        self.dataset = _load_dataset(config)
        pids = [sample.pid for sample in self.dataset.train]
        self.plan = BatchPlan(
            pids,
            batch_size=config.data.batch_size,
            instances=config.data.instances,
            replicas=strategy.num_replicas_in_sync,
            accumulation=config.optimizer.accumulation,
            seed=config.run.seed,
        )
        self.latest = {}

    def build(self):
        """Makes model, optimizer and trainer."""
        config = self.config
        with self.strategy.scope():
            with dtype_policy(config.optimizer.precision):
                self.embedder = self._make_embedder(config.model.weights or None)
                model = add_classifier(
                    self.embedder,
                    self.dataset.num_train_pids,
                    head="linear" if config.losses.head == "linear" else "cosine",
                    centers=config.losses.center_weight > 0,
                )
            optimizer = make_optimizer(config.optimizer, self.plan.steps)
            if config.optimizer.base_rate_factor != 1.0:
                slow_base(optimizer, model, self.embedder, config.optimizer.base_rate_factor)
        self.best = BestEvaluation()
        state = {"best": self.best}
        self.average = None
        if config.optimizer.average_decay:
            self.average = MovingAverage(
                model.variables, config.optimizer.average_decay, dynamic=True
            )
            state["average"] = self.average.state
        self.losses = make_losses(config.losses)
        self.trainer = Trainer(
            model,
            optimizer,
            self.strategy,
            checkpoint_dir=self.dir.checkpoints,
            keep_checkpoints=config.run.keep_checkpoints,
            names=step_names(self.losses, _METRICS),
            state=state,
        )

    def restore(self):
        self.trainer.restore()
        for path in self.trainer.passed_over:
            self.notify(f"{path} is damaged: passed over for an older checkpoint")

    @property
    def stopped_early(self):
        """Whether `patience` is at its end. (All hosts have restored the chief's count.)"""
        return (
            bool(self.config.evaluation.patience)
            and int(self.best.since) >= self.config.evaluation.patience
        )

    def train(self, more_callbacks, profile):
        """Trains to the last epoch, or until evaluations get no better."""
        config, trainer = self.config, self.trainer
        images, targets = self._decode()
        augmentation = Augmentation(**config.augmentation.to_dict())

        def data_for(epoch, start_step, part):
            return training_dataset(
                images,
                targets,
                self.plan(epoch),
                augmentation=augmentation,
                seed=config.run.seed,
                epoch=epoch,
                start_step=start_step,
                part=part,
            )

        callbacks = []
        if self.workers.is_chief:
            names = [*trainer.progress.sums, "learning_rate", "seconds", "images_per_second"]
            columns = [*names, "input_wait", *_FIGURES]
            callbacks = [
                MetricsCSV(self.dir.metrics_csv, columns, trainer.epochs_done),
                TensorBoard(
                    self.dir.tensorboard,
                    lambda epoch: next(iter(data_for(epoch, 0, (0, 1))))[0],
                    _FIGURES,
                ),
            ]
            if profile:
                callbacks.append(StepProfiler(self.dir.tensorboard))
        if self.show_progress:
            callbacks.append(
                ProgressBar(
                    config.data.batch_size,
                    self.plan.steps,
                    config.optimizer.epochs,
                    [*_METRICS, *_FIGURES],
                )
            )
        callbacks += more_callbacks
        with naming_bad_images(images.paths):
            trainer.fit(
                config.optimizer.epochs,
                self._steps(),
                data_for,
                callbacks=callbacks,
                evaluate=self._evaluate_epoch,
            )

    def finish(self):
        """Saves the model and its results; returns them."""
        if not self.workers.is_chief:
            return {}
        if self.stopped_early:
            self.notify(
                f"Stopped after epoch {self.trainer.epochs_done}: no better mAP in "
                f"{self.config.evaluation.patience} evaluations"
            )
        self._save_embedder(self.dir.embedder)
        results = self.latest or self._evaluate()
        if self.config.evaluation.evaluate_every and int(self.best.epoch):
            best = {"epoch": int(self.best.epoch), "mAP": float(self.best.score)}
            results = {**results, "best": best}
        write_json(self.dir.results_json, results)
        return results

    def _make_embedder(self, weights=None):
        config = self.config
        return OSNet(
            config.model.preset,
            input_shape=(*config.model.size, 3),
            feature_dim=config.model.feature_dim,
            streams=config.model.streams,
            lite=config.model.lite,
            gate=config.model.gate,
            weights=weights,
            synchronized=config.model.synchronized,
        )

    def _decode(self):
        """The training images, decoded where they fit, and what is to be learnt of them."""
        train, label_of = self.dataset.train, self.dataset.train_labels
        with progress_bar(self.show_progress, len(train), "decoding") as count:
            images = DecodedImages(
                [sample.path for sample in train],
                self.config.model.size,
                budget=int(self.config.run.cache_gib * 2**30),
                progress=count,
            )
        return images, {"identity": np.array([label_of[sample.pid] for sample in train])}

    def _steps(self):
        """epoch -> `TrainingStep`; there are two of them at most."""
        config, made = self.config, {}

        def step_for(epoch):
            new_layers_only = epoch < config.optimizer.new_layers_only_epochs
            if new_layers_only not in made:
                model = self.trainer.model
                made[new_layers_only] = TrainingStep(
                    model,
                    self.losses,
                    self.trainer.optimizer,
                    self.strategy,
                    metrics=_METRICS,
                    only=[model.get_layer("classifier")] if new_layers_only else None,
                    l2=config.optimizer.l2,
                    clip_norm=config.optimizer.clip_norm,
                    accumulation=config.optimizer.accumulation,
                    average=self.average,
                    xla=_use_xla(config.run.xla, self.strategy),
                )
            return made[new_layers_only]

        return step_for

    def _evaluate_epoch(self, epoch):
        """(figures for the epoch's logs, whether to stop), at the epochs that the config asks for.

        The chief evaluates; what it decides, all hosts hear.
        """
        every = self.config.evaluation.evaluate_every or self.config.optimizer.epochs
        if (epoch + 1) % every and epoch + 1 < self.config.optimizer.epochs:
            return {}, False
        logs = {}
        if self.workers.is_chief:
            self.latest = self._evaluate()
            logs = {name: self.latest["euclidean"][name] for name in _FIGURES}
            if (
                self.best.beaten_by(logs["mAP"], epoch + 1)
                and self.config.evaluation.evaluate_every
            ):
                self._save_embedder(self.dir.best_embedder)
        return logs, self.workers.from_chief(self.stopped_early) > 0

    @contextlib.contextmanager
    def _for_use(self):
        """The embedder as it is evaluated and saved: averaged weights, in float32."""
        with self.average.swapped() if self.average else contextlib.nullcontext():
            if self.config.optimizer.precision == "float32":
                yield self.embedder
            else:
                exact = self._make_embedder()
                exact.set_weights(self.embedder.get_weights())
                yield exact

    def _save_embedder(self, path):
        with whole_file(path) as new, self._for_use() as embedder:
            embedder.save(new)

    def _evaluate(self):
        with self._for_use() as embedder:
            results = evaluate(
                embedder,
                self.dataset,
                self.config.evaluation.protocol,
                batch_size=self.config.evaluation.evaluation_batch_size,
                cache=FeatureCache(self.dir.evaluation / "features"),
                show_progress=self.show_progress,
            ).to_dict()
        if self.config.data.hold_out:
            results["held_out"] = self.config.data.hold_out
        return {**results, "trained_on": True} if self.config.data.combine_all else results


def _load_dataset(config):
    dataset = load_dataset(config.data.dataset, config.data.data_dir)
    if config.data.combine_all:
        return combine_all(dataset)
    if not config.data.hold_out:
        return dataset
    try:
        return hold_out(dataset, config.data.hold_out, seed=config.run.seed)
    except ValueError as error:
        raise ConfigError("hold_out", f"does not fit: {error}", config.data.hold_out) from None


def _use_xla(xla, strategy):
    if xla == "auto":
        gpus = tf.config.list_physical_devices("GPU")
        return bool(gpus) and strategy.num_replicas_in_sync == 1
    return xla == "on"


def _say_nothing(_text):
    pass
