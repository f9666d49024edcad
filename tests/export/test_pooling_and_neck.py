"""A model with generalised mean pooling and a neck, in every format."""

import keras
import numpy as np
import pytest

from osnet_tf.errors import ArgumentError
from osnet_tf.export import export_litert, export_onnx, export_saved_model, run_litert, run_onnx
from osnet_tf.export.frozen import freeze
from osnet_tf.export.inference_rate import as_if_trained
from osnet_tf.export.saved_model import open_saved_model
from osnet_tf.models import OSNet


def make_model(pooling):
    keras.utils.set_random_seed(1)
    return as_if_trained(
        OSNet(
            "osnet_x0_25", input_shape=(64, 32, 3), feature_dim=32, streams=1, gate="none",
            pooling=pooling, neck="batch_norm",
        ),
        seed=1,
    )  # fmt: skip


def cosines(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("kind", ["litert", "int8", "onnx", "saved_model"])
def test_each_format_gives_the_models_embeddings(crops, tmp_path, kind):
    model = make_model("average" if kind == "int8" else "generalized_mean")
    expected = model.predict(crops, verbose=0)
    if kind == "onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
        found = run_onnx(export_onnx(freeze(model), tmp_path / "model.onnx"), crops)
    elif kind == "saved_model":
        path = export_saved_model(freeze(model), tmp_path / "saved")
        found = open_saved_model(path)(crops)
    else:
        how = {"precision": "int8", "calibration_images": crops} if kind == "int8" else {}
        path = export_litert(freeze(model), tmp_path / "model.tflite", **how)
        found = run_litert(path, crops)
    found = np.asarray(found)
    if kind == "int8":
        assert cosines(found, expected).min() > 0.9
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    assert expected.min() < 0


def test_powers_do_not_fit_into_8_bits(crops, tmp_path):
    with pytest.raises(ArgumentError, match=r"knows no operator .* generalised mean pooling"):
        export_litert(
            make_model("generalized_mean"), tmp_path / "model.tflite", precision="int8",
            calibration_images=crops,
        )  # fmt: skip
