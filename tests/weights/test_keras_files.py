"""`.keras` and `.weights.h5` files: of which architecture they are, and damaged ones."""

import io
import json
import os
import zipfile

import h5py
import keras
import numpy as np
import pytest

from osnet_tf import OSNet, add_classifier
from osnet_tf.architecture import architecture_of, fingerprint
from osnet_tf.errors import FileError, NotFoundError
from osnet_tf.weights import WeightsError, load_embedder, load_weights
from tests.layer_test_kit import array

SIZE = (16, 16, 3)


def tiny(**arguments):
    return OSNet("osnet_x0_25", input_shape=SIZE, **{"streams": 1, "feature_dim": 8, **arguments})


def disturbed(model, seed=0):
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return disturbed(tiny())


@pytest.fixture(scope="module")
def parts(model, tmp_path_factory):
    """The entries of a good `.keras` file."""
    path = tmp_path_factory.mktemp("keras") / "model.keras"
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, parts, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("classifier", [False, True])
def test_an_embedder_comes_back_without_its_classifier(model, tmp_path, classifier):
    path = tmp_path / "model.keras"
    (add_classifier(model, 3, centers=True) if classifier else model).save(path)
    loaded = load_embedder(path)
    assert loaded.name == model.name
    assert loaded.output_shape == (None, 8)
    assert fingerprint(loaded) == fingerprint(model)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
@pytest.mark.parametrize("other", [{"lite": "depthwise_pointwise"}, {"feature_dim": 9}])
def test_another_architecture_is_refused_and_changes_nothing(model, tmp_path, suffix, other):
    """Depthwise first, every variable has the same name and shape."""
    source = disturbed(tiny(**other))
    path = tmp_path / f"other{suffix}"
    source.save(path) if suffix == ".keras" else source.save_weights(path)
    before = fingerprint(model)
    with pytest.raises(WeightsError, match=rf"other\{suffix}: .*'osnet_x0_25'") as error:
        load_weights(model, path)
    assert str(architecture_of(model)) in str(error.value)
    if suffix == ".keras" or "lite" in other:
        (key, value), *_ = other.items()
        assert f"{key}={value!r}" in str(error.value)
    assert fingerprint(model) == before


@pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")
def test_keras_itself_refuses_weights_of_another_block(model, tmp_path):
    path = tmp_path / "x.weights.h5"
    tiny(lite="depthwise_pointwise").save_weights(path)
    with pytest.raises(ValueError, match=r"block with .*lite='depthwise_pointwise', .* has st"):
        model.load_weights(path)


def test_weights_of_half_precision(tmp_path):
    keras.config.set_dtype_policy("bfloat16")
    half = tiny()
    keras.config.set_dtype_policy("float32")
    half.save(tmp_path / "x.keras")
    full = tiny()
    load_weights(full, tmp_path / "x.keras")
    expected = keras.ops.cast(half.get_layer("conv5").conv.kernel, "float32")
    np.testing.assert_array_equal(array(full.get_layer("conv5").conv.kernel), array(expected))
    half.get_layer("fc").bias.assign(keras.ops.full((8,), float("nan"), dtype="bfloat16"))
    half.save(tmp_path / "x.keras")
    with pytest.raises(WeightsError, match=r"x.keras: fc/bias: 8 of 8 numbers are NaN"):
        load_embedder(tmp_path / "x.keras")


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_the_same_architecture_under_any_name(model, tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    model.save(path) if suffix == ".keras" else model.save_weights(path)
    other = OSNet(
        "osnet_x0_25", input_shape=(32, 16, 3), streams=1, feature_dim=8, weights=path, name="mine"
    )
    for found, expected in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_weights_that_do_not_say_what_they_are_of(model, tmp_path):
    path = tmp_path / "old.weights.h5"
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        for name in [n for n in file["layers"] if "kind" in file["layers"][n].get("vars", ())]:
            del file["layers"][name]["vars"]["kind"]
    message = r"old.weights.h5: does not say of which architecture.*Take the .keras file"
    with pytest.raises(WeightsError, match=message):
        load_weights(model, path)
    model.load_weights(path)  # as the message says


def test_other_models_are_no_weights_of_an_osnet(model, tmp_path):
    toy = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="toy")
    toy.save(tmp_path / "toy.keras")
    with pytest.raises(WeightsError, match=r"toy.keras: The model 'toy' is no OSNet"):
        load_weights(model, tmp_path / "toy.keras")
    assert load_embedder(tmp_path / "toy.keras").output_shape == (None, 2)
    add_classifier(model, 3).save(tmp_path / "c.keras")
    of_five = add_classifier(model, 5)
    with pytest.raises(WeightsError, match=r"does not fit .*classifier/bias is \(3,\), not \(5,\)"):
        load_weights(of_five, tmp_path / "c.keras")


