"""Rank-k and mAP of an embedder on a dataset."""

import numpy as np

from osnet_tf.embedding import embed_paths
from osnet_tf.metrics import rank
from osnet_tf.model_source import load_source
from osnet_tf.progress_bar import progress_bar
from osnet_tf.training.run_dir import RunDir, write_json

RANKS = (1, 5, 10, 20)
METRICS = ("euclidean", "cosine")


def evaluate(embedder, dataset, *, metrics=METRICS, batch_size=256, progress=None):
    """Evaluates an embedder as the public code does: CMC and non-interpolated mAP, matches by the
    same camera removed.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns.
        dataset: A `ReidDataset` with query and gallery.
        metrics: Distances to rank by: "euclidean", "cosine".
        batch_size: Images in a batch.
        progress: Called with the number of images of each finished batch; may be None. There are
            `len(dataset.query) + len(dataset.gallery)` in all.

    Returns:
        A dict as `results.json` holds it: dataset, num_query, num_gallery, num_unmatched_query and,
        for each metric, a dict of `rank1`, `rank5`, `rank10`, `rank20`, `mAP` and `mINP`,
        fractions in [0, 1].

    Raises ImageError for an unreadable image, ValueError if no query has a match.

    Reference: Zheng et al., Scalable Person Re-identification: A Benchmark (ICCV 2015).
    """
    samples = (*dataset.query, *dataset.gallery)
    features = embed_paths(
        embedder, [s.path for s in samples], batch_size=batch_size, progress=progress
    )
    return evaluate_features(features, dataset, metrics=metrics)


def evaluate_features(features, dataset, *, metrics=METRICS):
    """The results of `evaluate` from embeddings: those of the queries, then of the gallery.

    Args:
        features: `(num_query + num_gallery, dim)` float.
        dataset: A `ReidDataset` with query and gallery in the same order.
        metrics: Distances to rank by.
    """
    q, g = dataset.query, dataset.gallery
    q_pids, g_pids = (np.array([s.pid for s in part]) for part in (q, g))
    q_camids, g_camids = (np.array([s.camid for s in part]) for part in (q, g))
    results = {"dataset": dataset.name, "num_query": len(q), "num_gallery": len(g)}
    for metric in metrics:
        ranking = rank(
            features[: len(q)],
            features[len(q) :],
            q_pids,
            g_pids,
            q_camids,
            g_camids,
            max_rank=min(max(RANKS), len(g)),
            metric=metric,
        )
        results["num_unmatched_query"] = ranking.num_unmatched_queries
        results[metric] = {
            **{f"rank{k}": float(ranking.cmc[min(k, len(g)) - 1]) for k in RANKS},
            "mAP": float(ranking.mAP),
            "mINP": float(ranking.mINP),
        }
    return results


def evaluate_file(*, output=None, batch_size=256, show_progress=False, **source):
    """Evaluates a run's model, or a `.keras` file, and writes the results.

    Args:
        output: JSON file; `results.json` of the run by default, nothing for a `.keras` file.
        batch_size: Images in a batch.
        show_progress: A progress bar on stderr.
        **source: Those of `osnet_tf.model_source.load_source`.

    Returns:
        (the dict that `evaluate` returns, the path written or None).
    """
    embedder, dataset = load_source(**source)
    total = len(dataset.query) + len(dataset.gallery)
    with progress_bar(show_progress, total, "evaluating") as count:
        results = evaluate(embedder, dataset, batch_size=batch_size, progress=count)
    # A run's own results are not overwritten by those on another dataset
    if output is None and source.get("run_dir") and not source.get("dataset"):
        output = RunDir(source["run_dir"]).results_json
    if output:
        write_json(output, results)
    return results, output
