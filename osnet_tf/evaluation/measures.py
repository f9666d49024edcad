"""From embeddings to figures: every measure of a protocol."""

from typing import NamedTuple

import numpy as np

from osnet_tf.config import ConfigError
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation.config import EvaluationConfig
from osnet_tf.metrics import (
    RankingResult,
    Reranker,
    VerificationResult,
    augment_gallery,
    expand_queries,
    rank,
    rank_distances,
    rank_single_shot,
    verify,
)
from osnet_tf.progress_bar import progress_bar

RANKS = (1, 5, 10, 20)
METRICS = ("euclidean", "cosine")


class Evaluation(NamedTuple):
    """What an evaluation found.

    Attributes:
        results: The figures as `results.json` holds them: dataset, num_query, num_gallery,
            num_distractors (pid 0), num_unmatched_query; for each of `rankings` a dict of
            `rank1`, `rank5`, `rank10`, `rank20`, `mAP`, `mAP_trapezoid` and `mINP`, fractions in
            [0, 1]; `verification`, for each metric the equal error rate and, for each
            false-positive rate, threshold and true-positive rate.
        rankings: `RankingResult` by name: "euclidean", "cosine", and "euclidean_reranked",
            "cosine_reranked" with re-ranking.
        verifications: `VerificationResult` by metric.
    """

    results: dict
    rankings: dict[str, RankingResult]
    verifications: dict[str, VerificationResult]


def evaluate_features(features, dataset, *, metrics=METRICS):
    """The figures of the public code's protocol from embeddings: `measure` without verification.

    >>> import numpy as np
    >>> from osnet_tf.data import ReidDataset, Sample
    >>> dataset = ReidDataset("two", (), (Sample("q", 1, 0),), (Sample("g", 1, 1),))
    >>> evaluate_features(np.eye(2), dataset)["cosine"]["rank1"]
    1.0
    """
    return measure(features, dataset, EvaluationConfig(verification=False), metrics=metrics).results


def measure(features, dataset, config=None, *, metrics=METRICS, show_progress=False):
    """Evaluates embeddings by a protocol.

    Args:
        features: `(num_query + num_gallery, dim)` real: those of the queries, then of the gallery.
        dataset: A `ReidDataset` with query and gallery in the same order.
        config: An `EvaluationConfig`; its defaults if None. `flip_test` and `distractors` concern
            the images: they do nothing here.
        metrics: Distances to rank by: "euclidean", "cosine".
        show_progress: Progress bars on stderr.

    Returns:
        An `Evaluation`. Verification judges the features as they are, without expansion.

    Raises:
        ConfigError: a neighbourhood larger than the dataset.
        ValueError: NaN (the image is named), no query with a match, features that do not fit.

    >>> import numpy as np
    >>> from osnet_tf.data import ReidDataset, Sample
    >>> gallery = (Sample("g", 1, 1), Sample("h", 2, 1))
    >>> dataset = ReidDataset("three", (), (Sample("q", 1, 0),), gallery)
    >>> found = measure(np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0]]), dataset)
    >>> found.rankings["cosine"].mAP, found.verifications["cosine"].tprs[0]
    (1.0, np.float64(1.0))
    """
    config = config or EvaluationConfig()
    query, gallery = dataset.query, dataset.gallery
    _check_counts(config, len(query), len(gallery))
    features = np.asarray(features)
    if len(features) != len(query) + len(gallery):
        raise ArgumentError(
            f"features must have a row for each of {len(query)} queries and {len(gallery)} gallery "
            f"images. Received: shape={features.shape}"
        )
    labels = _labels(dataset)
    results = {
        "dataset": dataset.name,
        "num_query": len(query),
        "num_gallery": len(gallery),
        "num_distractors": sum(sample.pid == 0 for sample in gallery),
    }
    rankings, verifications = {}, {}
    plain = features[: len(query)], features[len(query) :]
    paths = {"query_paths": [s.path for s in query], "gallery_paths": [s.path for s in gallery]}
    options = {"max_rank": config.max_rank, "camera_aware": config.camera_aware}
    for metric in metrics:
        sets = _expanded(*plain, metric, config)
        with progress_bar(show_progress, len(query), f"ranking, {metric}", "queries") as count:
            rankings[metric] = rank(
                *sets, *labels, metric=metric, progress=count, **paths, **options
            )
        if config.rerank:
            distances = _reranked(sets, metric, config, show_progress)
            rankings[f"{metric}_reranked"] = rank_distances(distances, *labels, **options)
        if config.verification:
            text = f"verifying, {metric}"
            with progress_bar(show_progress, 2 * len(query), text, "queries") as count:
                verifications[metric] = verify(
                    *plain,
                    *labels,
                    metric=metric,
                    camera_aware=config.camera_aware,
                    progress=count,
                )
    results["num_unmatched_query"] = rankings[metrics[0]].num_unmatched_queries
    results.update({name: _figures(ranking) for name, ranking in rankings.items()})
    if config.single_shot:
        for metric in metrics:
            results[metric]["single_shot"] = _single_shot(plain, labels, metric, config)
    if verifications:
        results["verification"] = {m: _verified(found) for m, found in verifications.items()}
    return Evaluation(results, rankings, verifications)


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


def _labels(dataset):
    """`(q_pids, g_pids, q_camids, g_camids)`."""
    parts = dataset.query, dataset.gallery
    return tuple(
        np.array([getattr(sample, name) for sample in part])
        for name in ("pid", "camid")
        for part in parts
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


def _figures(ranking):
    last = len(ranking.cmc)
    return {
        **{f"rank{k}": float(ranking.cmc[min(k, last) - 1]) for k in RANKS},
        "mAP": ranking.mAP,
        "mAP_trapezoid": ranking.mAP_trapezoid,
        "mINP": ranking.mINP,
    }


def _single_shot(sets, labels, metric, config):
    found = rank_single_shot(
        *sets,
        *labels,
        repeats=config.single_shot,
        seed=config.seed,
        max_rank=max(RANKS),
        metric=metric,
        camera_aware=config.camera_aware,
    )
    figures = {"repeats": config.single_shot}
    for k in RANKS:
        figures[f"rank{k}"] = float(found.cmc[k - 1])
        if config.single_shot > 1:
            figures[f"rank{k}_std"] = float(found.cmc_std[k - 1])
    return figures


def _verified(found):
    rates = zip(found.fprs, found.thresholds, found.tprs, found.reached_fprs, strict=True)
    return {
        "eer": found.eer,
        "eer_threshold": found.eer_threshold,
        "num_same": found.num_same,
        "num_different": found.num_different,
        "at_fpr": {
            f"{fpr:g}": {"threshold": float(threshold), "tpr": float(tpr), "fpr": float(reached)}
            for fpr, threshold, tpr, reached in rates
        },
    }
