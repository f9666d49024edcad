"""The benchmark of runtimes compares files of the same network."""

import importlib.util

import keras
import numpy as np
import pytest

from osnet_tf import OSNet, embed
from osnet_tf.export.formats import get_format
from osnet_tf.export.runtimes import compare_runtimes, convert_plainly

SIZE = (32, 16)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return OSNet("osnet_x0_25", input_shape=(*SIZE, 3), streams=1)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (2, *SIZE, 3), "uint8")


def test_a_file_by_tensorflows_own_converter_is_run_on_pixels(model, images, tmp_path):
    run = get_format("litert").open(convert_plainly(model, tmp_path), num_threads=1)
    np.testing.assert_allclose(run(images[:1]), embed(model, images[:1]), atol=1e-5)


def test_each_runtime_has_a_row(model, images):
    rows = compare_runtimes(model, calibration_images=images, threads=(1,), rounds=1)
    names = [row.name for row in rows]
    openvino = ["OpenVINO fp32"] if importlib.util.find_spec("openvino") else []
    plain = "LiteRT fp32, plain static conversion"
    assert names == [
        *("LiteRT fp32", plain, "ONNX Runtime fp32"),
        *openvino,
        *("LiteRT int8", "Keras in TensorFlow"),
    ]
    assert all(set(row.milliseconds) == {1} and row.milliseconds[1] > 0 for row in rows)
