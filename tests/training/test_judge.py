"""What is saved when, without training."""

import contextlib
import resource

import keras
import numpy as np
import pytest

from osnet_tf.errors import WriteError
from osnet_tf.runs import RunDir
from osnet_tf.training import TaskScores
from osnet_tf.training.config import TrainingEvaluationConfig
from osnet_tf.training.judge import Judge


class Scores:
    """A task with scores that the test has chosen."""

    score, figures = "share", ("share",)

    def __init__(self, *shares):
        self._shares = iter(shares)

    def evaluate(self, embedder, model, **_):
        share = next(self._shares)
        return TaskScores(
            {"share": share}, {"share": share, "weight": embedder.get_weights()[0].item()}
        )

    def predictor(self, embedder, model):
        return None

    def evaluate_others(self, embedder, model, **_):
        return {"others": {"other": {"share": 0.0}}}


@pytest.fixture
def embedder():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.zeros((1, 1))])
    return model


@pytest.fixture
def make_judge(embedder, tmp_path):
    folder = RunDir(tmp_path / "run")
    folder.create({})

    def make(*shares, **settings):
        config = TrainingEvaluationConfig(**settings)

        @contextlib.contextmanager
        def for_use():
            yield embedder, embedder

        options = {"strategy": None, "show_progress": False}
        return Judge(Scores(*shares), config, 5, folder, for_use, **options), folder

    return make


def weight_of(path):
    return keras.models.load_model(path).get_weights()[0].item()


def test_when_it_is_due(make_judge):
    judge, _ = make_judge()
    assert [judge.is_due(epoch) for epoch in range(1, 6)] == 4 * [False] + [True]
    judge, _ = make_judge(evaluate_every=2)
    assert [judge.is_due(epoch) for epoch in range(1, 6)] == [False, True, False, True, True]


def test_the_best_is_kept_and_the_last_is_the_result(make_judge, embedder):
    judge, folder = make_judge(0.2, 0.6, 0.6, evaluate_every=2, patience=1)
    enough = []
    for epoch in (2, 4, 5):
        embedder.set_weights([np.full((1, 1), epoch)])
        judge.judge(epoch)
        enough.append(judge.has_enough)
    assert enough == [False, False, True]
    assert (weight_of(folder.best_embedder), weight_of(folder.embedder)) == (4.0, 5.0)
    score, results = judge.finish(5)  # what it knows, it does not ask again
    assert (score, results["best"]) == (0.6, {"epoch": 4, "share": 0.6})
    assert results["weight"] == 5.0
    assert results["others"] == {"other": {"share": 0.0}}


def test_an_epoch_that_was_not_evaluated_is_at_the_end(make_judge, embedder):
    judge, folder = make_judge(0.2, 0.3)
    judge.judge(2)
    embedder.set_weights([np.full((1, 1), 3.0)])
    score, results = judge.finish(3)
    assert (score, results["weight"], weight_of(folder.embedder)) == (0.3, 3.0, 3.0)
    assert "best" not in results


def test_a_full_disk_leaves_the_old_embedder(make_judge, embedder):
    judge, folder = make_judge(0.2, 0.3)
    judge.judge(1)
    before = {path.name for path in folder.path.iterdir()}
    embedder.set_weights([np.full((1, 1), 7.0)])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(WriteError, match=rf"{folder.embedder} cannot be written: File too l"):
            judge.judge(2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert weight_of(folder.embedder) == 0.0
    assert {path.name for path in folder.path.iterdir()} == before
