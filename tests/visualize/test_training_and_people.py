"""Training curves, and people as points."""

import sys

import numpy as np
import pytest

from osnet_tf.errors import ArgumentError, FileError, MissingPackageError, NotFoundError
from osnet_tf.visualize.people_map import draw_people, tsne
from osnet_tf.visualize.training import draw_training, read_curves

CSV = """epoch,loss,cross_entropy,triplet,accuracy,learning_rate,seconds,input_wait,rank1,mAP
1,3.5,3,0.5,0.25,0.001,10,0.1,,
2,2.5,2.25,0.25,0.5,0.002,10,0.1,0.5,0.25
3,nan,2,0.125,0.75,0.001,10,0.1,,
4,1.5,1.25,0.25,1,0.0005,10,0.1,0.75,0.5
"""


def test_training_curves(drawn, tmp_path):
    (tmp_path / "metrics.csv").write_text(CSV)
    draw_training(tmp_path / "curves.png", tmp_path / "metrics.csv")
    lines = [
        {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
        for axes in drawn
    ]
    losses, shares, rates = lines
    assert losses["loss"] == [[1, 3.5], [2, 2.5], [4, 1.5]]  # NaN is a gap in the table
    assert set(losses) == {"loss", "cross entropy", "triplet"}
    assert shares["Rank-1"] == [[2, 50], [4, 75]]
    assert shares["accuracy"][3] == [4, 100]
    assert set(shares) == {"accuracy", "Rank-1", "mAP"}
    assert list(rates.values()) == [[[1, 0.001], [2, 0.002], [3, 0.001], [4, 0.0005]]]
    assert [axes.get_ylabel() for axes in drawn] == ["loss", "share (%)", "learning rate"]
    assert read_curves(tmp_path / "metrics.csv")["seconds"] == ([1, 2, 3, 4], [10.0] * 4)


def test_a_loss_of_one_part_is_drawn_once(drawn, tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,loss,cross_entropy\n1,2,2\n")
    draw_training(tmp_path / "curves.png", tmp_path / "metrics.csv")
    [axes] = drawn
    assert [line.get_label() for line in axes.get_lines()] == ["loss"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("epoch,loss\n", "has no epoch yet"), ("a,b\n1,2\n", "no table of epochs"),
     ("epoch,loss\n1,x\n", "no table of epochs: could not convert"),
     ("epoch,loss\n1,2,3\n", "no table of epochs")],
)  # fmt: skip
def test_no_table_of_epochs(tmp_path, text, message):
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(FileError, match=rf"metrics\.csv .*{message}"):
        draw_training(tmp_path / "curves.png", tmp_path / "metrics.csv")
    with pytest.raises(NotFoundError, match=r"none\.csv"):
        draw_training(tmp_path / "curves.png", tmp_path / "none.csv")
    assert not (tmp_path / "curves.png").exists()


def test_tsne_keeps_people_together():
    pytest.importorskip("sklearn", reason="scikit-learn (pip install -r requirements-test.txt)")
    rng = np.random.default_rng(0)
    pids = np.repeat(np.arange(5), 12)
    embeddings = rng.standard_normal((5, 16))[pids] + 0.05 * rng.standard_normal((60, 16))
    lengths = rng.uniform(0.1, 10, (60, 1))  # only directions count
    plane = tsne(embeddings * lengths, perplexity=10)
    distances = np.linalg.norm(plane[:, None] - plane, axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (pids[distances.argmin(axis=1)] == pids).all()
    np.testing.assert_array_equal(plane, tsne(embeddings * lengths, perplexity=10))
    for bad in (np.zeros((3, 2)), np.full((5, 2), np.nan), np.zeros(5)):
        with pytest.raises(ArgumentError, match=r"n >= 4\. Received: shape="):
            tsne(bad)


def test_tsne_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingPackageError, match=r"osnet_tf\[visualize\]"):
        tsne(np.eye(5))


def test_people_are_points(drawn, tmp_path):
    """Twenty people in colours, cameras by marks, everyone else grey."""
    pids = np.array([*np.repeat(np.arange(1, 26), 2), 0, 0, 7])
    camids = np.arange(53) % 2
    plane = np.random.default_rng(0).random((53, 2)).astype("float32")
    draw_people(tmp_path / "map.png", plane, pids, camids=camids, names={7: "ann"})
    [axes] = drawn
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == [*(("ann" if p == 7 else str(p)) for p in range(1, 21)), "camera 1", "camera 2"]
    grey, *rest = axes.get_lines()
    expected = plane[(pids == 0) | (pids > 20)]
    np.testing.assert_array_equal(grey.get_xydata(), expected)
    points = [line for line in rest if len(line.get_xdata())]
    assert len({line.get_color() for line in points}) == 20
    for line in points:
        for x, y in line.get_xydata():
            at = np.flatnonzero((plane == (x, y)).all(axis=1))[0]
            same = [other for other in points if pids[at] == int(pids_of(other, plane, pids))]
            assert {other.get_color() for other in same} == {line.get_color()}
            assert line.get_marker() == "os"[camids[at]]
    with pytest.raises(ArgumentError, match="pids"):
        draw_people(tmp_path / "b.png", plane, pids[:3])


def pids_of(line, plane, pids):
    x, y = line.get_xydata()[0]
    return pids[np.flatnonzero((plane == (x, y)).all(axis=1))[0]]
