import sys

import numpy as np
import pytest

from osnet_tf.errors import FileError
from osnet_tf.export import export_model, export_openvino
from osnet_tf.export.config import export_config
from osnet_tf.export.formats import get_format
from osnet_tf.export.frozen import freeze
from osnet_tf.export.input_spec import InputSpec
from osnet_tf.export.model_json import read_manifest
from osnet_tf.export.openvino import OpenVINOEmbedder
from osnet_tf.models import OSNet

openvino = pytest.importorskip("openvino", reason="needs openvino")
NORMALIZED = InputSpec("nchw", "float", "outside")


@pytest.fixture(scope="module")
def path(frozen, tmp_path_factory):
    return export_openvino(frozen, tmp_path_factory.mktemp("o") / "mine", name="mine")


@pytest.mark.parametrize("number", [1, 2, 7])
def test_the_embeddings_of_the_model_at_any_batch(small_embedder, path, crops, number):
    found = OpenVINOEmbedder(path)(crops[:number])
    assert found.dtype == np.float32
    expected = small_embedder.predict(crops[:number], verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_a_result_outlives_the_next(path, crops):
    run = OpenVINOEmbedder(path)
    first = run(crops[:1])
    kept = first.copy()
    run(crops[1:2])
    np.testing.assert_array_equal(first, kept)


def test_what_the_file_takes_and_says(frozen, path):
    graph = openvino.Core().read_model(f"{path}/mine.xml")
    assert graph.input("images").partial_shape.to_string() == "[?,64,32,3]"
    assert graph.input("images").element_type == openvino.Type.u8
    assert graph.output("embeddings").partial_shape.to_string() == "[?,512]"
    assert graph.get_rt_info(["osnet_tf", "fingerprint"]).astype(str) == frozen.fingerprint


def test_batch_norms_are_in_the_convolutions_and_few_transposes_are_left(path):
    operators = get_format("openvino").describe(path).operators
    assert operators["Convolution"] + operators["GroupConvolution"] == 79 + 60
    assert operators["Transpose"] == 1  # of the pixels
    assert operators["Multiply"] == 1 + 24 + 1  # normalisation, gates and the last batch norm
    assert not {"ShapeOf", "Gather", "BatchNormInference"} & set(operators)


def test_an_export_in_another_layout(demo_people, tmp_path):
    """Compared with the Keras model, and listed with its two files."""
    model = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)
    config = export_config(
        formats="openvino", layout="nchw", input="float", normalization="outside",
        file_name="mine", evaluate="none", latency_rounds=0,
    )  # fmt: skip
    folder = tmp_path / "out"
    [row] = export_model(model, folder, demo_people, config)["artefacts"]
    assert (row["path"], row["format"], row["problems"]) == ("mine_openvino_model", "openvino", [])
    assert row["cosine_min"] > 0.99999
    [entry] = read_manifest(folder)["files"]
    assert InputSpec.of(entry["input"]) == NORMALIZED
    files = [file["path"] for file in entry["contents"]]
    assert files == ["mine_openvino_model/mine.bin", "mine_openvino_model/mine.xml"]
    graph = openvino.Core().read_model(str(folder / files[1]))  # as a program opens it
    assert graph.input("images").partial_shape.to_string() == "[?,3,32,16]"


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(FileError, match=r"must hold one .xml file of OpenVINO. Received: 0"):
        OpenVINOEmbedder(tmp_path)


def test_a_missing_package_is_named_before_work_is_done(small_embedder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ImportError, match=r"pip install 'osnet_tf\[openvino\]'"):
        export_openvino(freeze(small_embedder), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
