import hashlib
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from osnet_tf.architecture import architecture_of, fingerprint
from osnet_tf.export.exported import Exported, stored_files
from osnet_tf.export.formats import Artefact, Graph
from osnet_tf.export.frozen import freeze
from osnet_tf.export.manifest import manifest
from osnet_tf.export.model_json import read_manifest
from osnet_tf.files import write_json
from osnet_tf.metrics import Calibration
from osnet_tf.models import OSNet


@pytest.fixture
def folder(tmp_path, frozen):
    """A SavedModel of two files, and an int8 file with integer output."""
    (tmp_path / "1" / "variables").mkdir(parents=True)
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "1" / "variables" / "v").write_bytes(b"")
    (tmp_path / "model_int8.tflite").write_bytes(b"int8!")
    output = {"dtype": "int8", "scale": 0.5, "zero_point": -128}
    int8 = Artefact("model_int8.tflite", "litert", "int8", 1, integer_io=True)
    files = [
        Exported(Artefact("1", "saved_model"), stored_files(tmp_path / "1")).entry(),
        Exported(
            int8, stored_files(tmp_path / int8.name), Graph(output=output), problems=("is wrong",)
        ).entry(),
    ]
    thresholds = [Calibration("cosine", 0.3, 1e-3, 0.8), Calibration("euclidean", 9.0, 1e-3, 0.8)]
    write_json(tmp_path / "model.json", manifest(frozen, "mine", files, thresholds=thresholds))
    return tmp_path


def test_what_a_program_needs(folder):
    record = read_manifest(folder)
    assert record["input"] | {"resize": ""} == {
        "name": "images", "height": 64, "width": 32, "channels": 3, "dtype": "uint8",
        "layout": "NHWC", "color_order": "RGB", "range": [0, 255],
        "normalization": "in the model", "resize": "",
    }  # fmt: skip
    assert record["embedding"] == {
        "name": "embeddings", "size": 512, "dtype": "float32", "l2_normalized": False,
    }  # fmt: skip
    assert record["name"] == "mine"
    assert [t["threshold"] for t in record["thresholds"]] == [0.3, 9.0]
    assert {"python", "tensorflow", "keras", "osnet_tf"} <= set(record["versions"])


def test_the_files_with_their_hashes(folder):
    saved_model, int8 = read_manifest(folder)["files"]
    assert (saved_model["bytes"], saved_model["sha256"]) == (5, None)
    assert [one["path"] for one in saved_model["contents"]] == ["1/saved_model.pb", "1/variables/v"]
    assert saved_model["passed"] is True
    assert saved_model["contents"][0]["sha256"] == hashlib.sha256(b"graph").hexdigest()
    assert int8 == {
        "path": "model_int8.tflite", "format": "litert", "precision": "int8", "batch_size": 1,
        "bytes": 5, "sha256": hashlib.sha256(b"int8!").hexdigest(), "passed": False,
        "output": {"dtype": "int8", "scale": 0.5, "zero_point": -128},
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes", [{"streams": 1}, {"streams": 2, "gate": "none", "feature_dim": 8}]
)
def test_what_was_exported_is_told_whatever_its_name(changes):
    """An ablation is no preset, nor does a name say anything."""
    model = OSNet("osnet_x0_25", input_shape=(32, 16, 3), name="osnet_x1_0", **changes)
    record = manifest(freeze(model), "mine", [])
    assert "preset" not in record
    assert record["architecture"] == architecture_of(model).to_dict()
    for name, value in changes.items():
        assert record["architecture"][name] == value
    assert record["architecture"]["preset"] == "osnet_x0_25"
    assert record["fingerprint"] == fingerprint(model)
    model.get_layer("fc").bias.assign_add(np.full(model.output_shape[1:], 1e-3))
    assert record["fingerprint"] != fingerprint(model)  # of the weights that were frozen


def test_somebody_elses_network_has_no_architecture():
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images), name="osnet_x0_25")
    record = manifest(freeze(model), "mine", [])
    assert record["architecture"] is None
    assert record["fingerprint"] == fingerprint(model)


def test_normalised_embeddings_keep_only_cosine_thresholds(frozen):
    thresholds = [Calibration("cosine", 0.3, 1e-3, 0.8), Calibration("euclidean", 9.0, 1e-3, 0.8)]
    record = manifest(frozen, "n", [], thresholds=thresholds, l2_normalize=True)
    assert [t["metric"] for t in record["thresholds"]] == ["cosine"]
    assert record["embedding"]["l2_normalized"] is True


def test_the_mobile_guide_names_only_what_model_json_has(folder):
    text = (Path(__file__).parents[2] / "docs" / "mobile.md").read_text()
    known = set()

    def collect(value):
        for key, inner in value.items() if isinstance(value, dict) else ():
            known.add(key)
            collect(inner)
        for inner in value if isinstance(value, list) else ():
            collect(inner)

    collect(read_manifest(folder))
    kotlin = set(re.findall(r'(?:get\w+|optInt|has)\("(\w+)"\)', text))
    swift_struct = text[text.index("struct About") : text.index("final class")]
    swift = set(re.findall(r"let (\w+):", swift_struct))
    assert len(kotlin) > 10
    assert len(swift) > 10
    assert kotlin | swift <= known
