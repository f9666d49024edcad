"""The whole export on the demo people; each format has a test module of its own."""

import dataclasses
import hashlib
import json
import resource
import signal

import numpy as np
import pytest
import tensorflow as tf

from osnet_tf import report as tables
from osnet_tf.architecture import architecture_of, fingerprint
from osnet_tf.config import ConfigError
from osnet_tf.errors import ArgumentError, WriteError
from osnet_tf.export import (
    ExportConfig,
    ExportFolderError,
    ExportMismatchError,
    changed_files,
    check_can_export,
    export_model,
    exporter,
    freeze,
    inspect_litert,
    litert,
    read_manifest,
    run_litert,
    run_onnx,
)
from osnet_tf.export.frozen import with_unit_length
from osnet_tf.metrics import Calibration
from osnet_tf.models import OSNet
from tests.export.handmade import write_export

onnx = pytest.importorskip("onnxruntime", reason="needs onnx, tf2onnx and onnxruntime")
SIZE = (64, 32)
CONFIG = ExportConfig(
    formats="saved_model,tflite,onnx",
    precisions="fp32,fp16",
    latency_rounds=2,
    threads=(1,),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exports") / "mine"


@pytest.fixture(scope="module")
def report(small_embedder, demo_people, folder):
    """Over an earlier export, whose model.json lists a file that is not written again."""
    write_export(folder, {"1/old": b"old", "model_int8.tflite": b"old"})
    (folder / "notes.txt").write_text("mine")
    return export_model(small_embedder, folder, demo_people, CONFIG)


def test_every_file_is_there_and_is_the_one_in_model_json(small_embedder, report, folder):
    models = ["1", "model.tflite", "model_fp16.tflite", "model.onnx", "model.json"]
    reports = ["report.json", "report.md", "report.html"]
    assert {path.name for path in folder.iterdir()} == {*models, *reports, "notes.txt"}
    record = read_manifest(folder)
    assert changed_files(folder) == []
    listed = {f["path"]: (f["format"], f["precision"], f["batch_size"]) for f in record["files"]}
    assert listed == {
        "1": ("saved_model", "fp32", None),
        "model.tflite": ("litert", "fp32", 1),
        "model_fp16.tflite": ("litert", "fp16", 1),
        "model.onnx": ("onnx", "fp32", None),
    }
    assert all(file["passed"] for file in record["files"])
    assert record["name"] == "mine"
    assert record["architecture"] == architecture_of(small_embedder).to_dict()
    assert record["fingerprint"] == fingerprint(small_embedder)
    assert report["architecture"] == "osnet_x0_25"
    assert [one["path"] for one in record["reports"]] == reports
    for one in record["reports"]:
        assert one["sha256"] == hashlib.sha256((folder / one["path"]).read_bytes()).hexdigest()


def test_every_file_gives_the_embeddings_of_the_model(small_embedder, report, folder, crops):
    images = crops[:4]
    expected = small_embedder.predict(images, verbose=0)
    serve = tf.saved_model.load(str(folder / "1")).signatures["serving_default"]
    found = {"1": serve(images=tf.constant(images))["embeddings"].numpy()}
    found["model.onnx"] = run_onnx(folder / "model.onnx", images)
    found["model.tflite"] = run_litert(folder / "model.tflite", images)
    for name, embeddings in found.items():
        np.testing.assert_allclose(embeddings, expected, rtol=1e-3, atol=1e-4, err_msg=name)


def test_the_litert_graph_is_the_network_and_nothing_else(report, folder):
    """DESIGN's list for one static image, gates as convolutions, and CAST, MUL, ADD for the
    normalisation."""
    graph = inspect_litert(folder / "model.tflite")
    assert graph.operators == {
        "PAD": 2, "CONV_2D": 79 + 48, "DEPTHWISE_CONV_2D": 60, "MEAN": 25, "FULLY_CONNECTED": 1,
        "LOGISTIC": 24, "MUL": 24 + 1, "ADD": 24 + 1, "MAX_POOL_2D": 1, "AVERAGE_POOL_2D": 2,
        "CAST": 1,
    }  # fmt: skip
    assert graph.partitions == 1


def test_the_report_says_what_was_found(report, folder):
    assert (
        json.loads((folder / "report.json").read_text())["keras"]["mAP"] == report["keras"]["mAP"]
    )
    assert (report["evaluation"], report["num_images"]) == ("full", len_of(report))
    for row in report["artefacts"]:
        assert row["cosine_min"] > 0.9999
        assert abs(row["map_change"]) < 0.05
        assert row["problems"] == []
        assert row["latency"][1] > 0
    by_name = {row["path"]: row for row in report["artefacts"]}
    assert by_name["model.tflite"]["partitions"] == 1
    assert by_name["model.tflite"]["undelegated"] == {"CAST": 1}
    assert by_name["model.onnx"]["operators"]["Conv"] == 139 + 2 * 24  # and the gates
    assert by_name["model_fp16.tflite"]["bytes"] < 0.7 * by_name["model.tflite"]["bytes"]
    assert report["keras"]["latency"][1] > 0


def test_the_report_as_text_markdown_and_page(report, folder):
    markdown, page = ((folder / f"report.{kind}").read_text() for kind in ("md", "html"))
    table = tables.export_table(report)
    for row in report["artefacts"]:
        cosine = f"{row['cosine_min']:.6f}"
        for text in (table, markdown, page):
            assert row["path"] in text
            assert cosine in text
    assert "Every file is within its tolerance." in markdown
    assert "CONV_2D 127" in markdown
    assert page.count("<svg") == 1
    # Nothing but the plot's own namespaces points out of the file
    links = {word for word in page.replace('"', " ").split() if word.startswith("http")}
    assert all(
        "w3.org" in link or "purl.org" in link or "creativecommons" in link for link in links
    )
    for outside in ("src=", "<link", "<script", "@import", "url(http"):
        assert outside not in page


def test_thresholds_are_measured_where_none_are_given(report, folder):
    thresholds = read_manifest(folder)["thresholds"]
    assert thresholds
    assert {(t["metric"], t["dataset"]) for t in thresholds} == {("cosine", "demo")}
    assert {t["fingerprint"] for t in thresholds} == {read_manifest(folder)["fingerprint"]}


def test_beyond_tolerance_fails_by_name_and_number(
    small_embedder, demo_people, tmp_path, monkeypatch
):
    """Another model's file in the place of this one's."""
    other = freeze(OSNet("osnet_x0_25", input_shape=(*SIZE, 3), streams=1))
    other_litert = dataclasses.replace(
        litert.FORMAT, write=lambda frozen, *rest: litert.FORMAT.write(other, *rest)
    )
    monkeypatch.setattr(exporter, "get_format", lambda name: other_litert)
    config = ExportConfig(formats="tflite", latency_rounds=0, max_map_drop=0.0)
    given = [Calibration("cosine", 0.3, 1e-3, 0.8)]
    folder = tmp_path / "mine"
    with pytest.raises(
        ExportMismatchError, match=r"smallest cosine of 0\.\d+ .* too lit"
    ) as caught:
        export_model(small_embedder, folder, demo_people, config, thresholds=given)
    assert str(folder / "model.tflite") in str(caught.value)
    assert (
        "BEYOND TOLERANCE: model.tflite has a smallest cosine" in (folder / "report.md").read_text()
    )
    assert "BEYOND TOLERANCE" in tables.export_table(caught.value.report)
    record = read_manifest(folder)
    assert [file["passed"] for file in record["files"]] == [False]
    assert [t["threshold"] for t in record["thresholds"]] == [0.3]


def test_thresholds_of_other_weights_are_refused(small_embedder, demo_people, tmp_path):
    foreign = Calibration("cosine", 0.3, 1e-3, 0.8, fingerprint="f00d")
    with pytest.raises(ArgumentError, match="must be measured with the model that is exported"):
        export_model(small_embedder, tmp_path / "mine", demo_people, thresholds=[foreign])
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_refused_before_any_work(
    small_embedder, demo_people, tmp_path, monkeypatch
):
    monkeypatch.setattr(exporter, "freeze", None)  # nothing is even traced
    (tmp_path / "mine" / "1").mkdir(parents=True)
    (tmp_path / "mine" / "1" / "thesis.tex").write_text("years of work")
    with pytest.raises(ExportFolderError, match="1 is not an export's"):
        export_model(small_embedder, tmp_path / "mine", demo_people)
    with pytest.raises(ExportFolderError, match="1 is not an export's"):
        check_can_export(tmp_path / "mine")
    check_can_export(tmp_path / "mine", ExportConfig(formats="onnx"))
    with pytest.raises(WriteError, match="/dev/null cannot be written: it is a file"):
        check_can_export("/dev/null")
    untrained = demo_people._replace(train=())
    with pytest.raises(ArgumentError, match="no training images"):
        export_model(small_embedder, tmp_path / "x", untrained, ExportConfig(precisions="int8"))
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "1", "thesis.tex"]


