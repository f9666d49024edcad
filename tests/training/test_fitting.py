"""The whole of `fit` on a few demo people: what it leaves behind, and going on from it."""

import csv
import json
import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.config import ConfigError
from osnet_tf.data import ImageError, load_dataset
from osnet_tf.data.registry import READERS
from osnet_tf.errors import InUseError, WriteError
from osnet_tf.evaluation import EvaluationConfig, evaluate_source
from osnet_tf.files import locked
from osnet_tf.report import averages_table, results_table
from osnet_tf.runs import RunDir, RunDirError
from osnet_tf.training import ReidTask, TaskScores, TrainingConfig, fit, make_task, read_profile
from tests.training.small_runs import config, make_people


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_people(folder)
    return folder


#: P x K batches, a loss on pairs, an epoch of the classifier alone: every part of it at work.
EVERYTHING = {
    "instances": 2, "triplet_weight": 0.5, "new_layers_only_epochs": 1, "epochs": 2,
    "gate": "shared", "neck": "before",
}  # fmt: skip


@pytest.fixture(scope="module")
def run_dir(data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "a"
    fit(config(data_dir, **EVERYTHING), folder)
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
    monkeypatch.setattr("osnet_tf.evaluation.evaluating.embed_paths", None)
    saved = json.loads(RunDir(run_dir).results_json.read_text())
    record, output_dir = evaluate_source(run_dir=run_dir)
    assert output_dir == run_dir / "evaluation"
    found = record["datasets"]["demo"]
    assert {name: found[name] for name in saved} == saved


def test_every_loss_and_the_average_at_once(data_dir, tmp_path):
    """Heads, triplets, circle and center loss by their settings; the average is what is saved."""
    settings = {
        "head": "arcface", "triplet": "semi_hard", "triplet_weight": 0.5, "circle_weight": 0.1,
        "multi_similarity_weight": 0.2, "neck": "after", "pooling": "generalized_mean",
        "center_weight": 0.01, "instances": 2, "average_decay": 0.5, "camera_aware": False,
    }  # fmt: skip
    run = RunDir(tmp_path / "run")
    results = fit(config(data_dir, **settings), run.path).results
    with open(run.metrics_csv, newline="") as file:
        [row] = csv.DictReader(file)
    parts = {"margin_softmax": 1, "semi_hard_triplet": 0.5, "circle": 0.1, "center": 0.01,
             "multi_similarity": 0.2}  # fmt: skip
    total = sum(weight * float(row[name]) for name, weight in parts.items())
    assert float(row["loss"]) == pytest.approx(total, rel=1e-4)
    index = sorted(run.checkpoints.glob("*.index"))[-1]
    kept = tf.train.load_checkpoint(str(index.with_suffix("")))
    variable = keras.models.load_model(run.embedder).trainable_variables[0]
    name = variable.path.replace("/", ".S")  # as TensorFlow writes a slash within a name
    end = f"{name}/.ATTRIBUTES/VARIABLE_VALUE"
    np.testing.assert_array_equal(variable, kept.get_tensor(f"average/averages/{end}"))
    assert np.abs(variable - kept.get_tensor(f"weights/{end}")).max() > 1e-5
    protocol = EvaluationConfig(verification=False, camera_aware=False)
    record, _ = evaluate_source(protocol, run_dir=run.path)
    assert record["datasets"]["demo"]["cosine"] == results["cosine"]
    record, _ = evaluate_source(EvaluationConfig(verification=False), run_dir=run.path)
    assert record["datasets"]["demo"]["cosine"] != results["cosine"]


class Judged(ReidTask):
    """Re-identification with scores that the test has chosen."""

    mAPs = ()

    def evaluate(self, embedder, model, **_):
        assert embedder.get_layer("conv5").dtype_policy.name == "float32"
        assert model.get_layer("conv5") is embedder.get_layer("conv5")
        found = {"rank1": 0.0, "mAP": next(self.mAPs)}
        return TaskScores(found, {"euclidean": found})

    def describe(self, results):
        return str(results)


def test_the_best_model_is_kept_and_training_stops_when_nothing_gets_better(data_dir, tmp_path):
    """The last model is the result; accumulation, clipping and float16 on the way."""
    settings = config(
        data_dir, precision="mixed_float16", accumulation=2, clip_norm=5.0, epochs=9,
        base_rate_factor=0.1, evaluate_every=1, patience=2,
    )  # fmt: skip
    task = Judged.from_config(settings, load_dataset("demo", data_dir))
    task.mAPs = iter([0.2, 0.5, 0.4, 0.5, 0.7])
    run, said = RunDir(tmp_path / "run"), []
    result = fit(settings, run.path, task=task, profile=True, notify=said.append)
    assert result.results["best"] == {"epoch": 2, "mAP": 0.5}
    assert result.score == 0.5  # of the last
    assert said == ["Stopped after epoch 4: no better mAP in 2 evaluations"]
    last, best = (keras.models.load_model(path) for path in (run.embedder, run.best_embedder))
    pairs = zip(last.trainable_variables, best.trainable_variables, strict=True)
    assert any(not np.array_equal(a, b) for a, b in pairs)

    profiled = {row.name: row for row in read_profile(run.tensorboard)}
    assert profiled["convolution, gradient by its weights"].calls > 2 * 10  # two parts a step
    assert sum(row.share for row in profiled.values()) == pytest.approx(1.0)

    resumed = fit(settings, run.path, task=task, resume=True)  # stays stopped
    assert resumed.score == 0.7
    assert resumed.results["best"] == result.results["best"]


def test_people_held_out_of_training(data_dir):
    task = make_task(config(data_dir, hold_out=0.5))
    train = load_dataset("demo", data_dir).train
    assert len(task.samples) == len(train) // 2
    tested = (*task.dataset.query, *task.dataset.gallery)
    assert {s.pid for s in task.samples}.isdisjoint(s.pid for s in tested)
    assert sorted((*task.samples, *tested)) == list(train)
    with pytest.raises(ConfigError, match="`hold_out` does not fit: "):
        make_task(config(hold_out=0.5), task.dataset._replace(train=train[:1]))


def test_a_run_on_all_people_says_so(data_dir, tmp_path):
    run_dir = tmp_path / "all"
    result = fit(config(data_dir, combine_all=True), run_dir)
    assert result.results["trained_on"]
    assert "WERE TRAINED ON" in result.text
    record, _ = evaluate_source(EvaluationConfig(verification=False), run_dir=run_dir)
    assert record["datasets"]["demo"]["trained_on"]


def test_a_dataset_of_ones_own_and_others_to_judge_by(data_dir, tmp_path, monkeypatch):
    """The others' splits with their mean; and a resumed run takes it as well."""
    people = load_dataset("demo", data_dir)
    mine = people._replace(name="mine", query=people.query[:2])

    def read_splits(folder, variant):
        whole = people._replace(split_of="parts")
        return [
            whole._replace(name=f"parts:{n}", query=people.query[n::2]) for n in range(2)
        ]  # fmt: skip

    monkeypatch.setitem(READERS, "parts", read_splits)
    settings = config(data_dir, target="demo,parts:all")
    result = fit(settings, tmp_path / "run", dataset=mine)
    assert (result.results["dataset"], result.results["num_query"]) == ("mine", 2)
    assert result.results["others"]["demo"]["num_query"] == len(people.query)
    others = result.results["others"]
    table = results_table(result.results, *others.values())
    assert result.text == f"{table}\n{averages_table(result.results['averages'])}"
    found = result.results["averages"]["parts"]
    assert found["splits"] == ["parts:0", "parts:1"]
    means = [others[name]["euclidean"]["mAP"] for name in found["splits"]]
    assert found["euclidean"]["mAP"]["mean"] == pytest.approx(sum(means) / 2)
    assert RunDir(tmp_path / "run").read_settings()["dataset"] == "mine"
    assert fit(settings, tmp_path / "run", dataset=mine, resume=True) == result


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


def test_what_cannot_be_resumed(data_dir, run_dir, tmp_path):
    settings = config(data_dir, **EVERYTHING)
    with pytest.raises(RunDirError, match="holds no run"):
        fit(settings, tmp_path / "none", resume=True)
    assert list(tmp_path.iterdir()) == []
    rule = r"`epochs` is 2 in the run to resume, .*\(and other seed\). Received: epochs=3"
    with pytest.raises(ConfigError, match=rule):
        fit(settings.replace(epochs=3, seed=7), run_dir, resume=True)
    with locked(run_dir, "training"), pytest.raises(InUseError, match=r"training, process \d+"):
        fit(settings, run_dir, resume=True)


def test_another_number_of_replicas_is_told(data_dir, run_dir, tmp_path):
    shutil.copytree(run_dir, tmp_path / "run")
    record = tmp_path / "run" / "run.json"
    record.write_text(record.read_text().replace('"replicas": 1', '"replicas": 2'))
    said = []
    settings = config(data_dir, **EVERYTHING)
    fit(settings, tmp_path / "run", resume=True, notify=said.append)
    assert [line[:53] for line in said] == ["the run began on 2 replicas and goes on with 1: batch"]


def test_what_was_trained_is_kept_when_the_evaluation_fails(data_dir, tmp_path, monkeypatch):
    """And the run goes on from there to what it would have come to."""
    settings = config(data_dir)
    straight, failed = RunDir(tmp_path / "straight"), RunDir(tmp_path / "failed")
    expected = fit(settings, straight.path)

    def fail(*_, **__):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(ReidTask, "evaluate", fail)
        with pytest.raises(MemoryError):
            fit(settings, failed.path)
    assert not failed.metrics_csv.exists()
    models = [keras.models.load_model(run.embedder) for run in (straight, failed)]
    for x, y in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(x, y)
    assert fit(settings, failed.path, resume=True) == expected
    rows = []
    for run in (straight, failed):
        with open(run.metrics_csv, newline="") as file:
            [row] = csv.DictReader(file)
        rows.append({name: row[name] for name in ("loss", "accuracy", "mAP", "learning_rate")})
    assert rows[0] == rows[1]


class RemoveRun(keras.callbacks.Callback):
    def __init__(self, folder):
        super().__init__()
        self._folder = folder

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            shutil.rmtree(self._folder)


def test_a_run_whose_directory_is_removed_is_an_error(data_dir, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(RunDirError, match=r"run was removed while the run went on"):
        fit(config(data_dir, epochs=2), folder, callbacks=[RemoveRun(folder)])


def test_settings_that_do_not_fit_the_data(data_dir, tmp_path):
    with pytest.raises(ConfigError, match=r"`batch_size` must be <= the 32 images"):
        fit(config(data_dir, batch_size=64), tmp_path / "run")
    with pytest.raises(ConfigError, match=r"`batch_size` must be <= 4 people x 2 instances"):
        fit(config(data_dir, batch_size=16, instances=2), tmp_path / "run")
    with pytest.raises(ConfigError, match="`devices` must be some of CPU:0"):
        fit(config(data_dir, devices="GPU:9"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_weights_that_are_not_there_leave_no_run_behind(data_dir, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"first\.keras does not exist"):
        fit(config(data_dir, weights=str(tmp_path / "first.keras")), tmp_path / "runs" / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cache_gib", [4.0, 0.0])
@pytest.mark.parametrize("part", ["bounding_box_train", "query", "bounding_box_test"])
def test_a_bad_image_is_named_before_training(tmp_path, part, cache_gib):
    make_people(tmp_path / "data")
    bad = sorted((tmp_path / "data").rglob(f"{part}/*.jpg"))[-1]
    bad.write_bytes(bad.read_bytes()[:200])
    with pytest.raises(ImageError, match=f"{bad.name} is truncated or corrupt"):
        fit(config(tmp_path / "data", cache_gib=cache_gib), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_to(data_dir, tmp_path):
    (tmp_path / "file").write_text("mine")
    for path in ("/dev/null", tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(WriteError, match=str(path)):
            fit(config(data_dir), path)
    assert (tmp_path / "file").read_text() == "mine"


def people_folder(folder, camera, start):
    """Folders per person, without a split: 4 people with 4 pictures each."""
    rng = np.random.default_rng(start)
    for person in range(start, start + 4):
        place = folder / f"person_{person}"
        place.mkdir(parents=True)
        colour = rng.integers(0, 255, 3)
        for number in range(4):
            noise = rng.integers(0, 40, (32, 16, 3))
            image = np.clip(colour + noise - 20, 0, 255).astype("uint8")
            prefix = f"c{number % 2}_" if camera else ""
            keras.utils.save_img(place / f"{prefix}{number}.png", image, scale=False)


def test_folders_of_ones_own_people(tmp_path):
    """A user's pictures without a split, and without cameras; then two sources at once."""
    people_folder(tmp_path / "mine", camera=False, start=0)
    settings = config(
        tmp_path / "mine", dataset="folder", batch_size=4, split_identities=0.5, seed=3
    )
    task = make_task(settings)
    assert len({sample.pid for sample in task.samples}) == 2
    result = fit(settings, tmp_path / "run")
    assert result.results["has_cameras"] is False
    assert result.results["num_query"] + result.results["num_gallery"] == 8
    assert "without cameras" in result.text
    again = make_task(settings)
    assert again.dataset == task.dataset


def test_two_sources_are_trained_on_with_their_people_apart(data_dir, tmp_path, monkeypatch):
    demo = load_dataset("demo", data_dir)
    copied = [
        sample._replace(path=str(tmp_path / os.path.basename(sample.path))) for sample in demo.train
    ]
    again = demo._replace(name="demo_again", train=tuple(copied))
    monkeypatch.setitem(READERS, "demo_again", lambda _: again)
    task = make_task(config(data_dir, dataset="demo,demo_again", target="demo"))
    assert len(task.samples) == 2 * len(demo.train)
    assert len(set(task.targets(task.samples)["identity"].tolist())) == 2 * demo.num_train_pids
