"""Published models: the same model comes out, and nothing damaged or foreign does."""

import json
import os
import shutil

import keras
import numpy as np
import pytest

from osnet_tf import CropEmbedder, OSNet, add_classifier, from_preset, publishing, save_to_preset
from osnet_tf.architecture import architecture_of, fingerprint
from osnet_tf.errors import ArgumentError, FileError, NotFoundError, WriteError
from osnet_tf.weights import WeightsError, load_embedder, load_weights
from tests.conftest import SHARED

ARGUMENTS = {"input_shape": (32, 16, 3), "streams": 2, "gate": "separate", "feature_dim": 24}


@pytest.fixture(scope="module")
def model():
    """A small ablation with weights that no initialiser gives."""
    model = OSNet("osnet_ibn_x0_25", **ARGUMENTS)
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 1, w.shape).astype(w.dtype) for w in model.weights])
    return model


@pytest.fixture(scope="module")
def published(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "mine"
    save_to_preset(
        add_classifier(model, 3), folder, name="mine", licence="mit", trained_on="my people"
    )
    return folder


@pytest.fixture
def copy(published, tmp_path):
    return shutil.copytree(published, tmp_path / "copy")


def edit(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_the_same_model_comes_out(model, published):
    loaded = from_preset(published)
    assert fingerprint(loaded) == fingerprint(model)
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 16, 3), np.uint8)
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )
    assert fingerprint(load_embedder(published)) == fingerprint(model)


def test_weights_fit_every_size(model, published):
    larger = from_preset(published, input_shape=(48, 24, 3))
    assert larger.input_shape == (None, 48, 24, 3)
    for name, other in zip(model.get_weights(), larger.get_weights(), strict=True):
        np.testing.assert_array_equal(name, other)
    again = OSNet("osnet_ibn_x0_25", weights=published, **ARGUMENTS)
    assert fingerprint(again) == fingerprint(model)


def test_a_model_of_any_size_and_of_mixed_precision(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    anysize = OSNet("osnet_x0_25", input_shape=(None, None, 3), streams=1)
    save_to_preset(anysize, tmp_path / "a")
    assert fingerprint(from_preset(tmp_path / "a")) == fingerprint(anysize)
    keras.config.set_dtype_policy("float32")
    plain = from_preset(tmp_path / "a")
    assert plain.input_shape == (None, None, None, 3)
    np.testing.assert_array_equal(plain.get_weights()[0], anysize.get_weights()[0])


def test_the_card(published, model):
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    _, header, text = (published / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(header)["license"] == "mit"
    assert yaml.safe_load(header)["library_name"] == "osnet_tf"
    assert text.startswith("# mine\n")
    for part in (str(architecture_of(model)), f"{model.count_params():,}", "32x16", "my people"):
        assert part in text


def test_a_crop_embedder_takes_it(model, published):
    assert CropEmbedder(published).dim == 24
    assert CropEmbedder(os.fspath(published)).size == (32, 16)


@pytest.mark.parametrize("name", ["config.json", "preprocessor.json", "model.weights.h5"])
def test_a_file_that_is_missing_or_no_file(copy, name):
    (copy / name).unlink()
    with pytest.raises(NotFoundError, match=name):
        from_preset(copy)
    (copy / name).symlink_to("/dev/zero")
    with pytest.raises(FileError, match=f"{name} is a device"):
        from_preset(copy)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": "other"}, "is not a description of"),
        ({"format_version": 2}, "is not a description of"),
        ({"name": 3}, "must hold a text as `name`. Received: 3"),
        ({"fingerprint": None}, "must hold a text as `fingerprint`"),
        ({"architecture": {"preset": "osnet_x9"}}, "describes no architecture"),
        ({"architecture": None}, "describes no architecture"),
        ({"input_shape": [32, 16]}, r"must hold \[height, width, 3\]"),
        ({"input_shape": [32, 12, 3]}, r"must hold \[height, width, 3\]"),
        ({"input_shape": [True, 16, 3]}, r"must hold \[height, width, 3\]"),
        ({"input_shape": [48, 16, 3]}, "`height` must be 48. Received: 32"),
        ({"weights_sha256": "0" * 64}, "expected sha256 0000"),
        ({"fingerprint": "0" * 64}, "expected the fingerprint 0000"),
    ],
)
def test_a_damaged_description(copy, values, message):
    edit(copy / "config.json", **values)
    with pytest.raises(FileError, match=message) as caught:
        from_preset(copy)
    assert str(caught.value).startswith(str(copy))


