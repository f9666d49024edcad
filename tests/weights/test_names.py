"""Keys, shapes and recognition: NumPy alone."""

import numpy as np
import pytest

from osnet_tf.presets import PRESETS
from osnet_tf.weights import Architecture, CheckpointError, recognise
from osnet_tf.weights.names import LAYOUTS, entries, listed
from tests.weights.reference import reference_shapes


def blank_state(preset="osnet_x0_25", feature_dim=512, num_classes=5):
    table = entries(Architecture(preset, feature_dim, num_classes))
    return {
        entry.key: np.zeros(entry.shape, "f4" if entry.path is not None else "i8")
        for entry in table
    }


@pytest.mark.parametrize(
    "preset", ["osnet_x1_0", "osnet_x0_25", "osnet_ibn_x1_0", "osnet_ain_x1_0"]
)
def test_the_public_keys_in_their_order_with_their_shapes(preset):
    table = entries(Architecture(preset, 512, 5))
    assert [(entry.key, entry.shape) for entry in table] == list(reference_shapes(preset).items())


@pytest.mark.parametrize("preset", PRESETS)
def test_every_name_is_there_once(preset):
    table = entries(Architecture(preset, 256, 10))
    keys = [entry.key for entry in table]
    paths = [entry.path for entry in table if entry.path is not None]
    assert (
        len(set(keys)) == len(keys) == (552 if "ain" in preset else 568 if "ibn" in preset else 567)
    )
    assert len(set(paths)) == len(paths)
    without = [e.key for e in table if e.path is None]
    assert all(key.endswith(".num_batches_tracked") for key in without)
    assert len(keys) - len(paths) == len(without)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("feature_dim", "num_classes"), [(512, None), (512, 751), (128, 1)])
def test_recognised_from_keys_and_shapes(preset, feature_dim, num_classes):
    state = blank_state(preset, feature_dim, num_classes)
    assert recognise(state) == Architecture(preset, feature_dim, num_classes)
    shuffled = dict(sorted(state.items(), key=lambda item: item[0][::-1]))
    assert recognise(shuffled) == Architecture(preset, feature_dim, num_classes)


def test_before_pytorch_0_4_1_no_batches_were_counted():
    state = {key: a for key, a in blank_state().items() if not key.endswith("tracked")}
    assert recognise(state).preset == "osnet_x0_25"


def edited(**changes):
    state = blank_state()
    for key, value in changes.items():
        if value is None:
            del state[key]
        else:
            state[key] = value
    return state


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"conv3.1.gate.fc2.bias": None},
            "not quite osnet_x0_25: missing keys: conv3.1.gate.fc2.b",
        ),
        ({"classifier.bias": None}, "missing keys: classifier.bias$"),
        ({"classifier.weight": None}, "unknown keys: classifier.bias$"),
        ({"head.weight": np.zeros(3, "f4")}, "unknown keys: head.weight$"),
        ({"conv2.1.IN.weight": np.zeros(64, "f4")}, "unknown keys: conv2.1.IN.weight"),
        (
            {"conv5.conv.weight": np.zeros((128, 128), "f4")},
            r"conv5.conv.weight is \(128, 128\), not",
        ),
        ({"fc.1.weight": np.zeros(256, "f4")}, r"fc.1.weight is \(256,\), not \(512,\)"),
        (
            {"conv1.bn.weight": np.zeros(16, "i8")},
            r"no floating-point numbers: conv1.bn.weight \(int",
        ),
        ({"conv1.bn.num_batches_tracked": np.zeros(3)}, "tracked is"),
        ({"conv1.conv.weight": None}, "no public OSNet: conv1.conv.weight is not among conv1.bn"),
        (
            {"conv1.conv.weight": np.zeros(16)},
            r"no public OSNet: conv1.conv.weight is of shape \(16",
        ),
        ({"conv1.conv.weight": np.zeros((20, 3, 7, 7))}, "has 20 channels, not 16, 32, 48, 64"),
        ({"fc.0.weight": None}, "no public OSNet: fc.0.weight is not among"),
        (
            {"classifier.weight": np.zeros(())},
            r"unknown keys: classifier|classifier.weight is \(\)",
        ),
    ],
)
def test_anything_else_is_an_error_that_names_the_keys(changes, message):
    with pytest.raises(CheckpointError, match=rf"^X\.pth: .*{message}"):
        recognise(edited(**changes), "X.pth")


def test_an_empty_state_dict():
    with pytest.raises(CheckpointError, match=r"conv1\.conv\.weight is not among nothing"):
        recognise({})


def test_layouts_against_loops():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(5, 4, 3, 2))  # out, in, h, w
    keras_kernel = LAYOUTS["convolution"][0](kernel)
    assert keras_kernel.shape == (3, 2, 4, 5)
    assert all(
        keras_kernel[h, w, i, o] == kernel[o, i, h, w] for o, i, h, w in np.ndindex(*kernel.shape)
    )
    kernel = rng.normal(size=(5, 1, 3, 2))
    keras_kernel = LAYOUTS["depthwise"][0](kernel)
    assert keras_kernel.shape == (3, 2, 5, 1)
    assert all(
        keras_kernel[h, w, c, 0] == kernel[c, 0, h, w] for c, _, h, w in np.ndindex(*kernel.shape)
    )
    shapes = {
        "same": (7,),
        "convolution": (5, 4, 3, 2),
        "depthwise": (5, 1, 3, 2),
        "pointwise to dense": (5, 4, 1, 1),
        "linear": (5, 4),
    }
    assert set(shapes) == set(LAYOUTS)
    for layout, (there, back) in LAYOUTS.items():
        array = rng.normal(size=shapes[layout])
        np.testing.assert_array_equal(back(there(array)), array, strict=True)
    assert LAYOUTS["linear"][0](np.zeros((5, 4))).shape == (4, 5)
    assert LAYOUTS["pointwise to dense"][0](np.zeros((5, 4, 1, 1))).shape == (4, 5)


def test_long_lists_are_cut():
    assert listed(["a"]) == "a"
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f, g, h"
    assert listed(list("abcdefghij")).endswith("g, h and 2 more")
    assert listed(["bad\nname"]) == r"'bad\nname'"
