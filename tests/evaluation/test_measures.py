"""Every measure of a protocol, from embeddings."""

import json

import numpy as np
import pytest

from osnet_tf import metrics
from osnet_tf.data import ReidDataset, Sample
from osnet_tf.evaluation import EvaluationConfig, evaluate_features
from osnet_tf.report import results_table

FEATURES = np.array([[0, 1], [5, 0], [0, 2], [0, 1.5], [6, 0], [3, 3]], "float32")
DATASET = ReidDataset(
    "toy",
    train=(),
    query=(Sample("q1", 1, 0), Sample("q2", 2, 0)),
    gallery=(Sample("a", 1, 1), Sample("b", 3, 1), Sample("c", 2, 1), Sample("d", 2, 0)),
)


def test_results_by_hand():
    """q1: b (1.5) comes before a (2), so its match is second; q2: c is first, d is its own
    camera's and does not count."""
    results = evaluate_features(FEATURES, DATASET).to_dict()
    assert (results["dataset"], results["num_query"], results["num_gallery"]) == ("toy", 2, 4)
    assert results["num_unmatched_query"] == 0
    euclidean = results["euclidean"]
    assert (euclidean["rank1"], euclidean["rank5"], euclidean["mAP"]) == (0.5, 1.0, 0.75)
    assert results["cosine"]["rank1"] == 1.0  # a and b point the same way; ties go by index
    json.dumps(results)


def test_the_table_has_every_figure():
    table = results_table(evaluate_features(FEATURES, DATASET).to_dict()).splitlines()
    assert table[0].split() == [
        "dataset", "distance", "Rank-1", "Rank-5", "Rank-10", "Rank-20", "mAP", "mINP",
    ]  # fmt: skip
    assert table[1].split() == ["toy", "Euclidean", "50.00", *["100.00"] * 3, *["75.00"] * 2]
    assert table[-1] == "toy: 2 queries, 4 gallery images"


def clustered(seed=0, dim=8):
    """Features of 5 people by 3 cameras, 2 images each, and 4 distractors."""
    rng = np.random.default_rng(seed)
    centers = 2 * rng.standard_normal((5, dim))
    images = [(pid, camid) for pid in range(5) for camid in range(3) for _ in range(2)]
    points = [centers[pid] + rng.standard_normal(dim) for pid, _ in images]
    samples = [Sample(f"{i}.jpg", pid + 1, camid) for i, (pid, camid) in enumerate(images)]
    samples += [Sample(f"d{i}.jpg", 0, 0) for i in range(4)]
    points += list(2 * rng.standard_normal((4, dim)))
    queries = range(0, 30, 6)
    order = [*queries, *(i for i in range(34) if i not in queries)]
    query = tuple(samples[i] for i in order[:5])
    gallery = tuple(samples[i] for i in order[5:])
    return np.array(points, "float32")[order], ReidDataset("clusters", (), query, gallery)


def test_every_choice_is_the_library_function_it_names():
    features, dataset = clustered()
    query, gallery = features[:5], features[5:]
    labels = [np.array([getattr(s, name) for s in part]) for name in ("pid", "camid")
              for part in (dataset.query, dataset.gallery)]  # fmt: skip
    config = EvaluationConfig(
        query_expansion=2, database_augmentation=3, expansion_alpha=1.5, rerank=True,
        rerank_k1=4, rerank_k2=2, rerank_lambda=0.2, single_shot=7, seed=3, camera_aware=False,
    )  # fmt: skip
    found = evaluate_features(features, dataset, config, metrics=("cosine",)).to_dict()
    sets = (
        metrics.expand_queries(query, gallery, k=2, alpha=1.5),
        metrics.augment_gallery(gallery, k=3, alpha=1.5),
    )
    options = {"metric": "cosine", "camera_aware": False}
    ranking = metrics.rank(*sets, *labels, **options)
    distances = metrics.rerank(*sets, k1=4, k2=2, lambda_value=0.2, metric="cosine")
    reranked = metrics.rank_distances(distances, *labels, camera_aware=False)
    single = metrics.rank_single_shot(query, gallery, *labels, repeats=7, seed=3, **options)
    verified = metrics.verify(query, gallery, *labels, **options)
    assert found["cosine"]["mAP"] == ranking.mAP
    assert found["cosine"]["mAP_trapezoid"] == ranking.mAP_trapezoid
    assert found["cosine_reranked"]["mAP"] == reranked.mAP != ranking.mAP
    assert found["cosine"]["single_shot"]["rank1"] == single.cmc[0]
    assert found["cosine"]["single_shot"]["rank1_std"] == single.cmc_std[0]
    assert found["verification"]["cosine"]["eer"] == verified.eer
    assert found["verification"]["cosine"]["at_fpr"]["0.1"]["tpr"] == verified.tprs[0]
    assert found["num_distractors"] == 4
    assert evaluate_features(features, dataset).to_dict()["cosine"] != found["cosine"]
    table = results_table(found)
    assert "cosine, re-ranked" in table
    assert "7 draws" in table
    assert "4 of them distractors" in table
    assert f"up to distance {verified.thresholds[0]:8.4f}" in table


def test_features_of_another_number_are_refused():
    features, dataset = clustered()
    with pytest.raises(ValueError, match=r"5 queries and 29 gallery .* shape=\(33, 8\)"):
        evaluate_features(features[:-1], dataset)


def test_nan_features_are_named_by_the_image():
    features, dataset = clustered()
    features[7, 0] = np.nan
    with pytest.raises(
        ValueError, match=rf"gallery must be finite: row 2 \({dataset.gallery[2].path}"
    ):
        evaluate_features(features, dataset)