def changed(parts, name, value):
    """The `model.weights.h5` with one number of one array changed."""
    file = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(file, "a") as opened:
        opened[name][...] = value
    return {**parts, "model.weights.h5": file.getvalue()}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number(parts, tmp_path, value):
    path = write(tmp_path / "x.keras", changed(parts, "layers/dense/vars/1", value))
    with pytest.raises(WeightsError, match=r"x.keras: layers/dense/vars/1 holds .* NaN or inf"):
        load_embedder(path)


def test_a_negative_variance(model, tmp_path):
    bad = keras.models.clone_model(model)
    bad.get_layer("fc_norm").moving_variance.assign([-1.0] * 8)
    bad.save(tmp_path / "x.keras")
    bad.save_weights(tmp_path / "x.weights.h5")
    before = fingerprint(model)
    for name in ("x.keras", "x.weights.h5"):
        with pytest.raises(WeightsError, match=r"fc_norm/moving_variance: a variance is negative"):
            load_weights(model, tmp_path / name)
    assert fingerprint(model) == before


def edited(parts, edit):
    config = json.loads(parts["config.json"])
    edit({entry["config"]["name"]: entry for entry in config["config"]["layers"]})
    return {**parts, "config.json": json.dumps(config).encode()}


def h5_with(add):
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        add(opened)
    return file.getvalue()


