"""Objects are learnt from a folder for each class, through the same door as people."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from osnet_tf import OSNet, add_classifier
from osnet_tf.config import ConfigError
from osnet_tf.data.classes import ClassDataset, ClassSample
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation import evaluate_predictor, evaluate_source
from osnet_tf.report import evaluation_tables
from osnet_tf.runs import RunDir
from osnet_tf.training import ClassificationTask, fit, make_task
from tests.training.small_runs import config, make_people

CLASSES = ("blue", "green", "red")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("colours")
    rng = np.random.default_rng(0)
    for split, count in (("train", 16), ("test", 6)):
        for number, name in enumerate(CLASSES):
            place = folder / split / name
            place.mkdir(parents=True)
            for image in range(count):
                pixels = rng.integers(0, 60, (16, 16, 3), dtype=np.uint8)
                pixels[..., 2 - number] += 150
                Image.fromarray(pixels).save(place / f"{image}.png")
    return folder


@pytest.fixture(scope="module")
def trained(data_dir, tmp_path_factory):
    settings = config(
        data_dir, dataset="classes", height=16, width=16, stem="3x3",
        learning_rate=0.01, epochs=10, pad=0, erase=0.0, evaluate_every=5,
    )  # fmt: skip
    run = RunDir(tmp_path_factory.mktemp("run") / "a")
    return run, fit(settings, run.path)


def test_it_learns_the_classes(trained):
    run, result = trained
    assert (result.score_name, result.score) == ("top1", result.results["top1"])
    assert result.score > 0.9  # by chance 0.33
    assert result.results["top5"] == 1.0  # there are but three
    assert result.results == json.loads(run.results_json.read_text())
    assert result.results["best"]["epoch"] in (5, 10)
    assert f"{100 * result.score:.2f}" in result.text.splitlines()[1]


def test_the_predictor_is_what_was_judged(trained, data_dir):
    run, _ = trained
    assert run.labels.read_text("utf-8").splitlines() == list(CLASSES)
    predictor = keras.models.load_model(run.predictor)
    pixels = np.asarray(Image.open(data_dir / "test" / "red" / "0.png"))[None]
    probabilities = np.asarray(predictor(pixels))[0]
    assert probabilities.sum() == pytest.approx(1.0)
    assert CLASSES[probabilities.argmax()] == "red"


def test_evaluate_judges_the_run_and_the_file_alike(trained, tmp_path):
    run, result = trained
    record, folder = evaluate_source(run_dir=run.path, output_dir=tmp_path / "of_run")
    found = record["datasets"]["classes"]
    assert found["top1"] == result.results["top1"]
    assert json.loads((folder / "results.json").read_text())["datasets"]["classes"] == found
    settings = run.read_settings()
    again, _ = evaluate_source(
        model=run.predictor,
        datasets=["classes"],
        data_dir=settings["data_dir"],
        output_dir=tmp_path / "of_file",
    )
    assert again["datasets"] == record["datasets"]
    assert f"{100 * result.score:6.2f}" in evaluation_tables([found])


def test_a_converted_classifier_is_judged_by_its_logits(trained, data_dir):
    """Weights that say always "green", by a model of logits and not of probabilities."""
    embedder = OSNet("osnet_x0_25", input_shape=(16, 16, 3), streams=1)
    model = add_classifier(embedder, 3)
    kernel = np.zeros((512, 3), "float32")
    model.get_layer("classifier").set_weights([kernel, np.array([0, 5, 1], "float32")])
    dataset = make_task(config(data_dir, dataset="classes")).dataset
    assert evaluate_predictor(model, dataset)["top1"] == pytest.approx(1 / 3)
    with pytest.raises(ArgumentError, match="output for each of the 3 of classes"):
        evaluate_predictor(add_classifier(embedder, 4), dataset)
    other = keras.Model(embedder.input, {"embedding": embedder.output})
    with pytest.raises(ArgumentError, match="predictor, or have an output logits"):
        evaluate_predictor(other, dataset)


def test_the_loss_is_the_smoothed_cross_entropy():
    images = (ClassSample("a.png", 0), ClassSample("b.png", 1))
    task = ClassificationTask(ClassDataset("two", ("a", "b"), images, images), label_smoothing=0.2)
    logits = np.array([[2.0, 0.0], [1.0, 0.5]], "float32")
    log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    soft = np.array([[0.9, 0.1], [0.1, 0.9]])  # 1 - s + s/K and s/K
    (term,) = task.losses().terms
    assert float(term.loss(np.array([0, 1]), logits)) == pytest.approx(-(soft * log).sum(1).mean())
    outputs = {"logits": logits}
    accuracy = task.step_metrics()["accuracy"]({"class": np.array([0, 1])}, outputs)
    assert float(accuracy) == 0.5


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"instances": 2}, "instances"),
        ({"camera_aware": False}, "camera_aware"),
        ({"head": "arcface"}, "head"),
        ({"target": "demo"}, "target"),
    ],
)
def test_what_only_people_have_is_refused(data_dir, settings, name):
    with pytest.raises(ConfigError, match=f"`{name}` is of no use to classification"):
        make_task(config(data_dir, dataset="classes", **settings))


def test_settings_are_chosen_by_images_held_out_of_training(data_dir):
    whole = make_task(config(data_dir, dataset="classes")).dataset
    split = make_task(config(data_dir, dataset="classes", hold_out=0.25)).dataset
    assert sorted((*split.train, *split.test)) == sorted(whole.train)
    assert [sample.label for sample in split.test] == [0] * 4 + [1] * 4 + [2] * 4
    assert make_task(config(data_dir, dataset="classes", hold_out=0.25, seed=1)).dataset != split
    with pytest.raises(ConfigError, match="`hold_out` does not fit: There are too few images"):
        make_task(config(hold_out=0.01), whole)


def test_people_and_classes_are_not_evaluated_together(trained, data_dir, tmp_path):
    run, _ = trained
    make_people(data_dir)
    with pytest.raises(ArgumentError, match=r"are evaluated apart. Received: classes, demo"):
        evaluate_source(run_dir=run.path, datasets=["classes", "demo"], output_dir=tmp_path)


def test_without_images_there_is_no_task():
    images = (ClassSample("a.png", 0),)
    with pytest.raises(ArgumentError, match="two has no test images"):
        ClassificationTask(ClassDataset("two", ("a", "b"), images, ()))
    with pytest.raises(ArgumentError, match=r"must be one of ReidDataset, .*Received: str"):
        make_task(config(), "demo")
