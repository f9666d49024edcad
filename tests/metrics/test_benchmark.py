import numpy as np
import pytest

from osnet_tf.metrics import benchmark, rank, rank_distances, rerank
from osnet_tf.report import evaluator_table


@pytest.fixture(scope="module")
def sets():
    return benchmark.make_features(benchmark.Size(30, 200, 20, 3))


def test_features_are_clustered_and_repeat(sets):
    again = benchmark.make_features(benchmark.Size(30, 200, 20, 3))
    np.testing.assert_array_equal(sets["gallery"], again["gallery"])
    labels = [sets[name] for name in ("q_pids", "g_pids", "q_camids", "g_camids")]
    chance = rank(sets["query"], sets["gallery"][::-1], *labels).mAP
    assert rank(sets["query"], sets["gallery"], *labels).mAP > chance + 0.1


@pytest.mark.parametrize("task", ["ranking", "reranking"])
def test_what_is_measured_is_the_evaluation(sets, task):
    done = []
    [row] = benchmark.compare(task, sets, progress=done.append)
    labels = [sets[name] for name in ("q_pids", "g_pids", "q_camids", "g_camids")]
    if task == "ranking":
        expected = rank(sets["query"], sets["gallery"], *labels).mAP
    else:
        expected = rank_distances(rerank(sets["query"], sets["gallery"]), *labels).mAP
    assert row.mAP == pytest.approx(expected, abs=1e-6)
    assert row.seconds > 0
    assert set(done) == {1}
    assert "osnet_tf" in evaluator_table([row])


def test_a_checkout_without_the_compiled_evaluator(sets, tmp_path):
    with pytest.raises(FileNotFoundError, match="no compiled evaluator: run make there"):
        benchmark.compare("ranking", sets, public_code=tmp_path)


def test_features_of_embed_py_without_junk(tmp_path):
    columns = {"pid": [3, -1, 0], "camid": [1, 0, 2], "embedding": np.eye(3, dtype="float32")}
    np.savez(tmp_path / "images.npz", path=["a", "b", "c"], **columns)
    sets = benchmark.read_features(tmp_path / "images.npz", tmp_path / "images.npz")
    assert list(sets["q_pids"]) == list(sets["g_pids"]) == [3, 0]
    np.testing.assert_array_equal(sets["gallery"], np.eye(3)[[0, 2]])