DAMAGE = {
    "not a zip": (lambda p: b"PK\x03\x04 and no more", "no readable .keras file"),
    "empty": (lambda p: b"", "no readable .keras file"),
    "no config": (lambda p: {k: v for k, v in p.items() if k != "config.json"}, "no config.json"),
    "no weights": (
        lambda p: {k: v for k, v in p.items() if "h5" not in k},
        "no model.weights.h5 in it",
    ),
    "no JSON": (lambda p: p | {"config.json": b"{"}, "config.json: "),
    "not UTF-8": (lambda p: p | {"config.json": b"\xff\xfe"}, "config.json: "),
    "null": (lambda p: p | {"config.json": b"null"}, "config.json: must be an object"),
    "a list": (lambda p: p | {"config.json": b"[1]"}, "config.json: must be an object"),
    "nested": (lambda p: p | {"config.json": b"[" * 100_000}, "config.json: nested too deeply"),
    "a huge number": (lambda p: p | {"config.json": b"9" * 10_000}, "config.json: "),
    "an empty config": (lambda p: p | {"config.json": b"{}"}, "it describes no model"),
    "a layer alone": (
        lambda p: (
            p
            | {
                "config.json": json.dumps(
                    keras.saving.serialize_keras_object(keras.layers.Dense(3))
                ).encode()
            }
        ),
        "it describes no model",
    ),
    "a config of nothing": (
        lambda p: p | {"config.json": b'{"class_name": 3, "config": null}'},
        "no readable .keras file: ",
    ),
    "another class": (
        lambda p: edited(
            p, lambda layers: layers["conv5"].update(class_name="Nope", registered_name="Nope")
        ),
        "no readable .keras file: ",
    ),
    "no HDF5": (lambda p: p | {"model.weights.h5": b"HDF"}, "damaged HDF5 weights"),
    "half an HDF5": (
        lambda p: p | {"model.weights.h5": p["model.weights.h5"][:9000]},
        "damaged HDF5 weights",
    ),
    "another HDF5": (
        lambda p: p | {"model.weights.h5": h5_with(lambda f: f.create_dataset("a", data=[1.0]))},
        "no readable .keras file",
    ),
    "compressed arrays": (
        lambda p: (
            p
            | {
                "model.weights.h5": h5_with(
                    lambda f: f.create_dataset("a", (10**9,), "f4", compression="gzip")
                )
            }
        ),
        "a is no array as Keras stores it",
    ),
    "an array that is not there": (
        lambda p: (
            p | {"model.weights.h5": h5_with(lambda f: f.create_dataset("a", (10**9,), "f4"))}
        ),
        "its arrays claim 4000000000 bytes",
    ),
    "a link to another file": (
        lambda p: (
            p
            | {"model.weights.h5": h5_with(lambda f: f.update(a=h5py.ExternalLink("/etc/x", "/")))}
        ),
        "a is a link",
    ),
    "a huge layer": (
        lambda p: edited(p, lambda layers: layers["fc"]["config"].update(units=10**9)),
        "",
    ),
    "a million streams": (
        lambda p: edited(p, lambda layers: layers["conv2_0"]["config"].update(streams=10**6)),
        "no readable .keras file: `streams` must be <= 16. Received: streams=1000000",
    ),
    "huge channels": (
        lambda p: edited(
            p,
            lambda layers: layers["conv1"]["build_config"].update(
                input_shape=[None, 16, 16, 10**10]
            ),
        ),
        r"its model needs \d{12,} weights, and the file has \d+ bytes of them",
    ),
    "one more layer": (
        lambda p: edited(p, lambda layers: layers["fc"]["config"].update(units=9)),
        "",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_named(parts, tmp_path, kind):
    damage, message = DAMAGE[kind]
    damaged, path = damage(parts), tmp_path / "x.keras"
    if isinstance(damaged, bytes):
        path.write_bytes(damaged)
    else:
        write(path, damaged)
    with pytest.raises(WeightsError, match=rf"^\S*x\.keras: (?s:.*){message}"):
        load_embedder(path)


def test_a_compressed_file_is_none_of_keras(parts, tmp_path):
    path = write(tmp_path / "x.keras", parts, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match="its entries are compressed"):
        load_embedder(path)


def test_a_wrong_checksum(parts, tmp_path):
    path = write(tmp_path / "x.keras", parts)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"x.keras: no readable .keras file: Bad CRC"):
        load_embedder(path)


def test_the_kinds_of_files_are_told_apart(parts, tmp_path):
    renamed = write(tmp_path / "x.pth", parts)
    with pytest.raises(WeightsError, match=r"x.pth: a .keras file, not a PyTorch checkpoint"):
        load_weights(tiny(), renamed)
    (tmp_path / "x.weights.h5").write_bytes(renamed.read_bytes())
    with pytest.raises(WeightsError, match=r"x.weights.h5: damaged HDF5 weights"):
        load_weights(tiny(), tmp_path / "x.weights.h5")


def test_a_damaged_place_in_the_archive(parts, tmp_path):
    """Found by random damage: zipfile goes to it and gets an OSError of no file."""
    path = write(tmp_path / "x.keras", parts)
    data = bytearray(path.read_bytes())
    place = data.rindex(b"model.weights.h5") - 4
    data[place : place + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"x.keras: no readable .keras file"):
        load_embedder(path)


@pytest.mark.parametrize("name", ["x.keras", "x.weights.h5", "x.pth", "x.safetensors"])
def test_only_regular_files_are_opened(model, tmp_path, name):
    with pytest.raises(NotFoundError, match=rf"{name} does not exist"):
        load_weights(model, tmp_path / name)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for target, kind in (("folder", "a folder"), ("pipe", "a pipe"), ("/dev/zero", "a device")):
        link = tmp_path / name
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / target)
        with pytest.raises(FileError, match=rf"{name} is {kind}, not a regular file"):
            load_weights(model, link)


def test_loading_changes_no_number(model, tmp_path):
    model.save(tmp_path / "x.keras")
    images = np.random.default_rng(0).integers(0, 256, (2, *SIZE)).astype("uint8")
    loaded = load_embedder(tmp_path / "x.keras")
    np.testing.assert_array_equal(array(loaded(images)), array(model(images)))
