"""State dicts into Keras models and back."""

import sys

import keras
import numpy as np
import pytest

from osnet_tf import OSNet, add_classifier
from osnet_tf.architecture import Architecture, architecture_of
from osnet_tf.errors import ArgumentError, MissingPackageError, NotFoundError, WriteError
from osnet_tf.weights import (
    WeightsError,
    load_torch_state,
    load_torch_weights,
    read_checkpoint,
    save_torch,
    to_torch_state,
)
from tests.conftest import SHARED
from tests.weights.reference import state_of

SMALL = (32, 16, 3)


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
    assert loaded.architecture == Architecture(preset) == architecture_of(model)
    assert loaded.num_classes == 5
    assert not any(np.isnan(np.asarray(v)).any() for v in model.variables)
    assert len(loaded.used) == len(model.variables)
    assert {*loaded.used, *loaded.left_out} == set(state)
    assert all(key.endswith(".num_batches_tracked") for key in loaded.left_out)
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
    assert loaded.left_out[-2:] == ("classifier.weight", "classifier.bias")
    result = to_torch_state(model)
    assert list(result) == [key for key in state if not key.startswith("classifier")]
    zeros = to_torch_state(model, num_classes=3)
    assert list(zeros) == list(state)
    assert not zeros["classifier.weight"].any()
    assert zeros["classifier.weight"].shape == (3, 512)


def test_another_feature_dimension():
    state = state_of(feature_dim=96, num_classes=None)
    model = small(feature_dim=96)
    assert load_torch_state(model, state).architecture == Architecture("osnet_x0_25", 96)
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
        ("embedder", {"preset": "osnet_x0_5"}, "X: holds osnet_x0_5, 5 classes"),
        (
            "embedder",
            {"preset": "osnet_ibn_x0_25"},
            "osnet_ibn_x0_25, .* is osnet_x0_25, wi",
        ),
        (
            "embedder",
            {"feature_dim": 256},
            "feature_dim=256, 5 classes, .* osnet_x0_25, with",
        ),
        (
            "with_classifier",
            {"num_classes": 4},
            "4 classes, but the model .* 5 classes",
        ),
        ("with_classifier", {"num_classes": None}, "without a classifier, but the model"),
    ],
)
def test_what_does_not_fit_changes_nothing(request, model, state, message):
    model = request.getfixturevalue(model)
    before = [np.array(np.asarray(v)) for v in model.variables]
    with pytest.raises(WeightsError, match=message):
        load_torch_state(model, state_of(**state), "X")
    for variable, array in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), array)


@pytest.mark.parametrize("lite", ["depthwise_pointwise", "full"])
def test_an_ablation_takes_no_public_weights_and_gives_none(lite):
    """Depthwise first, the variables have the very names and shapes of the public network's."""
    model = small(lite=lite)
    message = rf"X: holds osnet_x0_25, 5 classes, but .* is osnet_x0_25 with lite='{lite}', without"
    with pytest.raises(WeightsError, match=message):
        load_torch_state(model, state_of(), "X")
    with pytest.raises(
        ArgumentError, match=rf"blocks, pooling and embedding only. .*lite='{lite}'"
    ):
        to_torch_state(model)


def test_other_models_are_refused_by_their_variables(embedder, with_classifier):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="dense")], name="toy")
    with pytest.raises(ArgumentError, match=r"model 'toy' is no OSNet: it has no layer 'normal"):
        load_torch_state(model, state_of())
    extra = keras.layers.Dense(3, name="extra")(embedder.output)
    with pytest.raises(ArgumentError, match=r"'more' is more than .*unknown.*: extra/k"):
        to_torch_state(keras.Model(embedder.input, extra, name="more"))
    with pytest.raises(ArgumentError, match=r"a classifier of 5 classes. Received: num_classes=6"):
        to_torch_state(with_classifier, num_classes=6)
    with pytest.raises(ArgumentError, match=r"`num_classes` must be an integer >= 1. .*=0"):
        to_torch_state(embedder, num_classes=0)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("conv1.conv.weight", np.nan, "1 of 2352 numbers are NaN or infinite"),
        ("fc.1.running_mean", np.inf, "1 of 512 numbers are NaN or infinite"),
        (
            "fc.0.weight",
            1e39,
            r"1 of .* infinite as float32 \(they are float64\)",
        ),
        ("conv5.bn.running_var", -0.5, r"a variance is negative: -0\.5"),
        ("classifier.bias", -np.inf, "1 of 5 numbers are NaN or infinite"),
    ],
)
def test_what_is_no_number_is_named_and_changes_nothing(with_classifier, key, value, message):
    state = state_of()
    state[key] = state[key].astype("f8" if value == 1e39 else "f4")
    state[key].flat[-1] = value
    before = with_classifier.get_weights()
    with pytest.raises(WeightsError, match=rf"^X\.pth: {key}: {message}"):
        load_torch_state(with_classifier, state, "X.pth")
    for found, expected in zip(with_classifier.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_what_is_not_used_may_be_anything(embedder):
    state = state_of()
    state["classifier.bias"][:] = np.nan
    loaded = load_torch_state(embedder, state)
    assert loaded.left_out[-2:] == ("classifier.weight", "classifier.bias")


def test_without_pytorch_writing_says_what_is_missing(tmp_path, monkeypatch, embedder):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        MissingPackageError, match=r"Writing .*Z.pth needs PyTorch.*pip install torch"
    ):
        save_torch(embedder, tmp_path / "Z.pth")


def test_a_torch_file_in_a_bad_place(tmp_path, embedder):
    pytest.importorskip("torch", reason="PyTorch (which writes .pth) is not installed")
    with pytest.raises(NotFoundError, match="There is no folder"):
        save_torch(embedder, tmp_path / "none" / "Z.pth")
    (tmp_path / "Z.pth").mkdir()
    with pytest.raises(WriteError, match=r"Z.pth cannot be written: Is a directory"):
        save_torch(embedder, tmp_path / "Z.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["Z.pth"]


@pytest.mark.parametrize(
    ("name", "classes"), [("osnet_x0_25_imagenet.pth", 1000), ("osnet_x0_25_market1501.pth", 751)]
)
def test_the_authors_own_files_there_and_back(embedder, name, classes):
    path = SHARED / "weights" / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    loaded = load_torch_weights(embedder, path)
    assert (loaded.architecture, loaded.num_classes) == (Architecture("osnet_x0_25"), classes)
    assert len(loaded.used) == 485
    state = read_checkpoint(path).arrays
    assert state.pop("classifier.weight").shape == (classes, 512)
    assert state.pop("classifier.bias").shape == (classes,)
    assert_same_state(to_torch_state(embedder), state)
