import hashlib
import re
from pathlib import Path

import pytest

from osnet_tf.export.manifest import file_entry, manifest
from osnet_tf.export.model_json import read_manifest
from osnet_tf.export.runners import Artefact
from osnet_tf.files import write_json
from osnet_tf.metrics import Calibration


@pytest.fixture
def folder(tmp_path, small_embedder):
    """A SavedModel of two files, and an int8 file with integer output."""
    (tmp_path / "1" / "variables").mkdir(parents=True)
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "1" / "variables" / "v").write_bytes(b"")
    (tmp_path / "model_int8.tflite").write_bytes(b"int8!")
    output = {"dtype": "int8", "scale": 0.5, "zero_point": -128}
    files = [
        file_entry(Artefact(str(tmp_path / "1"), "saved_model")),
        file_entry(Artefact(str(tmp_path / "model_int8.tflite"), "litert", "int8", 1, output)),
    ]
    thresholds = [Calibration("cosine", 0.3, 1e-3, 0.8), Calibration("euclidean", 9.0, 1e-3, 0.8)]
    write_json(
        tmp_path / "model.json", manifest(small_embedder, "mine", files, thresholds=thresholds)
    )
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
    assert (record["name"], record["preset"]) == ("mine", "osnet_x0_25")
    assert [t["threshold"] for t in record["thresholds"]] == [0.3, 9.0]
    assert {"python", "tensorflow", "keras", "osnet_tf"} <= set(record["versions"])


def test_the_files_with_their_hashes(folder):
    saved_model, int8 = read_manifest(folder)["files"]
    assert (saved_model["bytes"], saved_model["sha256"]) == (5, None)
    assert [one["path"] for one in saved_model["contents"]] == ["1/saved_model.pb", "1/variables/v"]
    assert saved_model["contents"][0]["sha256"] == hashlib.sha256(b"graph").hexdigest()
    assert int8 == {
        "path": "model_int8.tflite", "format": "litert", "precision": "int8", "batch_size": 1,
        "bytes": 5, "sha256": hashlib.sha256(b"int8!").hexdigest(),
        "output": {"dtype": "int8", "scale": 0.5, "zero_point": -128},
    }  # fmt: skip


def test_normalised_embeddings_keep_only_cosine_thresholds(small_embedder):
    thresholds = [Calibration("cosine", 0.3, 1e-3, 0.8), Calibration("euclidean", 9.0, 1e-3, 0.8)]
    record = manifest(small_embedder, "n", [], thresholds=thresholds, l2_normalize=True)
    assert [t["metric"] for t in record["thresholds"]] == ["cosine"]
    assert record["embedding"]["l2_normalized"] is True


def test_the_mobile_guide_names_only_what_model_json_has(folder):
    text = (Path(__file__).parents[2] / "docs" / "mobile.md").read_text()
    known = {"passed"}  # `export_model` adds it

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