def test_a_description_that_is_none(copy):
    (copy / "config.json").write_bytes(b"\x00" * 100)
    with pytest.raises(FileError, match=r"config.json is no JSON"):
        from_preset(copy)
    (copy / "config.json").write_bytes(b" " * 2**21)
    with pytest.raises(FileError, match=r"has 2097152 bytes, more than any description"):
        from_preset(copy)


def test_a_description_of_a_giant(copy, monkeypatch):
    """No model is built that the weights could not fill."""
    monkeypatch.setattr(publishing, "OSNet", None)
    about = json.loads((copy / "config.json").read_text())["architecture"]
    edit(copy / "config.json", architecture={**about, "feature_dim": 10**12})
    with pytest.raises(WeightsError, match=r"has more than 128000000000000 weights"):
        from_preset(copy)


def test_other_images_than_the_model_takes(copy):
    edit(copy / "preprocessor.json", color_order="BGR")
    with pytest.raises(FileError, match=r"`color_order` must be 'RGB'. Received: 'BGR'"):
        from_preset(copy)


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_damaged_weights(copy, keep):
    path = copy / "model.weights.h5"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"model\.weights\.h5"):
        from_preset(copy)


def test_weights_of_another_architecture(copy, tmp_path):
    """Even where the checksum was made to fit."""
    other = OSNet("osnet_x0_25", **ARGUMENTS)
    save_to_preset(other, tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.weights.h5", copy)
    sha256 = json.loads((tmp_path / "other" / "config.json").read_text())["weights_sha256"]
    edit(copy / "config.json", weights_sha256=sha256)
    with pytest.raises(WeightsError, match=r"model\.weights\.h5"):
        from_preset(copy)
    before = other.get_weights()
    with pytest.raises(WeightsError, match=r"holds osnet_ibn_x0_25 .* is osnet_x0_25 with"):
        load_weights(other, shutil.copytree(copy, tmp_path / "again"))
    np.testing.assert_array_equal(before[0], other.get_weights()[0])


def test_what_cannot_be_published(model, published, tmp_path):
    more = keras.Model(model.input, keras.layers.Dense(3)(model.output))
    with pytest.raises(ArgumentError, match="has layers besides those of osnet_ibn_x0_25"):
        save_to_preset(more, tmp_path / "x")
    with pytest.raises(ArgumentError, match="is no OSNet"):
        save_to_preset(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]), tmp_path / "x")
    with pytest.raises(ArgumentError, match=r"`licence` must be a text. Received: licence=3"):
        save_to_preset(model, tmp_path / "x", licence=3)
    with pytest.raises(WriteError, match="something lies there already"):
        save_to_preset(model, published)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError, match="There is no folder osnet_x0_25_markt1501"):
        from_preset("osnet_x0_25_markt1501")
    with pytest.raises(NotFoundError, match=r"config\.json does not exist"):
        from_preset(tmp_path)


def test_a_name_of_the_registry(monkeypatch, tmp_path):
    folder = SHARED / "weights"
    if not (folder / "osnet_x0_25_market1501.pth").exists():
        pytest.skip("the public weights are not there")
    monkeypatch.setenv("OSNET_TF_WEIGHTS", str(folder))
    found = from_preset("osnet_x0_25_market1501", input_shape=(32, 16, 3))
    same = OSNet("osnet_x0_25", weights="market1501", input_shape=(32, 16, 3))
    assert fingerprint(found) == fingerprint(same) == fingerprint(load_small(found, tmp_path))


def load_small(model, folder):
    save_to_preset(model, folder / "again")
    return from_preset(folder / "again")
