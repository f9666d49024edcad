"""Attributes are learnt from pictures that show them, through the same door as people."""

import csv
import json

import keras
import numpy as np
import pytest
from PIL import Image

from osnet_tf import OSNet
from osnet_tf.data.attributes import AttributeDataset, AttributeSample
from osnet_tf.data.registry import READERS
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation import evaluate_predictor
from osnet_tf.runs import RunDir
from osnet_tf.training import AttributeTask, IdentityAndAttributesTask, fit, make_config, make_task
from tests.training.small_runs import config, make_people

#: Two that a picture shows, in its two halves, and one that nobody has.
NAMES = ("bright_above", "red_below", "nobody")


def make_dataset(folder, counts=(48, 16)):
    rng = np.random.default_rng(0)
    splits = []
    for split, count in zip(("train", "test"), counts, strict=True):
        samples = []
        for number in range(count):
            above, below = number % 2, number // 2 % 2
            pixels = rng.integers(0, 60, (32, 16, 3), dtype=np.uint8)
            pixels[:16] += np.uint8(180 * above)
            pixels[16:, :, 0] += np.uint8(180 * below)
            path = folder / f"{split}_{number}.png"
            Image.fromarray(pixels).save(path)
            samples.append(AttributeSample(str(path), (above, below, 0)))
        splits.append(tuple(samples))
    return AttributeDataset("halves", NAMES, splits[0], (), splits[1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("halves")
    task, run = AttributeTask(make_dataset(folder)), RunDir(folder / "run")
    settings = config(epochs=10, learning_rate=0.01, pad=0, erase=0.0)
    return task, run, fit(settings, run.path, task=task)


def test_it_learns_what_can_be_seen(trained):
    _, run, result = trained
    assert (result.score_name, result.score) == ("mA", result.results["mA"])
    assert result.score > 0.9  # by chance 0.5
    assert result.results == json.loads(run.results_json.read_text())
    rates = result.results["attributes"]
    assert rates["nobody"] == {"positive_rate": None, "negative_rate": 1.0}
    assert min(rates["bright_above"].values()) > 0.8
    assert "bright_above" in result.text
    assert "halves: 16 images" in result.text


def test_the_figures_are_those_of_the_models_own_logits(trained):
    """The saved embedder and a fresh head give other figures: the head is the task's."""
    task, run, _ = trained
    embedder = keras.models.load_model(run.embedder)
    model = task.build(embedder)
    head = model.get_layer("attributes")
    head.set_weights([np.zeros((512, 3), "float32"), np.array([1, -1, -1], "float32")])
    found = task.evaluate(embedder, model, batch_size=5, folder=run.evaluation).results
    # It says of every picture: bright above, nothing else
    assert found["mA"] == pytest.approx(0.5)
    assert found["attributes"]["bright_above"] == {"positive_rate": 1.0, "negative_rate": 0.0}
    truth = np.array([sample.attributes for sample in task.dataset.test])
    some = truth[truth.any(1)]
    assert found["precision"] == pytest.approx(some[:, 0].mean())
    assert found["recall"] == pytest.approx((some[:, 0] / some.sum(1)).mean())


def test_the_predictor_is_saved_and_says_what_the_model_says(trained):
    task, run, result = trained
    assert run.labels.read_text("utf-8").splitlines() == list(NAMES)
    predictor = keras.models.load_model(run.predictor)
    found = evaluate_predictor(predictor, task.dataset, batch_size=5)
    assert found == result.results
    pixels = np.stack([np.asarray(Image.open(sample.path)) for sample in task.dataset.test[:4]])
    embedder = keras.models.load_model(run.embedder)
    kernel, bias = predictor.get_layer("attributes").get_weights()
    logits = np.asarray(embedder(pixels)) @ kernel + bias
    np.testing.assert_allclose(predictor(pixels), 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_the_majority_is_what_it_is_measured_against(trained):
    """Half of the images are bright above, half red below: the majority says no to all."""
    _, _, result = trained
    majority = result.results["majority"]
    assert majority == {"mA": 0.5, "accuracy": 0.0, "precision": 0.0, "recall": 0.0, "F1": 0.0}


def test_attributes_beside_identities(tmp_path, monkeypatch):
    """Both are learnt, the embedder is judged as ever."""
    people = make_people(tmp_path)
    rows = [AttributeSample(s.path, (s.pid % 2, int(s.camid > 0))) for s in people.train]
    attributes = AttributeDataset("odd", ("odd", "elsewhere"), tuple(rows))
    settings = config(tmp_path, epochs=2, attributes="odd", attribute_weight=0.25)
    monkeypatch.setitem(READERS, "odd", lambda _: attributes)
    task = make_task(settings)
    assert isinstance(task, IdentityAndAttributesTask)
    targets = task.targets(task.samples)
    assert targets["attributes"].tolist() == [list(row.attributes) for row in rows]
    assert [term.weight for term in task.losses().terms] == [1.0, 0.25]
    model = task.build(OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1))
    assert {name: out.shape[1] for name, out in model.output.items()} == {
        "logits": 4, "embedding": 512, "attributes": 2,
    }  # fmt: skip
    result = fit(settings, tmp_path / "run", task=task)
    assert result.score == result.results["euclidean"]["mAP"]
    with open(RunDir(tmp_path / "run").metrics_csv, newline="") as file:
        row = list(csv.DictReader(file))[-1]
    parts = float(row["cross_entropy"]) + 0.25 * float(row["attributes"])
    assert float(row["loss"]) == pytest.approx(parts, rel=1e-4)
    short = attributes._replace(train=tuple(rows[1:]))
    with pytest.raises(ArgumentError, match=f"odd has no attributes of 1 .* {rows[0].path}"):
        IdentityAndAttributesTask(people, short)
    with pytest.raises(ArgumentError, match="must name a dataset of attributes"):
        make_task(make_config("demo", data_dir=str(tmp_path), attributes="demo"))


def test_rare_attributes_weigh_more(tmp_path):
    (term,) = AttributeTask(make_dataset(tmp_path)).losses().terms
    assert term.loss.positive_rates == [0.5, 0.5, 0.0]


def test_without_images_there_is_no_task():
    with pytest.raises(ArgumentError, match="tiny has no test images"):
        AttributeTask(AttributeDataset("tiny", ("a",), (AttributeSample("a", (1,)),), (), ()))
