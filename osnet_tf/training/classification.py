"""Object classification: one class for each image."""

import keras
import numpy as np

from osnet_tf.data.decoding import check_images
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation.recognition import evaluate_predictor
from osnet_tf.losses import LabelSmoothedCrossEntropy, LossTerm, WeightedLosses
from osnet_tf.models import add_classifier
from osnet_tf.progress_bar import progress_bar
from osnet_tf.report import class_table
from osnet_tf.training.config import OF_PEOPLE
from osnet_tf.training.held_out import without_held_out
from osnet_tf.training.task import Task, TaskScores


class ClassificationTask(Task):
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

    def __init__(self, dataset, *, label_smoothing=0.0, flip_test=False):
        for split in ("train", "test"):
            if not getattr(dataset, split):
                raise ArgumentError(f"The dataset {dataset.name} has no {split} images")
        self.dataset = dataset
        self._smoothing = label_smoothing
        self._flip_test = flip_test

    @classmethod
    def from_config(cls, config, dataset):
        """The task that a `TrainingConfig` and a `ClassDataset` describe.

        With `hold_out` it is judged on that share of the training images.

        Raises ConfigError for a setting that is of no use to it, or does not fit.
        """
        config.check_unused(OF_PEOPLE, "classification")
        dataset = without_held_out(dataset, config)
        smoothing, flip_test = config.losses.label_smoothing, config.evaluation.flip_test
        return cls(dataset, label_smoothing=smoothing, flip_test=flip_test)

    @property
    def samples(self):
        return self.dataset.train

    def targets(self, samples):
        return {"class": np.array([sample.label for sample in samples], np.int32)}

    def check(self, *, show_progress=False):
        paths = [sample.path for sample in self.dataset.test]
        with progress_bar(show_progress, len(paths), "checking the test images") as count:
            check_images(paths, progress=count)

    def build(self, embedder):
        return add_classifier(embedder, len(self.dataset.classes))

    def losses(self):
        loss = LabelSmoothedCrossEntropy(self._smoothing)
        return WeightedLosses([LossTerm("logits", "class", loss)])

    def step_metrics(self):
        return {"accuracy": _accuracy}

    def predictor(self, embedder, model):
        return keras.Model(model.input, keras.ops.softmax(model.output["logits"]))

    @property
    def labels(self):
        return self.dataset.classes

    def evaluate(self, embedder, model, *, folder, **options):
        predictor = self.predictor(embedder, model)
        found = evaluate_predictor(predictor, self.dataset, flip_test=self._flip_test, **options)
        return TaskScores({name: found[name] for name in self.figures}, found)

    def describe(self, results):
        return class_table(results)


def _accuracy(targets, outputs):
    labels = keras.ops.cast(targets["class"], "int32")
    right = keras.ops.argmax(outputs["logits"], axis=-1) == labels
    return keras.ops.mean(keras.ops.cast(right, "float32"))
