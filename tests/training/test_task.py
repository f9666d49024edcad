"""A task of the user's own goes through the same door: which camera took an image."""

import csv
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from osnet_tf.config import ConfigError
from osnet_tf.data.pipeline import image_dataset
from osnet_tf.errors import ArgumentError
from osnet_tf.losses import LabelSmoothedCrossEntropy, LossTerm, WeightedLosses
from osnet_tf.runs import RunDir, RunDirError
from osnet_tf.training import Task, TaskScores, fit
from tests.training.small_runs import config, make_people


class CameraTask(Task):
    """Learns from the training people, is judged on the gallery."""

    name, score, figures = "camera", "right", ("right",)

    def __init__(self, dataset):
        self.dataset = dataset
        self.checked = 0

    @property
    def samples(self):
        return self.dataset.train

    def targets(self, samples):
        return {"camera": np.array([sample.camid for sample in samples])}

    def check(self, **_):
        self.checked += 1

    def build(self, embedder):
        cameras = 1 + max(sample.camid for sample in self.samples)
        logits = keras.layers.Dense(cameras, dtype="float32", name="camera")(embedder.output)
        return keras.Model(embedder.input, {"camera": logits})

    def losses(self):
        return WeightedLosses([LossTerm("camera", "camera", LabelSmoothedCrossEntropy(0.0))])

    def step_metrics(self):
        def share_right(targets, outputs):
            named = keras.ops.cast(keras.ops.argmax(outputs["camera"], axis=-1), "int32")
            return keras.ops.mean(keras.ops.cast(named == targets["camera"], "float32"))

        return {"right_in_training": share_right}

    def evaluate(self, embedder, model, *, batch_size, **_):
        tested = self.dataset.gallery
        images = image_dataset([s.path for s in tested], model.input_shape[1:3], batch_size)
        logits = np.concatenate([model(batch)["camera"] for batch in images])
        right = float(np.mean(logits.argmax(1) == [sample.camid for sample in tested]))
        return TaskScores({"right": right}, {"right": right, "images": len(tested)})


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return make_people(tmp_path_factory.mktemp("data"))


def test_it_learns_is_judged_kept_and_resumed(people, tmp_path):
    task, run = CameraTask(people), RunDir(tmp_path / "run")
    settings = config(
        epochs=8, learning_rate=0.02, pad=0, erase=0.0, evaluate_every=4, average_decay=0.5
    )  # fmt: skip
    result = fit(settings, run.path, task=task)
    assert task.checked == 1
    assert result.score_name == "right"
    with open(run.metrics_csv, newline="") as file:
        rows = list(csv.DictReader(file))
    cameras = len({sample.camid for sample in people.train})
    assert float(rows[-1]["right_in_training"]) > 2 / cameras  # they differ in light
    assert [bool(row["right"]) for row in rows] == 2 * [False, False, False, True]
    assert float(rows[-1]["right"]) == pytest.approx(result.score, rel=1e-5)
    best = max(float(row["right"] or 0) for row in rows)
    assert result.results["best"]["right"] == pytest.approx(best, rel=1e-5)
    assert re.fullmatch(r"right +[01]\.\d+", result.text)
    embedder = keras.models.load_model(run.embedder)
    assert embedder.output_shape == (None, 512)

    again = fit(settings, run.path, task=CameraTask(people), resume=True)
    assert again == result
    with pytest.raises(RunDirError, match=r"cannot go on: it learns another task.*task='reid'"):
        fit(settings.replace(dataset=settings.data.dataset), run.path, dataset=people, resume=True)
    fewer = people._replace(train=people.train[:-1])
    with pytest.raises(RunDirError, match=r"another number of images. Received: images=31"):
        fit(settings, run.path, task=CameraTask(fewer), resume=True)
    swapped = people._replace(train=(*people.train[1:], people.train[0]))
    with pytest.raises(RunDirError, match="other images or targets"):
        fit(settings, run.path, task=CameraTask(swapped), resume=True)


def test_what_a_task_cannot_do(people, tmp_path):
    with pytest.raises(ConfigError, match="`instances` must be 0: the task camera has no groups"):
        fit(config(instances=2), tmp_path / "run", task=CameraTask(people))
    with pytest.raises(ArgumentError, match="either dataset or task"):
        fit(config(), tmp_path / "run", task=CameraTask(people), dataset=people)
    assert not Path(tmp_path / "run").exists()
