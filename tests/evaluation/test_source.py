"""A saved model, evaluated, with everything that is written."""

import csv
import json
import resource
import shutil
import signal
import sys

import numpy as np
import pytest

from osnet_tf.data import ReidDataset, generate_demo, load_dataset, registry
from osnet_tf.errors import (
    ArgumentError,
    FileError,
    InUseError,
    MissingPackageError,
    WriteError,
)
from osnet_tf.evaluation import EvaluationConfig, evaluate_source, find_calibration, source
from osnet_tf.files import locked
from osnet_tf.metrics import calibration_path, read_calibrations
from osnet_tf.models import OSNet


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A folder with a `.keras` file and the demo people, a few of them."""
    folder = tmp_path_factory.mktemp("evaluation")
    OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1).save(folder / "any.keras")
    generate_demo(folder, train_identities=2, test_identities=4, images_per_camera=2)
    return folder


def test_everything_is_written(demo):
    record, output_dir = evaluate_source(
        EvaluationConfig(rerank=True, rerank_k1=3, rerank_k2=2),
        model=demo / "any.keras", datasets=["demo"], data_dir=demo,
    )  # fmt: skip
    assert output_dir == demo / "any_evaluation"
    distances = ["cosine", "cosine_reranked", "euclidean", "euclidean_reranked"]
    written = [path.name for path in output_dir.iterdir() if not path.name.startswith(".lock")]
    assert sorted(written) == sorted(
        ["features", "results.json", "demo_report.html",
         *(f"demo_{name}.png" for name in ("cmc", "roc", "distances")),
         *(f"demo_{name}_per_query.csv" for name in distances)]
    )  # fmt: skip
    assert json.loads((output_dir / "results.json").read_text()) == record
    assert record["protocol"]["rerank_k1"] == 3
    found = record["datasets"]["demo"]
    with open(output_dir / "demo_cosine_per_query.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == found["num_query"]
    means = np.mean([float(row["average_precision"]) for row in rows])
    assert means == pytest.approx(found["cosine"]["mAP"])
    at = found["verification"]["cosine"]["at_fpr"]["0.01"]
    calibration = find_calibration(demo / "any.keras", metric="cosine", fpr=0.01)
    assert (calibration.threshold, calibration.dataset) == (at["threshold"], "demo")


def renamed(names, data_dir, **_):
    """The demo people under any names."""
    demo = load_dataset("demo", data_dir)
    return [demo._replace(name=name) for name in names.split(",")]


@pytest.fixture
def model(demo, tmp_path):
    """A copy of the model's file in a folder of its own."""
    return shutil.copy(demo / "any.keras", tmp_path / "any.keras")


def test_thresholds_of_a_dataset_outlive_the_evaluation_of_another(demo, model, monkeypatch):
    monkeypatch.setattr(source, "load_datasets", renamed)
    monkeypatch.setattr(source, "write_evaluation", lambda *_, **__: None)  # no pictures
    first, _ = evaluate_source(model=model, datasets=["a"], data_dir=demo)
    second, _ = evaluate_source(model=model, datasets=["b"], data_dir=demo)
    assert list(first["datasets"]) == ["a"]
    assert list(second["datasets"]) == ["b"]
    known = read_calibrations(calibration_path(model))
    assert {(one.dataset, one.metric) for one in known} == {
        (dataset, metric) for dataset in "ab" for metric in ("euclidean", "cosine")
    }
    assert len({one.fingerprint for one in known}) == 1
    with pytest.raises(ArgumentError, match="several datasets: a, b"):
        find_calibration(model, fpr=0.1)
    # Other weights under the same name: the thresholds that are there are not theirs
    OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1).save(model)
    with pytest.raises(ArgumentError, match="other weights"):
        find_calibration(model, fpr=0.1, dataset="a")
    evaluate_source(model=model, datasets=["a"], data_dir=demo)
    assert find_calibration(model, fpr=0.1).dataset == "a"


def test_what_is_refused_before_anything_is_done(demo, model, tmp_path, monkeypatch):
    where = {"model": model, "data_dir": demo, "output_dir": tmp_path / "out"}
    with pytest.raises(ArgumentError, match=r"each once\. Received: demo,demo"):
        evaluate_source(datasets=["demo", "demo"], **where)
    [one_camera] = renamed("one", demo)
    monkeypatch.setattr(
        source,
        "load_datasets",
        lambda *_, **__: [
            one_camera._replace(
                gallery=tuple(sample._replace(camid=0) for sample in one_camera.gallery),
                query=tuple(sample._replace(camid=0) for sample in one_camera.query),
            )
        ],
    )
    with pytest.raises(ArgumentError, match="The dataset one cannot be evaluated"):
        evaluate_source(datasets=["one"], **where)
    monkeypatch.undo()
    calibration_path(model).write_text("[]")
    with pytest.raises(FileError, match=r"any\.calibration\.json must hold an object"):
        evaluate_source(datasets=["demo"], **where)
    assert calibration_path(model).read_text() == "[]"
    assert not where["output_dir"].exists()


@pytest.mark.parametrize("package", ["pyarrow.parquet", "matplotlib"])
def test_a_missing_package_is_told_before_any_work(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=f"pip install {package.split('.')[0]}"):
        evaluate_source(model="none.keras", datasets=["demo"], per_query="parquet")


