import statistics

import numpy as np
import pytest

from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation import Evaluation, Scores, average_splits, mean_and_deviation
from osnet_tf.metrics import rank_single_shot
from osnet_tf.report import averages_table

NAMES = ("rank1", "rank5", "rank10", "rank20", "mAP", "mAP_trapezoid", "mINP")


def some_scores(count, single_shot=None):
    rng = np.random.default_rng(3)
    return [Scores(*rng.random(len(NAMES)), single_shot=single_shot) for _ in range(count)]


def of(name, scores, trained_on=False):
    return Evaluation(name, 1, 1, 0, 0, {}, {"cosine": scores}, trained_on=trained_on)


def test_mean_and_deviation_against_the_standard_library():
    scores = some_scores(7)
    found = mean_and_deviation(scores)
    assert found.keys() == set(NAMES)
    for name in NAMES:
        values = [getattr(one, name) for one in scores]
        assert found[name]["mean"] == pytest.approx(statistics.mean(values))
        assert found[name]["std"] == pytest.approx(statistics.stdev(values))


def test_single_shot_figures_if_all_have_them():
    gallery = [[1.0], [2.0], [3.0], [4.0]]
    shots = [
        rank_single_shot([[0.0]], gallery, [7], [7, 4, 7, 5], [0], [1] * 4, repeats=30, seed=seed)
        for seed in (0, 1)
    ]
    scores = [some_scores(1, shot)[0] for shot in shots]
    found = mean_and_deviation(scores)["single_shot"]
    assert found.keys() == {"rank1", "rank5", "rank10", "rank20"}
    first = [float(shot.cmc[0]) for shot in shots]
    assert first[0] != first[1]
    assert found["rank1"]["mean"] == pytest.approx(sum(first) / 2)
    assert found["rank1"]["std"] == pytest.approx(abs(first[0] - first[1]) / 2**0.5)
    assert found["rank20"] == {"mean": 1.0, "std": 0.0}
    assert "single_shot" not in mean_and_deviation([scores[0], *some_scores(1)])
    figures = {"viper": {"splits": ["a", "b"], "cosine": mean_and_deviation(scores)}}
    assert "one gallery image a person" in averages_table(figures)


@pytest.mark.parametrize("count", [0, 1])
def test_a_deviation_takes_two(count):
    with pytest.raises(ArgumentError, match=f"takes two scores or more. Received: {count}"):
        mean_and_deviation(some_scores(count))


def test_splits_that_were_trained_on_do_not_count():
    one, two, three = some_scores(3)
    splits = [of("viper:0", one), of("viper:1", two), of("viper:2", three, trained_on=True)]
    found = average_splits({"viper": splits, "grid": [of("grid:0", one)], "prid": splits[1:]})
    assert found == {
        "viper": {"splits": ["viper:0", "viper:1"], "cosine": mean_and_deviation([one, two])}
    }
