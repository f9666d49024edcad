"""Attribute recognition: every attribute is a yes-or-no question about an image."""

import keras
import numpy as np

from osnet_tf.data.decoding import check_images
from osnet_tf.embedding import embed_paths
from osnet_tf.errors import ArgumentError
from osnet_tf.losses import LossTerm, WeightedBinaryCrossEntropy, WeightedLosses
from osnet_tf.metrics import recognise_attributes
from osnet_tf.progress_bar import progress_bar
from osnet_tf.report import attribute_table
from osnet_tf.training.task import Task, TaskScores

_FIGURES = ("mA", "accuracy", "precision", "recall", "F1")


class AttributeTask(Task):
    """A logit for each attribute, judged on the test images by mA and the measures of images.

    The model's outputs are "attributes", `(batch, attributes)` logits, and "embedding"; the only
    target is "attributes". An attribute is recognised where its logit is above 0.

    Args:
        dataset: An `osnet_tf.data.attributes.AttributeDataset`.

    Raises ArgumentError if it has no training or no test images.

    Reference: arXiv 1905.00953, section 4.3; Li et al., arXiv 1603.07054.

    >>> from osnet_tf.data.attributes import AttributeDataset, AttributeSample
    >>> images = (AttributeSample("a.jpg", (1, 0)), AttributeSample("b.jpg", (0, 0)))
    >>> task = AttributeTask(AttributeDataset("tiny", ("hat", "bag"), images, (), images))
    >>> task.targets(task.samples)["attributes"].tolist()
    [[1, 0], [0, 0]]
    """

    name = "attributes"
    score = "mA"
    figures = ("mA", "F1")

    def __init__(self, dataset):
        for split in ("train", "test"):
            if not getattr(dataset, split):
                raise ArgumentError(f"The dataset {dataset.name} has no {split} images")
        self.dataset = dataset

    @property
    def samples(self):
        return self.dataset.train

    def targets(self, samples):
        return {"attributes": np.array([sample.attributes for sample in samples], np.int32)}

    def check(self, *, show_progress=False):
        paths = [sample.path for sample in self.dataset.test]
        with progress_bar(show_progress, len(paths), "checking the test images") as count:
            check_images(paths, progress=count)

    def build(self, embedder):
        logits = keras.layers.Dense(
            len(self.dataset.attributes),
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            dtype="float32",
            name="attributes",
        )(embedder.output)
        return keras.Model(embedder.input, {"attributes": logits, "embedding": embedder.output})

    def losses(self):
        loss = WeightedBinaryCrossEntropy(self.dataset.positive_rates)
        return WeightedLosses([LossTerm("attributes", "attributes", loss)])

    def step_metrics(self):
        return {"label_accuracy": _label_accuracy}

    def evaluate(self, embedder, model, *, folder, **options):
        recogniser = keras.Model(model.input, model.output["attributes"])
        paths = [sample.path for sample in self.dataset.test]
        show = options.pop("show_progress", False)
        with progress_bar(show, len(paths), f"recognising {self.dataset.name}") as count:
            logits = embed_paths(recogniser, paths, progress=count, **options)
        found = recognise_attributes(
            logits, self.targets(self.dataset.test)["attributes"], threshold=0.0
        )
        results = {name: getattr(found, name) for name in _FIGURES}
        rates = zip(
            self.dataset.attributes,
            found.positive_rates.tolist(),
            found.negative_rates.tolist(),
            strict=True,
        )
        results |= {
            "dataset": self.dataset.name,
            "num_images": len(paths),
            # JSON has no NaN: an attribute of nobody or everybody has no such rate
            "attributes": {
                name: {"positive_rate": _number(yes), "negative_rate": _number(no)}
                for name, yes, no in rates
            },
        }
        return TaskScores({name: results[name] for name in self.figures}, results)

    def describe(self, results):
        return attribute_table(results)


def _number(rate):
    return None if np.isnan(rate) else rate


def _label_accuracy(targets, outputs):
    """Share of the labels that are right, over images and attributes."""
    right = (outputs["attributes"] > 0) == (keras.ops.cast(targets["attributes"], "int32") > 0)
    return keras.ops.mean(keras.ops.cast(right, "float32"))
