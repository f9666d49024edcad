"""Attribute recognition: every attribute is a yes-or-no question about an image."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from osnet_tf.losses import LossTerm, WeightedBinaryCrossEntropy, WeightedLosses
from osnet_tf.report import attribute_table
from osnet_tf.training.recognition import RecognitionTask


class AttributeTask(RecognitionTask):
    """A logit for each attribute, judged on the test images by mA and the measures of images.

    The model's outputs are "attributes", `(batch, attributes)` logits, and "embedding"; the only
    target is "attributes". An attribute is recognised where its logit is above 0.

    Args:
        dataset: An `osnet_tf.data.attributes.AttributeDataset`.
        flip_test: Whether an image's probabilities are averaged with those of its mirror image.

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

    def targets(self, samples: Sequence[Any]) -> dict[str, np.ndarray]:
        return {"attributes": np.array([sample.attributes for sample in samples], np.int32)}

    def build(self, embedder: keras.Model) -> keras.Model:
        logits = attribute_logits(embedder, len(self.dataset.attributes))
        return keras.Model(embedder.input, {"attributes": logits, "embedding": embedder.output})

    def losses(self) -> WeightedLosses:
        loss = WeightedBinaryCrossEntropy(self.dataset.positive_rates)
        return WeightedLosses([LossTerm("attributes", "attributes", loss)])

    def step_metrics(self) -> dict[str, Callable]:
        return {"label_accuracy": _label_accuracy}

    def predictor(self, embedder: keras.Model, model: keras.Model) -> keras.Model | None:
        return keras.Model(model.input, keras.ops.sigmoid(model.output["attributes"]))

    @property
    def labels(self) -> Sequence[str]:
        return self.dataset.attributes

    def describe(self, results: dict[str, Any]) -> str:
        return attribute_table(results)


def attribute_logits(embedder, count):
    """The output of a new layer on an embedder: a float32 logit for each of `count` attributes."""
    layer = keras.layers.Dense(
        count,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        dtype="float32",
        name="attributes",
    )
    return layer(embedder.output)


def _label_accuracy(targets, outputs):
    """Share of the labels that are right, over images and attributes."""
    right = (outputs["attributes"] > 0) == (keras.ops.cast(targets["attributes"], "int32") > 0)
    return keras.ops.mean(keras.ops.cast(right, "float32"))
