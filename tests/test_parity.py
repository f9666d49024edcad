"""Every recorded activation of the public PyTorch code, through the project's own converter."""

import keras
import numpy as np
import pytest

from osnet_tf import add_classifier
from osnet_tf.weights import load_torch_state
from tests.layer_test_kit import array
from tests.weights.reference import REFERENCE, reference_shapes, reference_state

LAYERS = {
    "conv1": "conv1",
    "maxpool": "maxpool",
    "conv2": "conv2_pool",
    "conv3": "conv3_pool",
    "conv4": "conv4_1",
    "conv5": "conv5",
}
# There the transition stands outside conv2 and conv3
AIN_LAYERS = {
    **LAYERS,
    "conv2": "conv2_1",
    "pool2": "conv2_pool",
    "conv3": "conv3_1",
    "pool3": "conv3_pool",
}


@pytest.mark.parametrize(
    "preset", ["osnet_x1_0", "osnet_x0_25", "osnet_ibn_x1_0", "osnet_ain_x1_0"]
)
def test_every_activation(preset, preset_model):
    recorded = np.load(REFERENCE / "activations.npz")
    model = add_classifier(preset_model(preset), 5)
    load_torch_state(model, reference_state(reference_shapes(preset)))
    layers = AIN_LAYERS if "ain" in preset else LAYERS
    watched = {name: model.get_layer(layer).output for name, layer in layers.items()}
    outputs = keras.Model(model.input, {**watched, **model.output})(recorded["images"])

    names = {key.split("/")[1] for key in recorded if key.startswith(f"{preset}/")}
    assert set(outputs) == names, "not every recorded activation is compared"
    for name in sorted(names):
        found, expected = array(outputs[name]), recorded[f"{preset}/{name}"]
        found = found.mean((1, 2)) if found.ndim == 4 else found
        assert np.abs(expected).max() > 0
        error = np.abs(found - expected).max() / np.abs(expected).max()
        assert error < 1e-5, f"{name}: relative error {error:.2e}"
