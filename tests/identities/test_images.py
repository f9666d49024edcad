"""Folders and datasets to a CSV of identities, and the command; scikit-learn beside it."""

import csv
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from osnet_tf import embed
from osnet_tf.architecture import fingerprint
from osnet_tf.commands import identities as command
from osnet_tf.data import ReidDataset, Sample, register_dataset, registry
from osnet_tf.errors import ArgumentError, FileError, MissingPackageError, NotFoundError
from osnet_tf.identities import identify, score_identities
from osnet_tf.identities.comparison import compare_clusterings, run_dbscan
from osnet_tf.identities.images import choose_threshold, identify_images
from osnet_tf.identities.views import Views, read_views, views_of_names
from osnet_tf.metrics import Calibration, calibration_path, write_calibrations
from osnet_tf.models import OSNet
from osnet_tf.weights import load_embedder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("identities") / "x.keras"
    OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1).save(path)
    return path


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Six people of one colour each, 4 x 2 cameras, named as Market-1501 names them."""
    folder = tmp_path_factory.mktemp("crops")
    rng = np.random.default_rng(0)
    for pid in range(1, 7):
        colour = rng.integers(0, 256, 3)
        for camera in (1, 2):
            for frame in range(4):
                noise = rng.integers(-3, 4, (32, 16, 3))
                pixels = np.clip(colour + noise, 0, 255).astype("uint8")
                name = f"{pid:04}_c{camera}s1_{1000 * pid + frame:06}_00.png"
                Image.fromarray(pixels).save(folder / name)
    return folder


@pytest.fixture
def dataset(crops):
    samples = tuple(
        Sample(str(path), int(path.name[:4]), int(path.name[6]) - 1)
        for path in sorted(crops.iterdir())
    )
    train, test = samples[:24], samples[24:]
    distractor = Sample(samples[0].path, 0, 0)
    found = ReidDataset("six", train, query=test[:2], gallery=(*test[2:], distractor))
    register_dataset("six", lambda _: found)
    yield found
    del registry.READERS["six"]


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def vectors(model, crops):
    """name -> embedding."""
    found = embed(load_embedder(model), crops)
    return dict(zip([Path(path).name for path in found.paths], found.embeddings, strict=True))


def test_a_folder_with_a_calibration(model, crops, vectors, tmp_path):
    own = fingerprint(load_embedder(model))
    write_calibrations(
        calibration_path(model), [Calibration("cosine", 1e-4, 1e-3, 0.9, 10, 90, "six", own)]
    )
    result = identify_images(model, tmp_path / "new" / "out.csv", images=crops)
    expected = identify([vectors[name] for name in sorted(vectors)], 1e-4)
    assert 1 < len(set(expected)) < 48
    rows = read(tmp_path / "new" / "out.csv")
    assert [row["path"] for row in rows] == sorted(path.name for path in crops.iterdir())
    np.testing.assert_array_equal([int(row["identity"]) for row in rows], expected)
    assert (result.threshold, result.scores) == (1e-4, None)


def test_a_picture_that_cannot_be_read_is_left_out(model, crops, tmp_path):
    name = sorted(path.name for path in crops.iterdir())[0]
    (tmp_path / "b.png").write_bytes((crops / name).read_bytes())
    (tmp_path / "a.png").write_bytes(b"no picture")
    result = identify_images(model, tmp_path / "out.csv", images=tmp_path, threshold=0.0)
    assert (result.paths, result.identities.tolist()) == (["b.png"], [0])
    assert result.failed[0][0].endswith("a.png")


def test_names_say_who_cannot_be_one(model, crops, tmp_path):
    options = {"images": crops, "threshold": 2.0}
    result = identify_images(model, tmp_path / "out.csv", cannot_link="camera", **options)
    assert result.identities.max() + 1 == 24
    table = tmp_path / "views.csv"
    names = sorted(path.name for path in crops.iterdir())
    lines = [f"{name},door,{n // 2},{n // 2}" for n, name in enumerate(names)]
    table.write_text("\n".join(["path,camid,time,tracklet", *lines]))
    options |= {"views": table, "cannot_link": "camera"}
    result = identify_images(model, tmp_path / "out.csv", **options)
    np.testing.assert_array_equal(result.identities, np.arange(48) // 2)


def test_a_dataset_whose_training_people_choose(model, dataset, vectors, tmp_path):
    options = {"dataset": "six", "choose_on": "six"}
    result = identify_images(model, tmp_path / "out.csv", **options)
    learnt = [vectors[Path(sample.path).name] for sample in dataset.train]
    pids = [sample.pid for sample in dataset.train]
    assert result.threshold == pytest.approx(choose_threshold(learnt, pids), rel=1e-4)
    tested = [*dataset.query, *dataset.gallery[:-1]]
    assert result.paths == [sample.path for sample in tested]
    assert result.scores == score_identities(result.identities, [s.pid for s in tested])


def test_the_command_says_what_it_did(model, dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command.command_line, "load_tensorflow", lambda: None)
    given = {"model": str(model), "output": str(tmp_path / "out.csv"), "dataset": "six"}
    given |= dict.fromkeys(("images", "views", "choose_on", "calibrated_on"))
    given |= {"data_dir": ".", "threshold": 0.0, "fpr": 1e-3, "metric": "cosine"}
    given |= {"rerank": False, "cannot_link": "none", "batch_size": 5}
    monkeypatch.setattr(command, "FLAGS", types.SimpleNamespace(**given))
    command.main([])
    first, _, table = capsys.readouterr().out.splitlines()
    assert first.endswith("24 images of 24 identities, joined up to a mean distance of 0")
    assert table.split() == ["100.00", "0.00", "0.00", "0.00", "12.50", "24", "3"]


def test_average_link_beside_dbscan(model, dataset):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    rows = list(compare_clusterings(model, dataset))
    assert [row.name.split(",")[0] for row in rows].count("DBSCAN") == 2
    assert sum("tracklets" in row.name for row in rows) == 2
    for row in rows:
        assert row.scores.num_images == 24
        assert row.scores.num_people == 3
        assert row.best_f1 >= row.scores.f1 - 1e-12 or "tracklets" in row.name


def test_noise_of_dbscan_is_people_by_themselves():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    points = np.array([0.0, 0.1, 5.0, 9.0])
    distances = abs(points[:, None] - points)
    assert len(set(run_dbscan(distances, 0.2, 2))) == 3


def test_without_scikit_learn(model, dataset, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(MissingPackageError, match="pip install scikit-learn"):
        next(compare_clusterings(model, dataset))


def test_what_names_tell():
    names = ["0002_c1s2_000451_03.jpg", "0003_c3s1_000007_00.jpg"]
    views = views_of_names(names)
    assert views.camids.tolist() == [0, 2]
    assert views.times.tolist() == [2e9 + 451, 1e9 + 7]
    assert views_of_names([*names, "holiday.jpg"]) == Views()
    assert views_of_names(["holiday.jpg"], [4]).camids.tolist() == [4]
    for rule, missing in (("time", "times"), ("camera", "cameras")):
        views = Views(np.array([0]) if rule == "time" else None)
        with pytest.raises(ArgumentError, match=f"The {missing} of the images are not known"):
            views.options(rule)
    with pytest.raises(ArgumentError, match="`cannot_link` must be one of"):
        Views().options("times")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "must have path and camid"),
        (b"path\na.jpg\n", "must have path and camid"),
        (b"path,time\na.jpg,noon\n", "row 2: time must be a number. Received: noon"),
        (b"path,camid\na.jpg,\n", "row 2: a camid or tracklet is missing"),
        (b"path,camid\na.jpg,1,2\n", "row 2: it has another number"),
        (b"path,camid\nb.jpg,1\n", "has no row of a.jpg"),
        (b"path,camid\n\xff.jpg,1\n", "is not in UTF-8"),
        (b'path,camid\n"a.jpg,1\n', "is no CSV"),
    ],
)
def test_a_wrong_table_is_named(tmp_path, content, problem):
    path = tmp_path / "views.csv"
    path.write_bytes(content)
    with pytest.raises(FileError, match=rf"views\.csv .*{problem}"):
        read_views(path, ["a.jpg"])


def test_wishes_that_do_not_go_together(model, crops, tmp_path):
    output = tmp_path / "out.csv"
    for options, rule in (
        ({}, "Give images or a dataset"),
        ({"images": crops, "dataset": "demo"}, "Give images or a dataset"),
        ({"images": crops, "rerank": True}, "Re-ranked distances have no calibration"),
        ({"images": crops, "threshold": 1.0, "choose_on": "demo"}, "Give a threshold, or"),
        ({"dataset": "cifar10", "threshold": 1.0}, "no such|is no dataset of people|cifar"),
    ):
        with pytest.raises((ArgumentError, NotFoundError), match=rule):
            identify_images(model, output, data_dir=tmp_path, **options)
    with pytest.raises(NotFoundError, match=r"no model none\.keras"):
        identify_images("none.keras", output, images=crops, threshold=1.0)
    with pytest.raises(ArgumentError, match=r"must end in \.csv"):
        identify_images(model, tmp_path / "out.txt", images=crops, threshold=1.0)
    assert not output.exists()
