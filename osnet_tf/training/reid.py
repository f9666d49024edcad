"""Re-identification: identities are learnt as classes, and the embedding is judged by ranking."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

import keras
import numpy as np

from osnet_tf.config import ConfigError
from osnet_tf.data import ReidDataset, combine_all, hold_out, load_datasets
from osnet_tf.data.decoding import check_images
from osnet_tf.evaluation import FeatureCache, average_splits, check_can_evaluate, evaluate
from osnet_tf.evaluation.config import EvaluationConfig
from osnet_tf.losses import WeightedLosses
from osnet_tf.models import add_classifier
from osnet_tf.progress_bar import progress_bar
from osnet_tf.report import averages_table, results_table
from osnet_tf.training.config import LossConfig, TrainingConfig
from osnet_tf.training.objective import make_losses
from osnet_tf.training.task import Task, TaskScores


class ReidTask(Task):
    """The task of the paper: a classifier over the training identities, and losses on pairs.

    The model's outputs are those of `add_classifier`; the only target is "identity", 0..K-1. The
    embedder alone is judged, by Rank-1 and mAP of query and gallery.

    Args:
        dataset: A `ReidDataset`.
        losses: A `LossConfig`; its defaults if None.
        protocol: An `EvaluationConfig`; that of the public code, without verification, if None.
        others: More `ReidDataset`s, to evaluate the trained model on.
        about: What the `Evaluation` is to say of the data: `{"held_out": 0.2}`,
            `{"trained_on": True}`.

    >>> from osnet_tf.data import ReidDataset, Sample
    >>> train = (Sample("a.jpg", 7, 0), Sample("b.jpg", 2, 1), Sample("c.jpg", 7, 1))
    >>> task = ReidTask(ReidDataset("tiny", train, (), ()))
    >>> task.targets(task.samples)["identity"].tolist(), task.groups.tolist()
    ([1, 0, 1], [7, 2, 7])
    """

    name = "reid"
    score = "mAP"
    figures = ("rank1", "mAP")

    def __init__(
        self,
        dataset: ReidDataset,
        *,
        losses: WeightedLosses | None = None,
        protocol: EvaluationConfig | None = None,
        others: Sequence[ReidDataset] = (),
        about: Any = None,
    ) -> None:
        self.dataset = dataset
        self._losses = losses or LossConfig()
        self._protocol = protocol or EvaluationConfig(verification=False)
        self._others = tuple(others)
        self._about = dict(about or {})

    @classmethod
    def from_config(cls, config: TrainingConfig, dataset: Any) -> Self:
        """The task that a `TrainingConfig` describes.

        Args:
            config: The config.
            dataset: The `ReidDataset` that it names.

        Raises:
            ConfigError: people cannot be held out as it asks.
            OSNetError: as `osnet_tf.data.load_datasets`.
        """
        dataset, about = _split(config, dataset)
        data = config.data
        split = {"split_identities": data.split_identities, "seed": config.run.seed}
        return cls(
            dataset,
            losses=config.losses,
            protocol=config.evaluation.protocol,
            others=load_datasets(data.target, data.data_dir, **split) if data.target else (),
            about=about,
            **cls._more(config),
        )

    @classmethod
    def _more(cls, config):
        """What else the class is to be given."""
        return {}

    @property
    def samples(self) -> Sequence[Any]:
        return self.dataset.train

    @property
    def groups(self) -> np.ndarray | None:
        return np.array([sample.pid for sample in self.samples])

    def targets(self, samples: Sequence[Any]) -> dict[str, np.ndarray]:
        label_of = self.dataset.train_labels
        return {"identity": np.array([label_of[sample.pid] for sample in samples], np.int32)}

    def check(self, *, show_progress: bool = False) -> None:
        tested = (self.dataset, *self._others)
        for dataset in tested:
            check_can_evaluate(dataset, self._protocol)
        paths = [sample.path for one in tested for sample in (*one.query, *one.gallery)]
        with progress_bar(show_progress, len(paths), "checking the test images") as count:
            check_images(paths, progress=count)

    def build(self, embedder: keras.Model) -> keras.Model:
        return add_classifier(
            embedder,
            self.dataset.num_train_pids,
            head="linear" if self._losses.head == "linear" else "cosine",
            centers=self._losses.center_weight > 0,
            neck=self._losses.neck == "before",
        )

    def losses(self) -> WeightedLosses:
        return make_losses(self._losses)

    def step_metrics(self) -> dict[str, Callable]:
        return {"accuracy": _accuracy}

    def evaluate(self, embedder: keras.Model, model: keras.Model, **options: Any) -> TaskScores:
        found = replace(self._evaluate(self.dataset, embedder, **options), **self._about)
        euclidean = found.scores["euclidean"]
        figures = {"rank1": euclidean.rank1, "mAP": euclidean.mAP}
        return TaskScores(figures, found.to_dict())

    def evaluate_others(
        self, embedder: keras.Model, model: keras.Model, **options: Any
    ) -> dict[str, Any]:
        found = {other.name: self._evaluate(other, embedder, **options) for other in self._others}
        splits = {}
        for other in self._others:
            if other.split_of:
                splits.setdefault(other.split_of, []).append(found[other.name])
        averages = average_splits(splits)
        return {
            **({"others": {name: one.to_dict() for name, one in found.items()}} if found else {}),
            **({"averages": averages} if averages else {}),
        }

    def _evaluate(self, dataset, embedder, *, folder, **options):
        return evaluate(
            embedder,
            dataset,
            self._protocol,
            cache=FeatureCache(folder / "features"),
            **options,
        )

    def describe(self, results: dict[str, Any]) -> str:
        table = results_table(results, *results.get("others", {}).values())
        averages = results.get("averages")
        return f"{table}\n{averages_table(averages)}" if averages else table


def _accuracy(targets, outputs):
    """Share of the images whose person the classifier names."""
    named = keras.ops.argmax(outputs["logits"], axis=-1)
    right = named == keras.ops.cast(targets["identity"], "int32")
    return keras.ops.mean(keras.ops.cast(right, "float32"))


def _split(config, dataset):
    """(the dataset to train and be judged on, what the `Evaluation` is to say of it)."""
    data = config.data
    if data.combine_all:
        return combine_all(dataset), {"trained_on": True}
    if data.hold_out:
        return _held_out(dataset, data.hold_out, config.run.seed)
    return dataset, {}


def _held_out(dataset, share, seed):
    try:
        return hold_out(dataset, share, seed=seed), {"held_out": share}
    except ValueError as error:
        raise ConfigError("hold_out", f"does not fit: {error}", share) from None
