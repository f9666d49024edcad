"""State dicts into Keras models and back."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from osnet_tf import OSNet, add_classifier
from osnet_tf.weights import (
    Architecture,
    CheckpointError,
    architecture_of,
    convert,
    convert_to_torch,
    load_torch_state,
    load_torch_weights,
    load_weights,
    read_checkpoint,
    save_torch,
    to_torch_state,
)
from osnet_tf.weights.names import entries
from tests.weights.handmade import safetensors_bytes
from tests.weights.reference import reference_state

SMALL = (64, 32, 3)
WEIGHTS = Path(__file__).parents[2].parent / "shared" / "weights"


def small(preset="osnet_x0_25", num_classes=None, **arguments):
    model = OSNet(preset, input_shape=SMALL, **arguments)
    return model if num_classes is None else add_classifier(model, num_classes)


@pytest.fixture(scope="module")
def embedder():
    """Shared, because building takes a second or two; every test loads what it needs."""
    return small()


@pytest.fixture(scope="module")
def with_classifier():
    return add_classifier(small(), 5)


def state_of(preset="osnet_x0_25", num_classes=5, feature_dim=512):
    table = entries(Architecture(preset, feature_dim, num_classes))
    return reference_state({entry.key: entry.shape for entry in table})


def write_safetensors(path, state):
    header, parts, end = {}, [], 0
    for key, array in state.items():
        if key.endswith("num_batches_tracked"):
            continue
        header[key] = ("F32", array.shape, [end, end + array.nbytes])
        parts.append(array.tobytes())
        end += array.nbytes
    path.write_bytes(safetensors_bytes(header, b"".join(parts)))
    return path


def assert_same_state(found, expected):
    assert list(found) == list(expected)
    for key, array in expected.items():
        if key.endswith("num_batches_tracked"):
            assert found[key].shape == ()
            assert found[key].dtype == np.int64
        else:
            np.testing.assert_array_equal(found[key], array, strict=True, err_msg=key)


@pytest.mark.parametrize("preset", ["osnet_x0_25", "osnet_ibn_x0_5", "osnet_ain_x0_75"])
def test_every_variable_is_filled_and_the_round_trip_is_exact(with_classifier, preset):
    """Keys and shapes of all presets: test_names.py."""
    state = state_of(preset)
    model = with_classifier if preset == "osnet_x0_25" else small(preset, num_classes=5)
    for variable in model.variables:
        variable.assign(np.full(variable.shape, np.nan, "f4"))
    loaded = load_torch_state(model, state)
    assert loaded.architecture == Architecture(preset, 512, 5) == architecture_of(model)
    assert not any(np.isnan(np.asarray(v)).any() for v in model.variables)
    assert len(loaded.used) == len(model.variables)
    assert {*loaded.used, *loaded.ignored} == set(state)
    assert all(key.endswith(".num_batches_tracked") for key in loaded.ignored)
    assert_same_state(to_torch_state(model), state)


def test_layouts_land_where_they_belong(with_classifier):
    """One weight of each kind, picked by hand."""
    state = state_of(num_classes=5)
    model = with_classifier
    load_torch_state(model, state)
    v = {variable.path: np.asarray(variable) for variable in model.variables}
    stem = state["conv1.conv.weight"]
    assert v["conv1/conv/kernel"][6, 1, 2, 9] == stem[9, 2, 6, 1]
    depthwise = state["conv4.1.conv2d.3.conv2.weight"]
    assert v["conv4_1/stream4_3/depthwise/kernel"][2, 0, 17, 0] == depthwise[17, 0, 2, 0]
    gate = state["conv3.0.gate.fc2.weight"]
    assert v["conv3_0/gate/fc2/kernel"][0, 11] == gate[11, 0, 0, 0]
    assert v["fc/kernel"][100, 500] == state["fc.0.weight"][500, 100]
    assert v["classifier/kernel"][511, 4] == state["classifier.weight"][4, 511]
    assert v["fc_norm/moving_variance"][7] == state["fc.1.running_var"][7]
    assert v["conv2_transition/norm/moving_mean"][7] == state["conv2.2.0.bn.running_mean"][7]
    assert v["conv2_0/stream1_0/norm/gamma"][3] == state["conv2.0.conv2a.bn.weight"][3]


def test_an_embedder_ignores_the_classifier(embedder):
    state = state_of(num_classes=7)
    model = embedder
    loaded = load_torch_state(model, state)
    assert loaded.ignored[-2:] == ("classifier.weight", "classifier.bias")
    result = to_torch_state(model)
    assert list(result) == [key for key in state if not key.startswith("classifier")]
    zeros = to_torch_state(model, num_classes=3)
    assert list(zeros) == list(state)
    assert not zeros["classifier.weight"].any()
    assert zeros["classifier.weight"].shape == (3, 512)


def test_another_feature_dimension():
    state = state_of(feature_dim=96, num_classes=None)
    model = small(feature_dim=96)
    assert load_torch_state(model, state).architecture == Architecture("osnet_x0_25", 96, None)
    assert_same_state(to_torch_state(model), state)


def test_half_precision_values_come_in_exactly(embedder):
    state = state_of(num_classes=None)
    half = {k: a.astype("f2") if a.dtype == np.float32 else a for k, a in state.items()}
    load_torch_state(embedder, half)
    expected = {k: a.astype("f4") if a.dtype == np.float16 else a for k, a in half.items()}
    assert_same_state(to_torch_state(embedder), expected)


@pytest.mark.parametrize(
    ("model", "state", "message"),
    [
        ("embedder", {"preset": "osnet_x0_5"}, "X holds osnet_x0_5 of feature_dim 512 with 5 cl"),
        ("embedder", {"preset": "osnet_ibn_x0_25"}, "holds osnet_ibn_x0_25 .* is osnet_x0_25 of"),
        ("embedder", {"feature_dim": 256}, "feature_dim 256 with 5 .* feature_dim 512 without"),
        ("with_classifier", {"num_classes": 4}, "with 4 classes, but the model .* with 5 classes"),
        ("with_classifier", {"num_classes": None}, "without a classifier, but the model"),
    ],
)
def test_what_does_not_fit_changes_nothing(request, model, state, message):
    model = request.getfixturevalue(model)
    before = [np.array(np.asarray(v)) for v in model.variables]
    with pytest.raises(CheckpointError, match=message):
        load_torch_state(model, state_of(**state), "X")
    for variable, array in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), array)


def test_other_models_are_refused_by_their_variables(embedder, with_classifier):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="dense")], name="toy")
    with pytest.raises(ValueError, match=r"model 'toy' is no public OSNet.*dense/kernel"):
        architecture_of(model)
    extra = keras.layers.Dense(3, name="extra")(embedder.output)
    with pytest.raises(ValueError, match="not quite osnet_x0_25: unknown variables: extra/kernel"):
        to_torch_state(keras.Model(embedder.input, extra, name="more"))
    with pytest.raises(ValueError, match=r"a classifier of 5 classes. Received: num_classes=6"):
        to_torch_state(with_classifier, num_classes=6)


def predictions(model, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (2, *SMALL)).astype("float32")
    return keras.ops.convert_to_numpy(model(images, training=False))


@pytest.mark.parametrize(("suffix", "classifier"), [(".keras", True), (".weights.h5", False)])
def test_converted_files_load(tmp_path, embedder, suffix, classifier):
    source = write_safetensors(tmp_path / "X.safetensors", state_of())
    load_torch_weights(embedder, source)
    expected = predictions(embedder)
    output = tmp_path / f"Y{suffix}"
    loaded = convert(source, output, classifier=classifier, input_shape=SMALL)
    assert loaded.architecture == Architecture("osnet_x0_25", 512, 5)
    assert ("classifier.bias" in loaded.used) == classifier
    embedder.get_layer("fc").kernel.assign(np.zeros((128, 512)))
    load_weights(embedder, output)
    np.testing.assert_array_equal(predictions(embedder), expected)


def test_load_weights_takes_a_checkpoint_too(tmp_path, embedder):
    embedder.get_layer("fc").bias.assign(np.zeros(512))
    load_weights(embedder, write_safetensors(tmp_path / "X.safetensors", state_of()))
    bias = np.asarray(embedder.get_layer("fc").bias)
    np.testing.assert_array_equal(bias, state_of()["fc.0.bias"])


def test_files_that_do_not_fit(tmp_path, embedder):
    source = write_safetensors(tmp_path / "X.safetensors", state_of(num_classes=None))
    with pytest.raises(
        ValueError, match=r"must end in .keras or .weights.h5. Received: output=.*h5"
    ):
        convert(source, tmp_path / "Y.h5")
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*none to write Y.keras to"):
        convert(source, tmp_path / "none" / "Y.keras")
    with pytest.raises(FileNotFoundError):
        convert(tmp_path / "none.pth", tmp_path / "Y.keras")
    with pytest.raises(ValueError, match="has no classifier to keep"):
        convert(source, tmp_path / "Y.keras", classifier=True)
    with pytest.raises(FileNotFoundError, match=r"There is no weights file .*none.keras"):
        load_weights(embedder, tmp_path / "none.keras")
    with pytest.raises(FileNotFoundError, match=r"There is no model .*none.keras"):
        convert_to_torch(tmp_path / "none.keras", tmp_path / "Z.pth")
    (tmp_path / "bad.keras").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(CheckpointError, match=r"bad.keras: no readable .keras file"):
        load_weights(embedder, tmp_path / "bad.keras")
    toy = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="dense")])
    toy.save(tmp_path / "toy.keras")
    with pytest.raises(CheckpointError, match=r"toy.keras does not fit .* missing .*: conv1/conv"):
        load_weights(embedder, tmp_path / "toy.keras")


def test_without_pytorch_writing_says_what_is_missing(tmp_path, monkeypatch, embedder):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"Writing .*Z.pth needs PyTorch.*pip install torch"):
        save_torch(embedder, tmp_path / "Z.pth")


def test_there_and_back_through_files(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch (which writes .pth) is not installed")
    state = state_of(num_classes=5)
    first = tmp_path / "first.pth"
    torch.save({key: torch.tensor(array) for key, array in state.items()}, first)
    loaded = convert(first, tmp_path / "Y.keras", input_shape=SMALL)
    assert loaded.ignored[-2:] == ("classifier.weight", "classifier.bias")
    written = convert_to_torch(tmp_path / "Y.keras", tmp_path / "second.pth", num_classes=5)
    assert written == Architecture("osnet_x0_25", 512, 5)
    zeros = {key: np.zeros_like(state[key]) for key in ("classifier.weight", "classifier.bias")}
    assert_same_state(read_checkpoint(tmp_path / "second.pth"), state | zeros)
    second = torch.load(tmp_path / "second.pth", weights_only=True)
    assert list(second) == list(state)
    assert second["conv1.conv.weight"].dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "classes"), [("osnet_x0_25_imagenet.pth", 1000), ("osnet_x0_25_market1501.pth", 751)]
)
def test_the_authors_own_files_there_and_back(embedder, name, classes):
    path = WEIGHTS / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    loaded = load_torch_weights(embedder, path)
    assert loaded.architecture == Architecture("osnet_x0_25", 512, classes)
    assert len(loaded.used) == 485
    state = read_checkpoint(path)
    assert state.pop("classifier.weight").shape == (classes, 512)
    assert state.pop("classifier.bias").shape == (classes,)
    assert_same_state(to_torch_state(embedder), state)
