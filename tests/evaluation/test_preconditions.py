"""What cannot be evaluated is refused before any image is read: these have none."""

import pytest

from osnet_tf.config import ConfigError
from osnet_tf.data import ReidDataset, Sample
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation import EvaluationConfig, check_can_evaluate, evaluate_features
from osnet_tf.report import results_table


def dataset(query, gallery, **more):
    """From (pid, camid) pairs."""
    parts = [tuple(Sample(f"{i}.jpg", *one) for i, one in enumerate(x)) for x in (query, gallery)]
    return ReidDataset("mine", (), *parts, **more)


@pytest.mark.parametrize(
    ("query", "gallery", "said"),
    [
        ([], [(1, 0)], "it has no query images"),
        ([(1, 0)], [], "it has no gallery images"),
        ([(1, 0)], [(2, 1), (0, 1)], "0 of the 1 query pids are shared"),
        ([(1, 0), (2, 0)], [(1, 0), (2, 0)], "all camera ids are equal"),
        ([(1, 0), (2, 1)], [(1, 0), (2, 1)], "by the query's own camera"),
    ],
)
def test_nothing_to_find_is_refused_by_the_datasets_name(query, gallery, said):
    with pytest.raises(ArgumentError, match=f"The dataset mine cannot be evaluated: .*{said}"):
        check_can_evaluate(dataset(query, gallery))


def test_one_query_with_a_match_is_enough():
    check_can_evaluate(dataset([(1, 0), (2, 0)], [(1, 1), (3, 0)]))
    one_camera = dataset([(1, 0)], [(1, 0)])
    check_can_evaluate(one_camera, EvaluationConfig(camera_aware=False))
    check_can_evaluate(one_camera._replace(has_cameras=False))


@pytest.mark.parametrize(
    ("setting", "largest", "rule"),
    [
        ("query_expansion", 2, "must be <= the 2 gallery images"),
        ("database_augmentation", 1, "must be < the 2 gallery images"),
        ("rerank_k1", 3, "must be < the 4 images in all"),
    ],
)
def test_settings_have_to_fit_the_counts(setting, largest, rule):
    data = dataset([(1, 0), (2, 0)], [(1, 1), (2, 1)])
    fits = EvaluationConfig(rerank=True, **{"rerank_k1": 3, "rerank_k2": 1, setting: largest})
    check_can_evaluate(data, fits)
    with pytest.raises(ConfigError, match=f"`{setting}` {rule}. Received: .*{largest + 1}"):
        check_can_evaluate(data, fits.replace(**{setting: largest + 1}))


def test_without_cameras_every_image_of_the_person_is_a_match():
    """The query's nearest, at 0, is "by the same camera": it counts only where there are none."""
    features = [[0.0], [0.0], [2.0], [1.0]]
    data = dataset([(1, 0)], [(1, 0), (1, 1), (2, 1)])
    with_rule = evaluate_features(features, data, metrics=("euclidean",))
    without = evaluate_features(
        features, data._replace(has_cameras=False, notes=("no split",)), metrics=("euclidean",)
    )
    assert with_rule.scores["euclidean"].mAP == 1 / 2
    assert without.scores["euclidean"].mAP == (1 + 2 / 3) / 2
    assert "has_cameras" not in with_rule.to_dict()
    assert without.to_dict()["has_cameras"] is False
    table = results_table(without.to_dict())
    assert "without cameras: all images of the query's person are matches" in table
    assert table.splitlines()[-1] == "mine: no split"


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"rerank_k1": 2, "rerank_k2": 4}, "`rerank_k2` must be <= rerank_k1 [+] 1"),
        ({"rerank_lambda": 2.0}, "`rerank_lambda` must be >= 0 and <= 1"),
        ({"max_rank": 0}, "`max_rank` must be >= 1"),
        ({"single_shot": -1}, "`single_shot` must be >= 0"),
        ({"flip_test": "no"}, "`flip_test` must be true or false"),
        ({"expansion_alpha": float("nan")}, "`expansion_alpha` must be a finite number"),
    ],
)
def test_settings_out_of_range(values, rule):
    with pytest.raises(ConfigError, match=rule):
        EvaluationConfig(**values)
