"""What files take besides pixels: each embeds as the model does, and says what it takes."""

import ast
import json

import numpy as np
import pytest

from osnet_tf import CropEmbedder, OSNet, embed
from osnet_tf.config import ConfigError
from osnet_tf.data import generate_demo
from osnet_tf.errors import ArgumentError
from osnet_tf.export import export_model
from osnet_tf.export.clients import CLIENTS
from osnet_tf.export.config import ExportConfig, export_config
from osnet_tf.export.formats import get_format, in_batches
from osnet_tf.export.frozen import freeze
from osnet_tf.export.input_spec import PIXELS, InputSpec
from osnet_tf.export.litert import export_litert, read_litert_metadata
from osnet_tf.export.model_json import read_manifest
from osnet_tf.export.onnx import export_onnx, onnx_session, onnx_takes

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 32, 16, 3), np.uint8)
SPECS = [
    InputSpec("nchw", "float", "outside"),
    InputSpec("nchw", "float", "unit"),
    InputSpec("nhwc", "float", "inside"),
    InputSpec("nchw", "uint8", "inside"),
]


@pytest.fixture(scope="module")
def model():
    return OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)


def test_what_is_handed_over():
    """By hand, for one pixel."""
    pixel = np.array([[[[255, 128, 0]]]], np.uint8)
    np.testing.assert_array_equal(PIXELS.from_pixels(pixel), pixel)
    unit = InputSpec("nchw", "float", "unit").from_pixels(pixel)
    assert unit.shape == (1, 3, 1, 1)
    np.testing.assert_allclose(unit[0, :, 0, 0], [1.0, 128 / 255, 0.0], rtol=1e-6)
    outside = InputSpec("nhwc", "float", "outside").from_pixels(pixel)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(outside[0, 0, 0], (pixel[0, 0, 0] / 255 - mean) / std, rtol=1e-5)
    assert outside.dtype == unit.dtype == np.float32


@pytest.mark.parametrize("spec", [PIXELS, *SPECS], ids=str)
def test_what_it_says_is_what_it_is(spec):
    assert InputSpec.of(json.loads(json.dumps(spec.describe()))) == spec


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_files_take_it_and_embed_alike(model, tmp_path, spec):
    frozen, expected = freeze(model, spec), embed(model, PICTURES)
    onnx = export_onnx(frozen, tmp_path / "a.onnx")
    litert = export_litert(frozen, tmp_path / "a.tflite")
    session = onnx_session(onnx)
    [images] = session.get_inputs()
    assert images.shape == ["batch", *spec.shape(1, (32, 16))[1:]]
    assert images.type == {"uint8": "tensor(uint8)", "float": "tensor(float)"}[spec.dtype]
    assert onnx_takes(session) == spec
    given = {images.name: spec.from_pixels(PICTURES)}  # as a program hands it over
    np.testing.assert_allclose(session.run(None, given)[0], expected, atol=1e-5)
    assert InputSpec.of(read_litert_metadata(litert)["input"]) == spec
    assert read_litert_metadata(litert)["input"]["shape"] == list(spec.shape(1, (32, 16)))
    for name, path in (("onnx", onnx), ("litert", litert)):
        run = get_format(name).open(path)  # as we do
        found = in_batches(run, PICTURES, 1)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        crop = CropEmbedder(path, bgr=False, normalize=False)
        assert crop.size == (32, 16)
        np.testing.assert_allclose(crop([[0, 0, 16, 32]], PICTURES[0]), expected[:1], atol=1e-5)


def test_an_onnx_file_says_what_it_is(model, tmp_path):
    frozen = freeze(model)
    about = onnx_session(export_onnx(frozen, tmp_path / "a.onnx")).get_modelmeta()
    assert about.custom_metadata_map["architecture"] == "osnet_x0_25 with streams=1"
    assert about.custom_metadata_map["fingerprint"] == frozen.fingerprint
    assert json.loads(about.custom_metadata_map["input"])["layout"] == "NHWC"
    assert "args" not in about.custom_metadata_map


def test_texts_that_a_program_looks_for(model, tmp_path):
    """Ultralytics reads `args` as a Python literal, and asks it whether any batch is taken."""
    people = generate_demo(tmp_path, train_identities=2, test_identities=2, images_per_camera=2)
    config = export_config(client="ultralytics", latency_rounds=0, evaluate="none")
    export_model(model, tmp_path / "mine", people, config)
    session = onnx_session(tmp_path / "mine" / "model.onnx")
    texts = session.get_modelmeta().custom_metadata_map
    assert ast.literal_eval(texts["args"]) == {"dynamic": True}
    assert session.get_inputs()[0].shape == ["batch", 3, 32, 16]
    assert onnx_takes(session) == InputSpec("nchw", "float", "unit")


def test_what_does_not_go_together(model, tmp_path):
    for settings, message in [
        ({"normalization": "unit"}, "`normalization` needs input=float"),
        ({"layout": "nchw", "precisions": "int8"}, "must be fp32 or fp16 with other images"),
        ({"file_name": "../a"}, "`file_name` must consist of letters"),
        ({"client": "boxmott"}, "`client` must be one of .*Did you mean 'boxmot'"),
    ]:
        with pytest.raises(ConfigError, match=message):
            export_config(**settings)
    frozen = freeze(model, SPECS[0])
    with pytest.raises(ArgumentError, match="Quantised files take pixels"):
        export_litert(frozen, tmp_path / "a.tflite", precision="dynamic")


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_is_settings_and_flags_go_on_top(name):
    config = export_config(client=name)
    takes_pixels = name in ("coreml", "mediapipe", "tfjs")
    assert (config.takes == PIXELS) == takes_pixels
    assert ("onnx" in config.formats) != takes_pixels
    assert export_config(client=name, formats="onnx", layout="nhwc").takes.layout == "nhwc"
    assert ExportConfig().takes == PIXELS


def test_an_export_for_a_client(model, tmp_path):
    """Each file takes what the client hands over, and what it looks for lies beside it."""
    people = generate_demo(tmp_path, train_identities=2, test_identities=2, images_per_camera=2)
    config = export_config(
        client="boxmot", file_name="osnet_x0_25_mine", latency_rounds=0, evaluate="none"
    )
    folder = tmp_path / "mine"
    report = export_model(model, folder, people, config)
    assert {row["path"] for row in report["artefacts"]} == {
        "osnet_x0_25_mine.onnx",
        "osnet_x0_25_mine.tflite",
    }
    assert min(row["cosine_min"] for row in report["artefacts"]) > 0.99999
    record = read_manifest(folder)
    for entry in record["files"]:
        assert InputSpec.of(entry["input"]) == InputSpec("nchw", "float", "outside")
    beside = [entry["path"] for entry in record["reports"]]
    for name in ("osnet_x0_25_mine.onnx", "osnet_x0_25_mine.tflite"):
        assert f"{name}.metadata.json" in beside
        about = json.loads((folder / f"{name}.metadata.json").read_text())
        assert (about["model_name"], about["img_size"]) == ("osnet_x0_25", [32, 16])
    plain = ExportConfig(formats="tflite", latency_rounds=0, evaluate="none")
    export_model(model, folder, people, plain)  # and the next export takes all of it away
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == [
        "model.json", "model.tflite", "report.html", "report.json", "report.md",
    ]  # fmt: skip
    assert "input" not in read_manifest(folder)["files"][0]