def test_a_full_disk_leaves_the_old_export(small_embedder, demo_people, tmp_path):
    write_export(tmp_path / "mine", {"model.tflite": b"old"})
    config = ExportConfig(formats="saved_model", latency_rounds=0, evaluate="none")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error, as ENOSPC is
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(WriteError, match=f"^{tmp_path}/mine cannot be written: .*too large"):
            export_model(small_embedder, tmp_path / "mine", demo_people, config)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (tmp_path / "mine" / "model.tflite").read_bytes() == b"old"
    assert changed_files(tmp_path / "mine") == []
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_unit_length_and_a_larger_batch(small_embedder, demo_people, tmp_path, crops):
    config = ExportConfig(
        formats="tflite", batch_sizes=(3,), l2_normalize=True, evaluate="none", latency_rounds=0
    )
    report = export_model(small_embedder, tmp_path / "n", demo_people, config)
    assert report["keras"]["mAP"] is None
    expected = with_unit_length(small_embedder).predict(crops, verbose=0)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-5)
    assert inspect_litert(tmp_path / "n" / "model_b3.tflite").partitions == 1
    found = run_litert(tmp_path / "n" / "model_b3.tflite", crops[:6])
    np.testing.assert_allclose(found, expected[:6], atol=1e-5)
    record = read_manifest(tmp_path / "n")
    assert record["embedding"]["l2_normalized"] is True
    assert record["architecture"]["preset"] == "osnet_x0_25"
    assert record["fingerprint"] == fingerprint(small_embedder)
    assert "nothing ranked" in (tmp_path / "n" / "report.html").read_text()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            {"formats": "tflite,pb"},
            "must be some of saved_model, tflite, onnx, openvino, each once",
        ),
        ({"formats": ""}, "`formats` must be some of"),
        ({"precisions": "fp32,fp32"}, "`precisions` must be some of .* each once"),
        (
            {"batch_sizes": (0,)},
            r"`batch_sizes` must be >= 1. Received: batch_sizes=\(0,\)",
        ),
        ({"threads": ()}, "`threads` must name a number"),
        ({"threads": (2, 2)}, "`threads` must name each number once"),
        ({"calibration_images": 0}, "`calibration_images` must be >= 1"),
        ({"seed": -1}, "`seed` must be >= 0"),
        ({"latency_rounds": 2.5}, "`latency_rounds` must be an integer"),
        ({"l2_normalize": "no"}, "`l2_normalize` must be true or false"),
        ({"min_cosine": 2.0}, "`min_cosine` must be >= -1 and <= 1. Received: min_cosine=2.0"),
        ({"max_map_drop_quantized": -1.0}, "`max_map_drop_quantized` must be >= 0"),
        ({"evaluate": "half"}, "`evaluate` must be one of auto, full, sample, none"),
        ({"integer_io": True}, "`integer_io` is for the precision int8"),
        ({"gates": "int8"}, "`gates` is for the precision int8"),
        ({"precisions": "int8", "gates": "int4"}, "`gates` must be one of float, int8"),
        ({"precisions": "int8", "l2_normalize": True}, "`l2_normalize` is not for int8"),
    ],
)
def test_invalid_settings(setting, message):
    with pytest.raises(ConfigError, match=message):
        ExportConfig(**setting)


def test_a_model_of_any_size_is_refused_before_anything_is_written(any_size, demo_people, tmp_path):
    with pytest.raises(ValueError, match="must have a fixed input size"):
        export_model(any_size, tmp_path / "any", demo_people)
    assert list(tmp_path.iterdir()) == []


def test_integer_gates_mean_integer_embeddings():
    config = ExportConfig(formats="tflite", precisions="fp32,int8", gates="int8")
    kinds = [(a.name, a.gates, a.integer_io) for a in config.artefacts]
    assert kinds == [("model.tflite", "float", False), ("model_int8.tflite", "int8", True)]


def test_tolerances_by_precision():
    config = dataclasses.replace(CONFIG, min_cosine=0.5, max_map_drop_quantized=3.0)
    assert config.tolerance("fp32") == (0.5, 0.05)
    assert config.tolerance("fp16") == (0.999, 0.05)
    assert config.tolerance("int8") == config.tolerance("dynamic") == (0.9, 3.0)


def len_of(report):
    return report["num_query"] + report["num_gallery"]
