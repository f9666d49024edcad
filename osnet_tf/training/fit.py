"""From a config to a trained and evaluated model in a run directory."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.config import ConfigError
from osnet_tf.data import combine_all, load_dataset
from osnet_tf.data.augmentation import Augmentation
from osnet_tf.data.pipeline import DecodedImages, naming_bad_images, training_dataset
from osnet_tf.data.sampling import identity_batches, random_batches
from osnet_tf.evaluation import evaluate
from osnet_tf.losses import (
    BatchHardTripletLoss,
    CenterLoss,
    CircleLoss,
    LabelSmoothedCrossEntropy,
    MarginSoftmaxLoss,
    SemiHardTripletLoss,
    WeightedLosses,
)
from osnet_tf.models import OSNet, add_classifier
from osnet_tf.progress_bar import progress_bar
from osnet_tf.training.callbacks import MetricsCSV, ProgressBar, TensorBoard
from osnet_tf.training.moving_average import MovingAverage
from osnet_tf.training.optimizers import make_optimizer
from osnet_tf.training.run_dir import RunDir, write_json
from osnet_tf.training.step import TrainingStep
from osnet_tf.training.trainer import Trainer


def default_strategy():
    """MirroredStrategy over all GPUs where there are several; TensorFlow's default otherwise."""
    gpus = tf.config.list_physical_devices("GPU")
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


def fit(config, run_dir, *, resume=False, strategy=None, show_progress=False):
    """Trains, saves and evaluates what a config describes.

    The run directory is left with `config.json`, `metrics.csv` (a line each epoch), `tensorboard/`,
    `checkpoints/`, `embedder.keras` (RGB 0..255 in, embedding out) and `results.json` (the last
    epoch's model on query and gallery).

    Args:
        config: A `TrainingConfig`. With `resume` it must be the run's own.
        run_dir: Directory of the run; made here, or one that holds a run, to resume it.
        resume: Go on from the newest checkpoint in `run_dir`.
        strategy: A `tf.distribute.Strategy`; `default_strategy()` if None.
        show_progress: Progress bars on stderr.

    Returns:
        The dict of `results.json`.

    Raises:
        ConfigError: the config does not fit the dataset or the number of replicas.
        RunDirError: a run lies there already, or none to resume.
        DatasetNotFoundError, DatasetLayoutError, ImageError: the data are missing or damaged.
        DivergedError: NaN. Interrupted: SIGINT or SIGTERM, after the checkpoint.
    """
    config = config.with_absolute_paths()
    run_dir = RunDir(run_dir)
    strategy = strategy or default_strategy()
    dataset = load_dataset(config.dataset, config.data_dir)
    if config.combine_all:
        dataset = combine_all(dataset)
    plan = _BatchPlan(config, dataset, strategy.num_replicas_in_sync)
    if not resume:
        run_dir.create(config)
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()

    with strategy.scope():
        embedder = OSNet(
            config.preset,
            input_shape=(*config.size, 3),
            feature_dim=config.feature_dim,
            streams=config.streams,
            lite=config.lite,
            gate=config.gate,
            weights=config.weights or None,
            synchronized=config.synchronized,
        )
        model = add_classifier(
            embedder,
            dataset.num_train_pids,
            head="linear" if config.head == "linear" else "cosine",
            centers=config.center_weight > 0,
        )
        optimizer = make_optimizer(config, plan.steps)
    average = None
    if config.average_decay:
        average = MovingAverage(model.variables, config.average_decay, dynamic=True)
    averaged = average.swapped if average else contextlib.nullcontext
    losses = make_losses(config)
    trainer = Trainer(
        model,
        optimizer,
        strategy,
        checkpoint_dir=run_dir.checkpoints,
        keep_checkpoints=config.keep_checkpoints,
        loss_names=["loss", *(term.loss.name for term in losses.terms), "accuracy"],
        average=average,
    )
    if resume:
        trainer.restore()

    def evaluate_now():
        with averaged():
            return _evaluate(embedder, dataset, config, show_progress)

    results = {}
    if trainer.epochs_done < config.epochs:
        results = _train(
            config, dataset, plan, run_dir, trainer, evaluate_now, losses, average, strategy,
            show_progress,
        )  # fmt: skip
    with averaged():
        embedder.save(run_dir.embedder)
    results = results or evaluate_now()
    write_json(run_dir.results_json, results)
    return results


