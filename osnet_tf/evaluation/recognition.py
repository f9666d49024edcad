"""Evaluation of what says what an image shows: its class, or its attributes."""

from typing import Any

import keras
import numpy as np

from osnet_tf.data.attributes import AttributeDataset
from osnet_tf.data.classes import ClassDataset
from osnet_tf.embedding import embed_paths
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics import recognise_attributes, top_k_accuracy
from osnet_tf.progress_bar import progress_bar

_FIGURES = ("mA", "accuracy", "precision", "recall", "F1")


def evaluate_predictor(
    predictor: keras.Model,
    dataset: Any,
    *,
    batch_size: int = 256,
    flip_test: bool = False,
    strategy: Any | None = None,
    show_progress: bool = False,
) -> dict[str, Any]:
    """Judges a predictor on the test images of a dataset.

    Args:
        predictor: A `keras.Model` whose output is `(batch, n)`: probabilities of the dataset's
            classes or attributes, in their order; or a model of `osnet_tf.models.add_classifier`,
            whose logits are used.
        dataset: A `ClassDataset` or an `AttributeDataset`.
        batch_size: Images in a batch.
        flip_test: Whether an image's probabilities are averaged with those of its mirror image.
        strategy: The `tf.distribute.Strategy` in whose scope the model was made; None if there is
            but one replica.
        show_progress: A progress bar on stderr.

    Returns:
        A dict as `results.json` holds it: `dataset`, `num_images`, and for classes `top1` and
        `top5`, fractions in [0, 1]; for attributes the figures of
        `osnet_tf.metrics.AttributeResult`, the rates of each attribute, and under `majority` the
        figures of saying of every image what most training images have.

    Raises ArgumentError for another kind of dataset or a model of other outputs, and ImageError for
    an image that cannot be read.
    """
    names, measure = _measure_of(dataset)
    predictor = _of_probabilities(predictor)
    if predictor.output_shape[1:] != (len(names),):
        raise ArgumentError(
            f"The model must have an output for each of the {len(names)} of {dataset.name}. "
            f"Received: output_shape={predictor.output_shape}"
        )
    paths = [sample.path for sample in dataset.test]
    with progress_bar(show_progress, len(paths), f"recognising {dataset.name}") as count:
        probabilities = embed_paths(
            predictor,
            paths,
            batch_size=batch_size,
            flip_test=flip_test,
            progress=count,
            strategy=strategy,
        )
    about = {"dataset": dataset.name, "num_images": len(paths)}
    return {**about, **measure(probabilities, dataset)}


def _measure_of(dataset):
    """(what the outputs mean, the function that measures them)."""
    if isinstance(dataset, ClassDataset):
        return dataset.classes, _classes
    if isinstance(dataset, AttributeDataset):
        return dataset.attributes, _attributes
    raise ArgumentError(
        "A predictor is judged on a ClassDataset or an AttributeDataset. "
        f"Received: {type(dataset).__name__}"
    )


def _of_probabilities(model):
    if not isinstance(model.output, dict):
        return model
    if "logits" not in model.output:
        raise ArgumentError(
            "The model must be a predictor, or have an output logits. "
            f"Received: outputs {', '.join(model.output)}"
        )
    return keras.Model(model.input, keras.ops.softmax(model.output["logits"]))


def _classes(probabilities, dataset):
    labels = np.array([sample.label for sample in dataset.test], np.int32)
    return {f"top{k}": top_k_accuracy(probabilities, labels, k) for k in (1, 5)}


def _attributes(probabilities, dataset):
    labels = np.array([sample.attributes for sample in dataset.test], np.int32)
    found = recognise_attributes(probabilities, labels)
    rates = zip(
        dataset.attributes,
        found.positive_rates.tolist(),
        found.negative_rates.tolist(),
        strict=True,
    )
    results = {name: getattr(found, name) for name in _FIGURES}
    # JSON has no NaN: an attribute of nobody or everybody has no such rate
    results["attributes"] = {
        name: {"positive_rate": _number(yes), "negative_rate": _number(no)}
        for name, yes, no in rates
    }
    if dataset.train:
        said = np.broadcast_to(dataset.positive_rates, labels.shape)
        majority = recognise_attributes(said, labels)
        results["majority"] = {name: getattr(majority, name) for name in _FIGURES}
    return results


def _number(rate):
    return None if np.isnan(rate) else rate
