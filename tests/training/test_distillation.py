import csv
import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf import OSNet, add_classifier
from osnet_tf.architecture import architecture_of
from osnet_tf.runs import RunDir, RunDirError
from osnet_tf.training import ConfigError, MovingAverage, TrainingConfig, fit
from osnet_tf.training.config import DistillationConfig
from osnet_tf.training.distillation import Distillation
from osnet_tf.training.teachers import AverageTeacher, EnsembleTeacher, FileTeacher
from osnet_tf.weights import WeightsError
from tests.conftest import ROOT
from tests.training import tiny
from tests.training.small_runs import config, make_people

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 16, 3)).astype("uint8")
CLASSES = 4  # training people of `make_people`


def teacher_file(path, feature_dim=24, size=(32, 16), classes=CLASSES, seed=5):
    keras.utils.set_random_seed(seed)
    model = OSNet(
        "osnet_x0_25", input_shape=(*size, 3), feature_dim=feature_dim, streams=1, gate="none"
    )
    model = add_classifier(model, classes) if classes else model
    model.save(path)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("distillation")
    make_people(folder / "data")
    teacher_file(folder / "first.keras")
    teacher_file(folder / "second.keras", feature_dim=8, size=(64, 32), seed=6)
    teacher_file(folder / "plain.keras", classes=0)
    return folder


def test_a_teacher_says_what_its_model_says(folder):
    path = str(folder / "first.keras")
    model = keras.models.load_model(path)
    wanted = model(IMAGES, training=False)
    found = FileTeacher(path, (32, 16))(IMAGES)
    assert sorted(found) == ["embedding", "logits"]
    for name, value in found.items():
        np.testing.assert_allclose(value, wanted[name], atol=1e-6)


def test_images_are_resized_for_a_teacher_of_another_size(folder):
    path = str(folder / "second.keras")
    model = keras.models.load_model(path)
    wanted = model(tf.image.resize(IMAGES, (64, 32)), training=False)["embedding"]
    np.testing.assert_allclose(FileTeacher(path, (32, 16))(IMAGES)["embedding"], wanted, atol=1e-6)


def test_a_teacher_without_a_classifier_has_no_logits(folder):
    teacher = FileTeacher(str(folder / "plain.keras"), (32, 16))
    assert (teacher.dim, teacher.classes) == (24, 0)


def test_an_ensemble_is_unit_embeddings_side_by_side_and_mean_logits(folder):
    paths = [str(folder / name) for name in ("first.keras", "second.keras")]
    members = [FileTeacher(path, (32, 16)) for path in paths]
    found = EnsembleTeacher(members)(IMAGES)
    alone = [{k: v.numpy() for k, v in member(IMAGES).items()} for member in members]
    units = [a["embedding"] / np.linalg.norm(a["embedding"], axis=1)[:, None] for a in alone]
    np.testing.assert_allclose(found["embedding"], np.concatenate(units, axis=1), atol=1e-5)
    mean = (alone[0]["logits"] + alone[1]["logits"]) / 2
    np.testing.assert_allclose(found["logits"], mean, atol=1e-5)


def test_an_ensemble_has_logits_where_all_members_do(folder):
    paths = [str(folder / name) for name in ("first.keras", "plain.keras")]
    ensemble = EnsembleTeacher([FileTeacher(path, (32, 16)) for path in paths])
    assert (ensemble.dim, ensemble.classes) == (48, 0)
    assert ensemble(IMAGES)["logits"].shape == (3, 0)


