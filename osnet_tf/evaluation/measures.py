"""From embeddings to figures: every measure of a protocol."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.data import ReidDataset
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation.config import PLAIN, EvaluationConfig
from osnet_tf.evaluation.preconditions import check_can_evaluate, labels_of, uses_cameras
from osnet_tf.evaluation.results import RANKS, Evaluation, Scores
from osnet_tf.metrics import (
    Reranker,
    augment_gallery,
    expand_queries,
    rank,
    rank_distances,
    rank_single_shot,
    verify,
)
from osnet_tf.progress_bar import progress_bar

METRICS = ("euclidean", "cosine")


def evaluate_features(
    features: ArrayLike,
    dataset: ReidDataset,
    config: EvaluationConfig = PLAIN,
    *,
    metrics: Sequence[str] = METRICS,
    show_progress: bool = False,
) -> Evaluation:
    """Evaluates embeddings, by default as the public code does: CMC and non-interpolated mAP.

    Args:
        features: `(num_query + num_gallery, dim)` real: those of the queries, then of the gallery.
        dataset: A `ReidDataset` with query and gallery in the same order. Where it `has_cameras`
            False the camera rule is off.
        config: An `EvaluationConfig`. `flip_test` and `distractors` concern the images: they do
            nothing here.
        metrics: Distances to rank by: "euclidean", "cosine".
        show_progress: Progress bars on stderr.

    Returns:
        An `Evaluation`. Verification judges the features as they are, without expansion.

    Raises:
        ArgumentError, ConfigError: as `check_can_evaluate`; NaN (the image is named), features that
            do not fit.

    >>> import numpy as np
    >>> from osnet_tf.data import ReidDataset, Sample
    >>> gallery = (Sample("g", 1, 1), Sample("h", 2, 1))
    >>> dataset = ReidDataset("three", (), (Sample("q", 1, 0),), gallery)
    >>> found = evaluate_features(np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0]]), dataset)
    >>> found.scores["cosine"].rank1, found.rankings["euclidean"].mAP
    (1.0, 1.0)
    """
    check_can_evaluate(dataset, config)
    query, gallery = dataset.query, dataset.gallery
    features = np.asarray(features)
    if len(features) != len(query) + len(gallery):
        raise ArgumentError(
            f"features must have a row for each of {len(query)} queries and {len(gallery)} gallery "
            f"images. Received: shape={features.shape}"
        )
    labels = labels_of(dataset)
    rankings, verifications, single_shots = {}, {}, {}
    plain = features[: len(query)], features[len(query) :]
    paths = {"query_paths": [s.path for s in query], "gallery_paths": [s.path for s in gallery]}
    camera_aware = uses_cameras(dataset, config)
    options = {"max_rank": config.max_rank, "camera_aware": camera_aware}
    for metric in metrics:
        sets = _expanded(*plain, metric, config)
        with progress_bar(show_progress, len(query), f"ranking, {metric}", "queries") as count:
            rankings[metric] = rank(
                *sets, *labels, metric=metric, progress=count, **paths, **options
            )
        if config.rerank:
            distances = _reranked(sets, metric, config, show_progress)
            rankings[f"{metric}_reranked"] = rank_distances(distances, *labels, **options)
        if config.single_shot:
            single_shots[metric] = rank_single_shot(
                *plain,
                *labels,
                repeats=config.single_shot,
                seed=config.seed,
                max_rank=max(RANKS),
                metric=metric,
                camera_aware=camera_aware,
            )
        if config.verification:
            text = f"verifying, {metric}"
            with progress_bar(show_progress, 2 * len(query), text, "queries") as count:
                verifications[metric] = verify(
                    *plain, *labels, metric=metric, camera_aware=camera_aware, progress=count
                )
    return Evaluation(
        dataset=dataset.name,
        num_query=len(query),
        num_gallery=len(gallery),
        num_distractors=sum(sample.pid == 0 for sample in gallery),
        num_unmatched_query=rankings[metrics[0]].num_unmatched_queries,
        rankings=rankings,
        scores={
            name: Scores.of(ranking, single_shots.get(name)) for name, ranking in rankings.items()
        },
        verifications=verifications,
        has_cameras=dataset.has_cameras,
        notes=tuple(dataset.notes),
    )


def _expanded(query, gallery, metric, config):
    """Query expansion by the gallery as it is, then database augmentation."""
    alpha = config.expansion_alpha or None
    expanded = query
    if config.query_expansion:
        expanded = expand_queries(
            query, gallery, k=config.query_expansion, alpha=alpha, metric=metric
        )
    if config.database_augmentation:
        gallery = augment_gallery(
            gallery, k=config.database_augmentation, alpha=alpha, metric=metric
        )
    return expanded, gallery


def _reranked(sets, metric, config, show_progress):
    """Yields blocks of re-ranked distances."""
    total = sum(map(len, sets))
    with progress_bar(show_progress, total, f"re-ranking, {metric}") as count:
        reranker = Reranker(
            *sets,
            k1=config.rerank_k1,
            k2=config.rerank_k2,
            lambda_value=config.rerank_lambda,
            metric=metric,
            progress=count,
        )
    yield from reranker.blocks()
