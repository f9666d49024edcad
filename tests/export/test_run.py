"""Runs and model files, exported with the images of whatever they were trained on."""

import json

import numpy as np
import pytest
from PIL import Image

from osnet_tf.architecture import fingerprint
from osnet_tf.data import generate_demo
from osnet_tf.errors import ArgumentError, FileError
from osnet_tf.export import ExportConfig, export_run, read_manifest
from osnet_tf.metrics import Calibration, calibration_path, write_calibrations
from osnet_tf.models import OSNet

CONFIG = ExportConfig(formats="tflite", latency_rounds=0)
SIZE = (32, 16)


@pytest.fixture(scope="module")
def model():
    return OSNet("osnet_x0_25", input_shape=(*SIZE, 3), streams=1)


@pytest.fixture
def exported(monkeypatch):
    """Nothing is exported; what would have been is collected."""
    calls = []

    def collect(embedder, output_dir, dataset, config, *, thresholds, show_progress):
        calls.append((embedder, output_dir, dataset, thresholds))

    monkeypatch.setattr("osnet_tf.export.run.export_model", collect)
    return calls


def make_run(folder, model, **settings):
    folder.mkdir()
    settings = {"data_dir": str(folder.parent), **settings}
    (folder / "config.json").write_text(json.dumps({"config": settings}))
    model.save(folder / "embedder.keras")
    return folder


def test_only_thresholds_of_these_very_weights_are_exported(tmp_path, model):
    run = make_run(tmp_path / "mine", model, dataset="demo")
    generate_demo(tmp_path, train_identities=1, test_identities=2, images_per_camera=2)
    own = [
        Calibration(metric, value, 1e-3, 0.8, 5, 9, dataset, fingerprint(model))
        for metric, value, dataset in [("cosine", 0.3, "demo"), ("euclidean", 9.0, "other")]
    ]
    others = Calibration("cosine", 0.7, 1e-3, 0.8, 5, 9, "demo", "f00d")
    write_calibrations(calibration_path(run / "embedder.keras"), [others, *own])
    export_run(run, tmp_path / "out", CONFIG)
    record = read_manifest(tmp_path / "out")
    assert record["thresholds"] == [one.to_dict() for one in own]
    assert record["fingerprint"] == fingerprint(model)
    assert record["architecture"]["streams"] == 1

    # Other weights saved over the file: the thresholds are no longer theirs
    changed = OSNet("osnet_x0_25", input_shape=(*SIZE, 3), streams=1)
    changed.save(run / "embedder.keras")
    export_run(run, tmp_path / "out", CONFIG)
    record = read_manifest(tmp_path / "out")
    assert record["fingerprint"] == fingerprint(changed) != fingerprint(model)
    assert {t["fingerprint"] for t in record["thresholds"]} == {fingerprint(changed)}
    assert not {0.3, 0.7, 9.0} & {t["threshold"] for t in record["thresholds"]}

    calibration_path(run / "embedder.keras").write_text("[]")
    with pytest.raises(FileError, match=r"embedder\.calibration\.json"):
        export_run(run, tmp_path / "out", CONFIG)


def paint(place, names):
    rng = np.random.default_rng(0)
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*SIZE, 3), "uint8")).save(place / name)


def test_several_datasets_and_the_runs_own_split(tmp_path, model, exported):
    for place in ("a", "b"):
        names = [f"{pid}/{camera}_{i}.png" for pid in "1234" for camera in "12" for i in "ab"]
        paint(tmp_path / place, names)
    run = make_run(
        tmp_path / "run", model, dataset="folder:a,folder:b", split_identities=0.25, seed=3
    )
    export_run(run)
    _, output_dir, dataset, thresholds = exported.pop()
    assert (output_dir.as_posix(), thresholds) == ("saved_models/run", [])
    assert dataset.name == "folder:a+folder:b"
    assert len({s.pid for s in dataset.train}) == 6
    assert len({s.pid for s in dataset.query}) == 2
    export_run(run, dataset="folder:a", split_identities=0.5)
    (_, _, other, _) = exported.pop()
    assert (other.name, len({s.pid for s in other.train})) == ("folder:a", 2)
    same = {s.path for s in dataset.query if "/a/" in s.path}
    export_run(run, dataset="folder:a")
    assert {s.path for s in exported.pop()[2].query} == same


def test_a_run_of_classes_exports_its_embedder(tmp_path, model):
    names = ["train/cat/1.png", "train/dog/1.png", "test/cat/2.png", "test/dog/2.png"]
    paint(tmp_path / "pets", names)
    run = make_run(tmp_path / "run", model, dataset="classes:pets")
    config = CONFIG.replace(precisions="fp32,int8", calibration_images=2)
    report = export_run(run, tmp_path / "out", config)
    assert (report["dataset"], report["evaluation"], report["num_images"]) == (
        "classes:pets",
        "none",
        2,
    )
    fp32, int8 = report["artefacts"]
    assert fp32["cosine_min"] > 0.99999
    assert int8["cosine_min"] > 0.95
    assert read_manifest(tmp_path / "out")["thresholds"] == []
    with pytest.raises(ArgumentError, match=r"classes:pets cannot be evaluated.*evaluate=none"):
        export_run(run, tmp_path / "out", CONFIG.replace(evaluate="full"))


def test_a_file_by_itself_is_compared_on_the_demo_people(tmp_path, model, exported):
    generate_demo(tmp_path, train_identities=1, test_identities=2, images_per_camera=2)
    model.save(tmp_path / "net.keras")
    export_run(model=tmp_path / "net.keras", data_dir=tmp_path)
    embedder, output_dir, dataset, _ = exported.pop()
    assert fingerprint(embedder) == fingerprint(model)
    assert (output_dir.as_posix(), dataset.name) == ("saved_models/net", "demo")
