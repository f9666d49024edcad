import importlib.util

import numpy as np

from osnet_tf import OSNet, embed
from osnet_tf.export.inference_rate import as_if_trained, measure_inference


def test_each_runtime_has_a_row():
    rows = measure_inference("osnet_x0_25", batches=(1, 2), rounds=3, size=(32, 16))
    openvino = ["OpenVINO"] if importlib.util.find_spec("openvino") else []
    names = ["SavedModel", "Keras in TensorFlow", "ONNX Runtime", *openvino, "LiteRT"]
    assert [row.name for row in rows] == names
    for row in rows:
        assert set(row.milliseconds) == {1, 2}
        for low, median, high in row.milliseconds.values():
            assert 0 < low <= median <= high


def test_weights_as_of_a_trained_model():
    model = as_if_trained(OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1))
    for variable in model.variables:
        if variable.path.endswith(("beta", "moving_mean", "bias")):
            assert np.abs(variable.numpy()).min() > 0, variable.path
    image = np.zeros((1, 32, 16, 3), "uint8")
    assert np.isfinite(embed(model, image)).all()
