"""The whole of `fit` on a few demo people: what it leaves behind, and going on from it."""

import csv
import json
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.data import generate_demo, load_dataset
from osnet_tf.data.decoding import ImageError
from osnet_tf.evaluation import EvaluationConfig, evaluate_source
from osnet_tf.report import results_table
from osnet_tf.runs import RunDir, RunDirError
from osnet_tf.training import ConfigError, TrainingConfig, fit, make_config, read_profile


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    generate_demo(folder, train_identities=4, test_identities=3, images_per_camera=2)
    return folder


def config(data_dir, **settings):
    return make_config(
        "demo",
        **{
            "data_dir": str(data_dir),
            "height": 32,
            "width": 16,
            "batch_size": 8,
            "epochs": 2,
            "streams": 1,
            "deterministic": False,
            **settings,
        },
    )


@pytest.fixture(scope="module")
def run_dir(data_dir, tmp_path_factory):
    """P x K batches, triplet loss and a classifier-only epoch: every part of the config at work."""
    folder = tmp_path_factory.mktemp("run") / "a"
    settings = {"instances": 2, "triplet_weight": 0.5, "new_layers_only_epochs": 1}
    fit(config(data_dir, **settings), folder)
    return folder


def test_what_a_run_leaves_behind(run_dir):
    run = RunDir(run_dir)
    with open(run.metrics_csv, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    loss = {name: float(rows[1][name]) for name in ("loss", "cross_entropy", "triplet")}
    assert loss["loss"] == pytest.approx(loss["cross_entropy"] + 0.5 * loss["triplet"], rel=1e-4)
    results = json.loads(run.results_json.read_text())
    assert float(rows[1]["mAP"]) == pytest.approx(results["euclidean"]["mAP"], rel=1e-4)
    assert rows[0]["mAP"] == ""
    assert list(run.tensorboard.glob("events*"))
    assert list(run.checkpoints.glob("ckpt-*.index"))
    assert json.loads(run.config_json.read_text())["config"]["height"] == 32


def test_the_saved_model_gives_the_results(run_dir, monkeypatch):
    """And from the embeddings that training has left, none is made anew."""
    monkeypatch.setattr("osnet_tf.evaluation.run.embed_paths", None)
    saved = json.loads(RunDir(run_dir).results_json.read_text())
    record, output_dir = evaluate_source(run_dir=run_dir)
    assert output_dir == run_dir / "evaluation"
    found = record["datasets"]["demo"]
    assert {name: found[name] for name in saved} == saved


def test_every_loss_and_the_average_at_once(data_dir, tmp_path):
    """Heads, triplets, circle and center loss by their settings; the average is what is saved."""
    settings = {
        "head": "arcface", "triplet": "semi_hard", "triplet_weight": 0.5, "circle_weight": 0.1,
        "center_weight": 0.01, "instances": 2, "average_decay": 0.5, "epochs": 1,
    }  # fmt: skip
    run = RunDir(tmp_path / "run")
    results = fit(config(data_dir, **settings), run.path)
    with open(run.metrics_csv, newline="") as file:
        [row] = csv.DictReader(file)
    parts = {"margin_softmax": 1, "semi_hard_triplet": 0.5, "circle": 0.1, "center": 0.01}
    total = sum(weight * float(row[name]) for name, weight in parts.items())
    assert float(row["loss"]) == pytest.approx(total, rel=1e-4)
    [index] = run.checkpoints.glob("*.index")
    kept = tf.train.load_checkpoint(str(index.with_suffix("")))
    variable = keras.models.load_model(run.embedder).trainable_variables[0]
    name = variable.path.replace("/", ".S")  # as TensorFlow writes a slash within a name
    end = f"{name}/.ATTRIBUTES/VARIABLE_VALUE"
    np.testing.assert_array_equal(variable, kept.get_tensor(f"average/averages/{end}"))
    assert np.abs(variable - kept.get_tensor(f"weights/{end}")).max() > 1e-5
    record, _ = evaluate_source(EvaluationConfig(verification=False), run_dir=run.path)
    assert record["datasets"]["demo"]["cosine"] == results["cosine"]


def test_the_best_model_is_kept_and_training_stops_when_nothing_gets_better(
    data_dir, tmp_path, monkeypatch
):
    """The last model is the result; accumulation, clipping and float16 on the way."""
    mAPs = iter([0.2, 0.5, 0.4, 0.5, 0.7])

    def fake(embedder, *_, **__):
        assert embedder.get_layer("conv5").dtype_policy.name == "float32"
        found = {"rank1": 0.0, "mAP": next(mAPs)}
        return SimpleNamespace(results={"euclidean": found, "cosine": found})

    monkeypatch.setattr(sys.modules["osnet_tf.training.fitting"], "evaluate", fake)
    settings = {
        "precision": "mixed_float16", "accumulation": 2, "clip_norm": 5.0, "epochs": 9,
        "base_rate_factor": 0.1, "evaluate_every": 1, "patience": 2,
    }  # fmt: skip
    run, said = RunDir(tmp_path / "run"), []
    results = fit(config(data_dir, **settings), run.path, profile=True, notify=said.append)
    assert results["euclidean"]["mAP"] == 0.5
    assert results["best"] == {"epoch": 2, "mAP": 0.5}
    assert said == ["Stopped after epoch 4: no better mAP in 2 evaluations"]
    last, best = (keras.models.load_model(path) for path in (run.embedder, run.best_embedder))
    pairs = zip(last.trainable_variables, best.trainable_variables, strict=True)
    assert any(not np.array_equal(a, b) for a, b in pairs)

    profiled = {row.name: row for row in read_profile(run.tensorboard)}
    assert profiled["Conv2DBackpropFilter"].calls > 2 * 10  # two parts a step
    assert sum(row.share for row in profiled.values()) == pytest.approx(1.0)

    resumed = fit(
        TrainingConfig.from_dict(run.read_settings()), run.path, resume=True
    )  # stays stopped
    assert resumed["euclidean"]["mAP"] == 0.7
    assert resumed["best"] == results["best"]


def test_people_held_out_of_training(data_dir, tmp_path):
    results = fit(config(data_dir, hold_out=0.5, epochs=1), tmp_path / "run")
    train = load_dataset("demo", data_dir).train
    assert results["held_out"] == 0.5
    assert results["num_query"] + results["num_gallery"] == len(train) // 2
    with pytest.raises(ConfigError, match=r"`hold_out` cannot go with combine_all"):
        config(data_dir, hold_out=0.5, combine_all=True)


def test_a_run_on_all_people_says_so(data_dir, tmp_path):
    run_dir = tmp_path / "all"
    results = fit(config(data_dir, combine_all=True, epochs=1), run_dir)
    assert results["trained_on"]
    assert "WERE TRAINED ON" in results_table(results)
    record, _ = evaluate_source(EvaluationConfig(verification=False), run_dir=run_dir)
    assert record["datasets"]["demo"]["trained_on"]


def test_a_finished_run_resumes_to_itself_and_is_not_overwritten(data_dir, run_dir):
    run = RunDir(run_dir)
    before = keras.models.load_model(run.embedder).get_weights()
    lines = run.metrics_csv.read_text()
    settings = TrainingConfig.from_dict(run.read_settings())
    with pytest.raises(RunDirError, match="holds a run already"):
        fit(settings, run_dir)
    fit(settings, run_dir, resume=True)
    for x, y in zip(before, keras.models.load_model(run.embedder).get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)
    assert run.metrics_csv.read_text() == lines


def test_settings_that_do_not_fit_the_data(data_dir, tmp_path):
    with pytest.raises(ConfigError, match=r"`batch_size` must be <= the 32 images"):
        fit(config(data_dir, batch_size=64), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_weights_that_are_not_there_leave_no_run_behind(data_dir, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"first\.keras does not exist"):
        fit(config(data_dir, weights=str(tmp_path / "first.keras")), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_bad_training_image_is_named(tmp_path):
    generate_demo(tmp_path, train_identities=2, test_identities=2, images_per_camera=2)
    bad = next((tmp_path / "demo").rglob("bounding_box_train/*.jpg"))
    bad.write_bytes(b"")
    with pytest.raises(ImageError, match=f"{bad.name} is empty"):
        fit(config(tmp_path, batch_size=4), tmp_path / "run")
