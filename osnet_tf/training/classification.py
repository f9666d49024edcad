"""Object classification: one class for each image."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import keras
import numpy as np

from osnet_tf.data.classes import ClassDataset
from osnet_tf.losses import LabelSmoothedCrossEntropy, LossTerm, WeightedLosses
from osnet_tf.models import add_classifier
from osnet_tf.report import class_table
from osnet_tf.training.config import TrainingConfig
from osnet_tf.training.recognition import RecognitionTask


class ClassificationTask(RecognitionTask):
    """A softmax over the classes, judged on the test images by top-1 and top-5 accuracy.

    The model's outputs are those of `add_classifier`; the only target is "class", 0..K-1.

    Args:
        dataset: An `osnet_tf.data.classes.ClassDataset`.
        label_smoothing: That of the loss, in [0, 1).
        flip_test: Whether an image's probabilities are averaged with those of its mirror image.

    Raises ArgumentError if it has no training or no test images.

    Reference: arXiv 1905.00953, section 4.2.

    >>> from osnet_tf.data.classes import ClassDataset, ClassSample
    >>> images = (ClassSample("a.png", 1), ClassSample("b.png", 0))
    >>> task = ClassificationTask(ClassDataset("tiny", ("cat", "dog"), images, images))
    >>> task.targets(task.samples)["class"].tolist()
    [1, 0]
    """

    name = "classification"
    score = "top1"
    figures = ("top1", "top5")

    def __init__(
        self, dataset: ClassDataset, *, label_smoothing: float = 0.0, flip_test: bool = False
    ) -> None:
        super().__init__(dataset, flip_test=flip_test)
        self._smoothing = label_smoothing

    @classmethod
    def from_config(cls, config: TrainingConfig, dataset: Any) -> Self:  # type: ignore[override]
        return super().from_config(config, dataset, label_smoothing=config.losses.label_smoothing)

    def targets(self, samples: Sequence[Any]) -> dict[str, np.ndarray]:
        return {"class": np.array([sample.label for sample in samples], np.int32)}

    def build(self, embedder: keras.Model) -> keras.Model:
        return add_classifier(embedder, len(self.dataset.classes))

    def losses(self) -> WeightedLosses:
        loss = LabelSmoothedCrossEntropy(self._smoothing)
        return WeightedLosses([LossTerm("logits", "class", loss)])

    def step_metrics(self) -> dict[str, Callable]:
        return {"accuracy": _accuracy}

    def predictor(self, embedder: keras.Model, model: keras.Model) -> keras.Model | None:
        return keras.Model(model.input, keras.ops.softmax(model.output["logits"]))

    @property
    def labels(self) -> Sequence[str]:
        return self.dataset.classes

    def describe(self, results: dict[str, Any]) -> str:
        return class_table(results)


def _accuracy(targets, outputs):
    labels = keras.ops.cast(targets["class"], "int32")
    right = keras.ops.argmax(outputs["logits"], axis=-1) == labels
    return keras.ops.mean(keras.ops.cast(right, "float32"))