def make_losses(config):
    """The `WeightedLosses` that a config asks for."""
    if config.head == "linear":
        identity = LabelSmoothedCrossEntropy(config.label_smoothing)
    else:
        margin = None if config.head_margin < 0 else config.head_margin
        identity = MarginSoftmaxLoss(config.head, margin, config.head_scale, config.label_smoothing)
    losses, weights = {"logits": identity}, {}
    on_pairs = []
    if config.triplet_weight and config.triplet == "semi_hard":
        triplet = SemiHardTripletLoss(config.triplet_margin, mining=config.mining)
        on_pairs.append((triplet, config.triplet_weight))
    elif config.triplet_weight:
        triplet = BatchHardTripletLoss(
            config.triplet_margin, config.soft_margin, mining=config.mining
        )
        on_pairs.append((triplet, config.triplet_weight))
    if config.circle_weight:
        circle = CircleLoss(config.circle_margin, config.circle_scale, config.mining)
        on_pairs.append((circle, config.circle_weight))
    if on_pairs:
        losses["embedding"], weights["embedding"] = map(list, zip(*on_pairs, strict=True))
    if config.center_weight:
        losses["center_distances"] = CenterLoss()
        weights["center_distances"] = config.center_weight
    return WeightedLosses(losses, weights)


class _BatchPlan:
    """Which images make which batch, in every epoch; `steps` of them."""

    def __init__(self, config, dataset, replicas):
        if config.batch_size % replicas:
            raise ConfigError(
                "batch_size", f"must be a multiple of the {replicas} replicas", config.batch_size
            )
        self._config = config
        self._replicas = replicas
        self._pids = np.array([sample.pid for sample in dataset.train])
        if config.batch_size > len(self._pids):
            raise ConfigError(
                "batch_size", f"must be <= the {len(self._pids)} images", config.batch_size
            )
        self.steps = len(self._batches(0))

    def __call__(self, epoch):
        """int (steps, batch_size): indices into the training samples."""
        return self._batches(epoch)[: self.steps]

    def _batches(self, epoch):
        config = self._config
        if not config.instances:
            return random_batches(len(self._pids), config.batch_size, seed=config.seed, epoch=epoch)
        return identity_batches(
            self._pids,
            config.batch_size // config.instances,
            config.instances,
            seed=config.seed,
            epoch=epoch,
            replicas=self._replicas,
        )


def _train(
    config, dataset, plan, run_dir, trainer, evaluate_now, losses, average, strategy, show_progress
):
    """Trains to the last epoch; returns the results of evaluating that."""
    paths = [sample.path for sample in dataset.train]
    with progress_bar(show_progress, len(paths), "decoding") as count:
        images = DecodedImages(
            paths, config.size, budget=int(config.cache_gib * 2**30), progress=count
        )
    label_of = dataset.train_labels
    labels = np.array([label_of[sample.pid] for sample in dataset.train])
    augmentation = Augmentation(
        flip=config.flip,
        pad=config.pad,
        erase=config.erase,
        brightness=config.brightness,
        contrast=config.contrast,
        saturation=config.saturation,
    )
    steps = {}

    def step_for(epoch):
        classifier_only = epoch < config.classifier_only_epochs
        if classifier_only not in steps:
            steps[classifier_only] = TrainingStep(
                trainer.model,
                losses,
                trainer.optimizer,
                strategy,
                l2=config.l2,
                classifier_only=classifier_only,
                average=average,
                xla=_use_xla(config, strategy),
            )
        return steps[classifier_only]

    def data_for(epoch, start_step):
        return training_dataset(
            images,
            labels,
            plan(epoch),
            augmentation=augmentation,
            seed=config.seed,
            epoch=epoch,
            start_step=start_step,
        )

    latest = {}

    def evaluate_epoch(epoch):
        every = config.evaluate_every or config.epochs
        if (epoch + 1) % every and epoch + 1 < config.epochs:
            return {}
        latest.update(evaluate_now())
        return {name: latest["euclidean"][name] for name in ("rank1", "mAP")}

    names = [*trainer.progress.sums, "learning_rate", "seconds", "images_per_second"]
    callbacks = [
        MetricsCSV(run_dir.metrics_csv, [*names, "rank1", "mAP"], trainer.epochs_done),
        TensorBoard(run_dir.tensorboard),
    ]
    if show_progress:
        callbacks.append(ProgressBar(config.batch_size, plan.steps, config.epochs))
    with naming_bad_images(paths):
        trainer.fit(config.epochs, step_for, data_for, callbacks=callbacks, evaluate=evaluate_epoch)
    return latest


def _use_xla(config, strategy):
    if config.xla == "auto":
        gpus = tf.config.list_physical_devices("GPU")
        return bool(gpus) and strategy.num_replicas_in_sync == 1
    return config.xla == "on"


def _evaluate(embedder, dataset, config, show_progress):
    results = evaluate(
        embedder, dataset, batch_size=config.evaluation_batch_size, show_progress=show_progress
    ).results
    return {**results, "trained_on": True} if config.combine_all else results
