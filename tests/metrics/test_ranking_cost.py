import numpy as np
import pytest

from osnet_tf.errors import FileError, NotFoundError
from osnet_tf.metrics import rank, rank_distances, ranking_cost, rerank
from osnet_tf.report import evaluator_table


@pytest.fixture(scope="module")
def sets():
    return ranking_cost.make_features(ranking_cost.Size(30, 200, 20, 3))


def test_features_are_clustered_and_repeat(sets):
    again = ranking_cost.make_features(ranking_cost.Size(30, 200, 20, 3))
    np.testing.assert_array_equal(sets["gallery"], again["gallery"])
    labels = [sets[name] for name in ("q_pids", "g_pids", "q_camids", "g_camids")]
    chance = rank(sets["query"], sets["gallery"][::-1], *labels).mAP
    assert rank(sets["query"], sets["gallery"], *labels).mAP > chance + 0.1


@pytest.mark.parametrize("task", ["ranking", "reranking"])
def test_what_is_measured_is_the_evaluation(sets, task):
    done = []
    cost = ranking_cost.measure_cost(task, sets, repeats=1, progress=done.append)
    labels = [sets[name] for name in ("q_pids", "g_pids", "q_camids", "g_camids")]
    if task == "ranking":
        expected = rank(sets["query"], sets["gallery"], *labels).mAP
    else:
        expected = rank_distances(rerank(sets["query"], sets["gallery"]), *labels).mAP
    assert cost.mAP == pytest.approx(expected, abs=1e-6)
    assert done == [1]
    assert "osnet_tf" in evaluator_table([cost])


def test_what_fails_is_told(sets):
    with pytest.raises(ValueError, match="`task` must be one of 'ranking', 'reranking'"):
        ranking_cost.measure_cost("rank", sets)
    with pytest.raises(RuntimeError, match=r"(?s)ranking_cost ranking .* failed: .*'?gallery"):
        ranking_cost.measure_cost("ranking", {"query": sets["query"]})


def test_features_of_embed_py_without_junk(tmp_path):
    columns = {"pid": [3, -1, 0], "camid": [1, 0, 2], "embedding": np.eye(3, dtype="float32")}
    np.savez(tmp_path / "images.npz", path=["a", "b", "c"], **columns)
    sets = ranking_cost.read_features(tmp_path / "images.npz", tmp_path / "images.npz")
    assert list(sets["q_pids"]) == list(sets["g_pids"]) == [3, 0]
    np.testing.assert_array_equal(sets["gallery"], np.eye(3)[[0, 2]])


def test_a_file_without_features_is_named(tmp_path):
    damaged, other = tmp_path / "damaged.npz", tmp_path / "other.npz"
    damaged.write_bytes(b"PK\x03\x04 no zip")
    np.savez(other, embedding=np.eye(3))
    for path, problem in ((damaged, "is no whole .npz file"), (other, "pid")):
        with pytest.raises(FileError, match=rf"{path}.* {problem}"):
            ranking_cost.read_features(path, path)
    with pytest.raises(NotFoundError, match=r"none\.npz"):
        ranking_cost.read_features(tmp_path / "none.npz", other)
