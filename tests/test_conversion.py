"""Whole files: checkpoints to Keras and back."""

import keras
import numpy as np
import pytest

from osnet_tf import OSNet, add_classifier, convert
from osnet_tf.architecture import architecture_of
from osnet_tf.conversion import convert_to_torch
from osnet_tf.errors import ArgumentError, NotFoundError, WriteError
from osnet_tf.weights import WeightsError, load_weights
from tests.weights.reference import state_of, write_safetensors

SMALL = (32, 16, 3)


@pytest.fixture
def source(tmp_path):
    return write_safetensors(tmp_path / "X.safetensors", state_of())


def predictions(model, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (2, *SMALL)).astype("float32")
    return keras.ops.convert_to_numpy(model(images, training=False))


@pytest.mark.parametrize(
    ("suffix", "classifier", "preset", "feature_dim"),
    [(".keras", True, "osnet_x0_25", 512), (".weights.h5", False, "osnet_ain_x0_25", 24)],
)
def test_converted_files_load(tmp_path, suffix, classifier, preset, feature_dim):
    state = state_of(preset, feature_dim=feature_dim)
    source = write_safetensors(tmp_path / "X.safetensors", state)
    embedder = OSNet(preset, input_shape=SMALL, feature_dim=feature_dim, weights=source)
    expected = predictions(embedder)
    output = tmp_path / f"Y{suffix}"
    loaded = convert(source, output, classifier=classifier, input_shape=SMALL)
    assert (loaded.architecture, loaded.num_classes) == (architecture_of(embedder), 5)
    assert ("classifier.bias" in loaded.used) == classifier
    assert ("classifier.bias" in loaded.left_out) != classifier
    embedder.get_layer("fc").kernel.assign(np.zeros((128, feature_dim)))
    load_weights(embedder, output)
    np.testing.assert_array_equal(predictions(embedder), expected)


def test_what_cannot_be_converted(tmp_path, source):
    with pytest.raises(
        ArgumentError, match=r"must end in .keras or .weights.h5. Received: output=.*h5"
    ):
        convert(source, tmp_path / "Y.h5")
    with pytest.raises(NotFoundError, match=r"There is no folder .*none to write Y.keras into"):
        convert(source, tmp_path / "none" / "Y.keras")
    with pytest.raises(NotFoundError, match=r"none.pth does not exist"):
        convert(tmp_path / "none.pth", tmp_path / "Y.keras")
    state = state_of(num_classes=None)
    state["fc.0.bias"][3] = np.nan
    write_safetensors(source, state)
    with pytest.raises(ArgumentError, match="has no classifier to keep"):
        convert(source, tmp_path / "Y.keras", classifier=True)
    with pytest.raises(WeightsError, match=r"X.safetensors: fc.0.bias: 1 of 512 numbers are NaN"):
        convert(source, tmp_path / "Y.keras", input_shape=SMALL)
    with pytest.raises(NotFoundError, match=r"none.keras does not exist"):
        convert_to_torch(tmp_path / "none.keras", tmp_path / "Z.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["X.safetensors"]


def test_a_full_disk_leaves_what_was_there(tmp_path, source, monkeypatch):
    output = tmp_path / "Y.keras"
    output.write_bytes(b"good")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", full)
    with pytest.raises(WriteError, match=r"Y.keras cannot be written: No space left on device"):
        convert(source, output, input_shape=SMALL)
    assert output.read_bytes() == b"good"
    assert len(list(tmp_path.iterdir())) == 2


def test_an_ablation_becomes_no_public_file(tmp_path):
    """Depthwise first it has the very variables of the public network."""
    ablation = OSNet("osnet_x0_25", input_shape=SMALL, streams=1, lite="depthwise_pointwise")
    ablation.save(tmp_path / "Y.keras")
    with pytest.raises(
        ArgumentError,
        match=r"blocks, pooling and embedding only. .*lite='depthwise_pointwise'",
    ):
        convert_to_torch(tmp_path / "Y.keras", tmp_path / "Z.pth")
    assert not (tmp_path / "Z.pth").exists()


def test_a_classifier_of_the_checkpoint_goes_with_its_model(source):
    embedder = OSNet("osnet_x0_25", input_shape=SMALL)
    model = add_classifier(embedder, 5)
    load_weights(model, source)
    expected = state_of()["classifier.weight"].T
    np.testing.assert_array_equal(model.get_layer("classifier").kernel.numpy(), expected)
    with pytest.raises(WeightsError, match=r"5 classes, but the model .* 4 classes"):
        load_weights(add_classifier(embedder, 4), source)
