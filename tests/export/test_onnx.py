import sys

import keras
import numpy as np
import pytest

from osnet_tf import OSNet, embed
from osnet_tf.export import export_onnx, run_onnx
from osnet_tf.export.onnx import onnx_operators

onnx = pytest.importorskip("onnx", reason="needs onnx, tf2onnx and onnxruntime")
pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")

SIZE = (64, 32)


@pytest.fixture(scope="module")
def path(frozen, tmp_path_factory):
    return export_onnx(frozen, tmp_path_factory.mktemp("o") / "model.onnx")


@pytest.mark.parametrize("number", [1, 2, 7])
def test_the_embeddings_of_the_model_at_any_batch(small_embedder, path, crops, number):
    expected = small_embedder.predict(crops[:number], verbose=0)
    found = run_onnx(path, crops[:number])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_batches_do_not_change_the_result(path, crops):
    in_threes = run_onnx(path, crops, batch_size=3)
    np.testing.assert_allclose(in_threes, run_onnx(path, crops), rtol=1e-4, atol=1e-5)


def test_names_and_shapes_that_a_person_understands(path):
    graph = onnx.load(path).graph
    (images,), (embeddings,) = graph.input, graph.output
    assert [(value.name, shape(value)) for value in (images, embeddings)] == [
        ("images", ["batch", *SIZE, 3]),
        ("embeddings", ["batch", 512]),
    ]
    assert images.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert embeddings.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert graph.name == "osnet_x0_25"
    assert not any("PartitionedCall" in node.name for node in graph.node)
    (opset,) = (o.version for o in onnx.load(path).opset_import if o.domain == "")
    assert opset == 17


def test_the_nodes_are_those_of_the_network(path):
    """No shape arithmetic, no batch norm, no transposes but that of the pixels."""
    assert onnx_operators(path) == {
        "Cast": 1,  # of the pixels
        "Transpose": 1,
        "Conv": 79 + 60 + 48,  # the last are the gates
        "Relu": 76 + 24 + 1,
        "Sigmoid": 24,
        "Mul": 1 + 24 + 1,  # normalisation, gates, and the last batch norm, which has a bias inside
        "Add": 1 + 18 + 6 + 1,
        "GlobalAveragePool": 25,
        "Pad": 1,
        "MaxPool": 1,
        "AveragePool": 2,
        "Squeeze": 1,
        "Gemm": 1,
    }


@pytest.mark.parametrize("gate", ["separate", "scalar", "learned"])
def test_other_gates(gate, tmp_path):
    keras.utils.set_random_seed(0)
    model = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=2, gate=gate)
    crops = np.random.default_rng(0).integers(0, 256, (3, 32, 16, 3), "uint8")
    path = export_onnx(model, tmp_path / "a.onnx")
    np.testing.assert_allclose(run_onnx(path, crops), embed(model, crops), rtol=1e-3, atol=1e-4)
    operators = onnx_operators(path)
    assert operators["Transpose"] == 1
    assert "Reshape" not in operators


def test_a_missing_package_is_named_before_work_is_done(small_embedder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r"needs tf2onnx, .*: pip install 'osnet_tf\[onnx\]'"):
        export_onnx(small_embedder, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def shape(value):
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
