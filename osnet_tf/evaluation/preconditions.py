"""Whether a dataset can be evaluated at all: asked before anything is embedded or trained."""

import numpy as np

from osnet_tf.config import ConfigError
from osnet_tf.data import ReidDataset
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation.config import EvaluationConfig
from osnet_tf.metrics.labels import Labels


def check_can_evaluate(dataset: ReidDataset, config: EvaluationConfig | None = None) -> None:
    """Raises unless a dataset's query and gallery can be evaluated by a protocol.

    It reads no image and takes milliseconds.

    Args:
        dataset: A `ReidDataset`.
        config: An `EvaluationConfig`; its defaults if None. Its distractors are not looked for.

    Raises:
        ArgumentError: no query or no gallery image, or no query with a match under the camera
            rule (no shared people, one camera only); the dataset is named.
        ConfigError: a neighbourhood larger than the dataset.

    >>> from osnet_tf.data import ReidDataset, Sample
    >>> check_can_evaluate(ReidDataset("mine", (), (Sample("q", 1, 0),), ()))
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: The dataset mine cannot be evaluated: it has no gallery images
    """
    config = config or EvaluationConfig()
    for part in ("query", "gallery"):
        if not getattr(dataset, part):
            raise ArgumentError(
                f"The dataset {dataset.name} cannot be evaluated: it has no {part} images"
            )
    try:
        labels = Labels.check(
            len(dataset.query),
            len(dataset.gallery),
            *labels_of(dataset),
            camera_aware=uses_cameras(dataset, config),
        )
        labels.check_some_match()
    except ArgumentError as error:
        raise ArgumentError(f"The dataset {dataset.name} cannot be evaluated: {error}") from None
    _check_counts(config, len(dataset.query), len(dataset.gallery))


def uses_cameras(dataset, config):
    """Whether images by the query's own camera are taken out: the protocol asks, cameras exist."""
    return config.camera_aware and dataset.has_cameras


def labels_of(dataset):
    """`(q_pids, g_pids, q_camids, g_camids)` of a dataset, as arrays."""
    parts = dataset.query, dataset.gallery
    return tuple(
        np.array([getattr(sample, name) for sample in part])
        for name in ("pid", "camid")
        for part in parts
    )


def _check_counts(config, num_query, num_gallery):
    rules = {
        "query_expansion": (num_gallery, f"must be <= the {num_gallery} gallery images"),
        "database_augmentation": (num_gallery - 1, f"must be < the {num_gallery} gallery images"),
    }
    if config.rerank:
        total = num_query + num_gallery
        rules["rerank_k1"] = (total - 1, f"must be < the {total} images in all")
    for name, (largest, rule) in rules.items():
        if getattr(config, name) > largest:
            raise ConfigError(name, rule, getattr(config, name))