def test_the_split_is_the_runs_own_unless_another_is_given(demo, tmp_path, monkeypatch):
    """A split of people is made anew for each evaluation: another seed mixes in trained ones."""
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(demo / "any.keras", run / "embedder.keras")
    settings = {"dataset": "a,b", "data_dir": str(demo), "split_identities": 0.25, "seed": 3}
    (run / "config.json").write_text(json.dumps({"config": settings}))
    asked = []

    def load(names, data_dir, **split):
        asked.append((names, str(data_dir), split))
        return [ReidDataset("none", (), (), ())]

    monkeypatch.setattr(source, "load_datasets", load)
    for given in ({}, {"seed": 5, "split_identities": 0.0, "datasets": ["c", "d"]}):
        with pytest.raises(ArgumentError, match="no query images"):
            evaluate_source(run_dir=run, **given)
    with pytest.raises(ArgumentError, match="no query images"):
        evaluate_source(model=run / "embedder.keras", datasets=["c"], data_dir="x")
    assert asked == [
        ("a,b", str(demo), {"split_identities": 0.25, "seed": 3}),
        ("c,d", str(demo), {"split_identities": 0.0, "seed": 5}),
        ("c", "x", {"split_identities": 0.5, "seed": 0}),
    ]


def test_two_evaluations_in_one_folder(demo, model, tmp_path):
    with locked(tmp_path, "evaluating"), pytest.raises(InUseError, match="evaluating, process"):
        evaluate_source(model=model, datasets=["demo"], data_dir=demo, output_dir=tmp_path)
    assert not (tmp_path / "results.json").exists()


def test_a_full_disk_leaves_what_was_there(demo, model, tmp_path):
    """Files cannot grow beyond 3,000 bytes: the embeddings do not fit, no file is half there."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "results.json").write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
        with pytest.raises(WriteError, match=r"demo\.npz cannot be written"):
            evaluate_source(model=model, datasets=["demo"], data_dir=demo, output_dir=out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    left = sorted(path.name for path in out.rglob("*") if not path.name.startswith(".lock"))
    assert left == ["features", "results.json"]
    assert (out / "results.json").read_text() == "before"
    with pytest.raises(WriteError, match=r"results\.json cannot be written: it is a file"):
        evaluate_source(
            model=model, datasets=["demo"], data_dir=demo, output_dir=out / "results.json"
        )


def test_distractors_join_the_gallery_and_no_thresholds_come_from_mirrored_embeddings(
    demo, tmp_path
):
    shutil.copy(demo / "any.keras", tmp_path / "flip.keras")
    crops = [s.path for s in load_dataset("demo", demo).train]
    for number, path in enumerate(crops):
        shutil.copy(path, tmp_path / f"{number}.jpg")
    config = EvaluationConfig(distractors=str(tmp_path), flip_test=True)
    where = {"model": tmp_path / "flip.keras", "datasets": ["demo"], "data_dir": demo}
    record, _ = evaluate_source(config, output_dir=tmp_path / "new" / "results", **where)
    found = record["datasets"]["demo"]
    plain = load_dataset("demo", demo)
    assert found["num_gallery"] == len(plain.gallery) + len(crops)
    more = sum(s.pid == 0 for s in plain.gallery) + len(crops)
    assert found["num_distractors"] == more
    assert not calibration_path(where["model"]).exists()
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        evaluate_source(EvaluationConfig(distractors=str(tmp_path / "none")), **where)


def test_sources_that_cannot_be_evaluated(demo):
    with pytest.raises(ValueError, match="There is no dataset"):
        evaluate_source(model=demo / "any.keras", datasets=["demo", "nemo"], data_dir=demo)
    with pytest.raises(ValueError, match="`per_query` must be one of 'csv', 'parquet'"):
        evaluate_source(model=demo / "any.keras", datasets=["demo"], per_query="xlsx")


def test_several_splits_have_a_mean(demo, tmp_path, monkeypatch):
    people = load_dataset("demo", demo)
    tested = [*people.query, *people.gallery]
    first, second = (sorted({s.pid for s in people.query})[i : i + 2] for i in (0, 2))

    def read(data_dir, *, variant="0"):
        def split(number):
            test, train = (second, first) if number == "1" else (first, second)
            parts = [tuple(s for s in part if s.pid in test) for part in people[2:4]]
            query, gallery = parts[::-1] if number == "2" else parts
            train = tuple(s for s in tested if s.pid in train)
            name = f"halves:{number}"
            return ReidDataset(name, train, query, gallery, split_of="halves")

        return [split(n) for n in "012"] if variant == "all" else split(variant)

    monkeypatch.setattr(registry, "READERS", {**registry.READERS, "halves": read})
    monkeypatch.setattr(source, "write_evaluation", lambda *_, **__: None)  # no pictures
    given = {"data_dir": demo, "datasets": ["halves:all"]}
    record, folder = evaluate_source(model=demo / "any.keras", output_dir=tmp_path / "a", **given)
    average = record["averages"]["halves"]
    assert average["splits"] == ["halves:0", "halves:1", "halves:2"]
    values = [record["datasets"][name]["cosine"]["mAP"] for name in average["splits"]]
    assert average["cosine"]["mAP"]["mean"] == pytest.approx(np.mean(values))
    assert average["cosine"]["mAP"]["std"] == pytest.approx(np.std(values, ddof=1))
    assert json.loads((folder / "results.json").read_text())["averages"] == record["averages"]
    # Of the people of split 1 a model that was trained on split 0 has seen all
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(demo / "any.keras", run / "embedder.keras")
    (run / "config.json").write_text(json.dumps({"config": {"dataset": "demo,halves:0"}}))
    record, _ = evaluate_source(run_dir=run, **given)
    assert [one.get("trained_on", False) for one in record["datasets"].values()] == [
        False, True, False
    ]  # fmt: skip
    assert record["averages"]["halves"]["splits"] == ["halves:0", "halves:2"]
    one, _ = evaluate_source(run_dir=run, data_dir=demo, datasets=["halves:2"])
    assert one["averages"] == {}