def test_what_is_no_teacher(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.keras"):
        FileTeacher(str(tmp_path / "none.keras"), (32, 16))
    path = str(tmp_path / "other.keras")
    images = keras.Input((8, 8, 3))
    keras.Model(images, keras.layers.Conv2D(2, 3)(images)).save(path)
    with pytest.raises(WeightsError, match=r"other\.keras.*no embedding of \(batch, dim\)"):
        FileTeacher(path, (8, 8))


def test_the_average_says_what_the_model_says_with_averaged_weights():
    model = tiny.make_model()
    model = keras.Model(model.input, {**model.output, "distilled": model.output["embedding"]})
    average = MovingAverage(model.variables, 0.5)
    rng = np.random.default_rng(0)
    for variable in average.averages:
        variable.assign(rng.uniform(0.1, 1.0, variable.shape))
    images = tiny.make_batches(0)[0][0]
    found = tf.function(AverageTeacher(model, average))(images)
    own = model(images, training=False)
    with average.swapped():
        wanted = model(images, training=False)
    np.testing.assert_allclose(found["embedding"], wanted["distilled"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["logits"], wanted["logits"], rtol=1e-5, atol=1e-5)
    assert np.abs(own["logits"] - wanted["logits"]).max() > 0.1


def distilled(settings, feature_dim=24):
    """(Distillation, its model) around a student."""
    distillation = Distillation(DistillationConfig(**settings), (32, 16))
    embedder = OSNet(
        "osnet_x0_25", input_shape=(32, 16, 3), feature_dim=feature_dim, streams=1, gate="none"
    )
    model = distillation.build(add_classifier(embedder, CLASSES), embedder)
    return distillation, model


def test_a_projection_is_learnt_only_where_the_space_is_not_the_students_own(folder):
    first, second = str(folder / "first.keras"), str(folder / "second.keras")
    for teacher, feature_dim, expected in (
        (first, 24, {}),
        (first, 16, {"teacher_projection": 24}),
        (f"{first},{second}", 24, {"teacher_1_projection": 24, "teacher_2_projection": 8}),
        (f"{second},average", 24, {"teacher_1_projection": 8}),
        (f"{first},{second}", 24, {"teacher_projection": 32}),
    ):
        ensemble = "teacher_projection" in expected and "," in teacher
        _, model = distilled({"teacher": teacher, "teacher_ensemble": ensemble}, feature_dim)
        found = {k: v.shape[-1] for k, v in model.output.items() if k.endswith("projection")}
        assert found == expected
    _, model = distilled({"teacher": second, "teacher_embedding_weight": 0.0,
                          "teacher_distances_weight": 1.0})  # fmt: skip
    assert sorted(model.output) == ["distilled", "embedding", "logits"]


#: Weights of all three losses.
ALL_LOSSES = {
    "teacher_embedding_weight": 2.0, "teacher_distances_weight": 3.0, "teacher_logits_weight": 4.0,
}  # fmt: skip


def test_the_losses_are_means_over_the_teachers(folder):
    first, second = str(folder / "first.keras"), str(folder / "second.keras")
    distillation, model = distilled({"teacher": f"{first},{second}", **ALL_LOSSES})
    losses = distillation.losses(tiny.make_losses(), model)
    assert {term.loss.name: term.weight for term in losses.terms} == {
        "cross_entropy": 1.0,
        "teacher_1_embedding": 1.0, "teacher_1_distances": 1.5, "teacher_1_logits": 2.0,
        "teacher_2_embedding": 1.0, "teacher_2_distances": 1.5, "teacher_2_logits": 2.0,
    }  # fmt: skip
    targets = {"kind": np.array([0, 1, 2]), **distillation(IMAGES)}
    total, parts = losses(targets, model(IMAGES))
    assert float(total) == pytest.approx(
        sum(term.weight * float(parts[term.loss.name]) for term in losses.terms), rel=1e-5
    )


def test_an_ensemble_counts_as_one_teacher(folder):
    first, second = str(folder / "first.keras"), str(folder / "second.keras")
    settings = {"teacher": f"{first},{second}", "teacher_ensemble": True, **ALL_LOSSES}
    distillation, model = distilled(settings)
    losses = distillation.losses(tiny.make_losses(), model)
    assert {term.loss.name: term.weight for term in losses.terms} == {
        "cross_entropy": 1.0,
        "teacher_embedding": 2.0, "teacher_distances": 3.0, "teacher_logits": 4.0,
    }  # fmt: skip
    assert distillation(IMAGES)["teacher_embedding"].shape == (3, 32)
    own = [FileTeacher(path, (32, 16)).fingerprint for path in (first, second)]
    assert distillation.fingerprints == own


def test_without_teachers_nothing_is_added():
    distillation, model = distilled({})
    own = tiny.make_losses()
    assert sorted(model.output) == ["embedding", "logits"]
    assert distillation.losses(own, model).terms == own.terms
    assert not distillation.in_step


def test_logits_of_other_classes_are_refused(folder, tmp_path):
    path = teacher_file(tmp_path / "five.keras", classes=5)
    distillation, model = distilled({"teacher": path, "teacher_logits_weight": 1.0})
    rule = r"`teacher_logits_weight` needs teachers of the 4 classes: .*five\.keras has 5 classes"
    with pytest.raises(ConfigError, match=rule):
        distillation.losses(tiny.make_losses(), model)
    settings = {"teacher": str(folder / "plain.keras"), "teacher_logits_weight": 1.0}
    distillation, model = distilled(settings)
    with pytest.raises(ConfigError, match=r"plain\.keras has no classifier"):
        distillation.losses(tiny.make_losses(), model)
    both = f"{folder / 'first.keras'},{folder / 'plain.keras'}"
    distillation, model = distilled({**settings, "teacher": both, "teacher_ensemble": True})
    with pytest.raises(ConfigError, match=r"plain\.keras has no classifier"):
        distillation.losses(tiny.make_losses(), model)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"teacher": "a.keras,a.keras"}, "`teacher` must name each teacher once"),
        ({"teacher": "a.keras,"}, "`teacher` must have a name on both sides of a comma"),
        ({"teacher": "a.keras", "teacher_embedding_weight": 0.0},
         "`teacher_embedding_weight` must be > 0, or another loss"),
        ({"teacher": "average", "average_decay": 0.9, "teacher_images": "clean"},
         "`teacher_images` must be augmented for the teacher `average`"),
        ({"teacher": "a.keras", "teacher_ensemble": True},
         "`teacher_ensemble` is for two teachers or more, all of them files"),
        ({"teacher": "a.keras,average", "average_decay": 0.9, "teacher_ensemble": True},
         "`teacher_ensemble` is for two teachers or more"),
        ({"teacher": "average"}, "`average_decay` must be > 0 for the teacher `average`"),
        ({"teacher_temperature": 0.0}, "`teacher_temperature` must be > 0"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together(settings, message):
    with pytest.raises(ConfigError, match=message):
        TrainingConfig(**settings)


def test_paths_of_teachers_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = TrainingConfig(teacher="a.keras, b.keras,average", average_decay=0.5)
    paths = given.with_absolute_paths().distillation.teacher.split(",")
    assert paths == [str(tmp_path / "a.keras"), str(tmp_path / "b.keras"), "average"]


def rows(run):
    with open(run.metrics_csv, newline="") as file:
        return list(csv.DictReader(file))


#: Both kinds of teacher and all losses; then the images that they see once.
KINDS = {
    "augmented": {"teacher": "first.keras,average", "average_decay": 0.5},
    "clean": {"teacher": "first.keras,second.keras", "teacher_images": "clean"},
    "ensemble": {
        "teacher": "first.keras,second.keras",
        "teacher_images": "clean",
        "teacher_ensemble": True,
    },
}
ALL = {"teacher_distances_weight": 1.0, "teacher_logits_weight": 0.5, "epochs": 2}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_learns_from_its_teachers_and_resumes_to_the_bit(folder, tmp_path, kind, monkeypatch):
    monkeypatch.chdir(folder)
    settings = config(folder / "data", **KINDS[kind], **ALL, feature_dim=16)
    straight, halted = RunDir(tmp_path / "straight"), RunDir(tmp_path / "halted")
    fit(settings, straight.path)
    table = rows(straight)
    teachers = ["teacher"] if kind == "ensemble" else ["teacher_1", "teacher_2"]
    kinds = {"embedding": 1.0, "distances": 1.0, "logits": 0.5}
    weights = {f"{n}_{k}": w / len(teachers) for n in teachers for k, w in kinds.items()}
    first, last = (float(row[f"{teachers[0]}_embedding"]) for row in (table[0], table[-1]))
    assert last < first
    total = float(table[0]["cross_entropy"]) + sum(
        weight * float(table[0][name]) for name, weight in weights.items()
    )
    assert float(table[0]["loss"]) == pytest.approx(total, rel=1e-4)

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(settings, halted.path, callbacks=[Stop()])
    fit(settings, halted.path, resume=True)
    models = [keras.models.load_model(run.embedder) for run in (straight, halted)]
    for x, y in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(x, y)
    assert str(architecture_of(models[0])) == str(architecture_of(models[1]))
    assert models[0].output_shape == (None, 16)  # no projection on it


def test_another_teacher_of_the_same_name_is_refused(folder, tmp_path):
    path, run = tmp_path / "teacher.keras", tmp_path / "run"
    shutil.copy(folder / "first.keras", path)
    settings = config(folder / "data", teacher=str(path))
    fit(settings, run)
    teacher_file(path, seed=7)
    with pytest.raises(RunDirError, match="cannot go on: its teachers have other weights"):
        fit(settings, run, resume=True)


def test_a_task_without_logits_has_embeddings_to_learn_from(folder):
    embedder = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1, gate="none")
    night = keras.layers.Dense(4, name="night")(embedder.output)
    model = keras.Model(embedder.input, {"night": night})
    settings = {"teacher": str(folder / "first.keras"), "teacher_logits_weight": 1.0}
    distillation = Distillation(DistillationConfig(**settings), (32, 16))
    whole = distillation.build(model, embedder)
    assert whole.output["teacher_projection"].shape == (None, 24)
    with pytest.raises(ConfigError, match="`teacher_logits_weight` needs a task with logits"):
        distillation.losses(tiny.make_losses(), whole)


def test_two_replicas_learn_as_one_does():
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.distillation_replicas"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["apart"] < 1e-5
    losses = report["losses"]
    assert sorted(losses) == ["cross_entropy", "teacher_1_embedding", "teacher_1_logits",
                              "teacher_2_embedding", "teacher_2_logits"]  # fmt: skip
    assert losses["teacher_2_embedding"][0] > 0.1
    assert losses["teacher_2_embedding"][-1] < losses["teacher_2_embedding"][0]
