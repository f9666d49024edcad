"""Which public OSNet a state dict is, whatever else is in it: NumPy alone."""

import numpy as np
import pytest

from osnet_tf.architecture import Architecture
from osnet_tf.presets import PRESETS
from osnet_tf.weights import WeightsError, recognise
from osnet_tf.weights.names import entries


def blank_state(preset="osnet_x0_25", feature_dim=512, num_classes=5):
    table = entries(Architecture(preset, feature_dim), num_classes)
    return {
        entry.key: np.zeros(entry.shape, "f4" if entry.path is not None else "i8")
        for entry in table
    }


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("feature_dim", "num_classes"), [(512, None), (512, 751), (128, 1)])
def test_recognised_from_keys_and_shapes(preset, feature_dim, num_classes):
    state = blank_state(preset, feature_dim, num_classes)
    shuffled = dict(sorted(state.items(), key=lambda item: item[0][::-1]))
    for given in (state, shuffled):
        found = recognise(given)
        assert found.architecture == Architecture(preset, feature_dim)
        assert found.num_classes == num_classes
        assert {*found.arrays, *found.left_out} == set(state)
        assert all(key.endswith(".num_batches_tracked") for key in found.left_out)


def test_before_pytorch_0_4_1_no_batches_were_counted():
    state = {key: a for key, a in blank_state().items() if not key.endswith("tracked")}
    assert str(recognise(state).architecture) == "osnet_x0_25"


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
        ({"conv2.1.IN.weight": np.zeros(64, "f4")}, "unknown keys: conv2.1.IN.weight"),
        ({"fc.2.weight": np.zeros(512, "f4")}, "unknown keys: fc.2.weight"),
        ({"conv4.2.conv1.conv.weight": np.zeros(1, "f4")}, "unknown keys: conv4.2.conv1.conv"),
        (
            {"conv5.conv.weight": np.zeros((128, 128), "f4")},
            r"conv5.conv.weight is \(128, 128\), not",
        ),
        ({"fc.1.weight": np.zeros(256, "f4")}, r"fc.1.weight is \(256,\), not \(512,\)"),
        (
            {"conv1.bn.weight": np.zeros(16, "i8")},
            r"no floating-point numbers: conv1.bn.weight \(int",
        ),
        ({"conv1.conv.weight": None}, "no public OSNet: conv1.conv.weight is not among conv1.bn"),
        (
            {"conv1.conv.weight": np.zeros(16)},
            r"no public OSNet: conv1.conv.weight is of shape \(16",
        ),
        ({"conv1.conv.weight": np.zeros((20, 3, 7, 7))}, "has 20 channels, not 16, 32, 48, 64"),
        ({"fc.0.weight": None}, "no public OSNet: fc.0.weight is not among"),
        ({"fc.0.weight": np.zeros((0, 128), "f4")}, "no public OSNet"),
    ],
)
def test_the_backbone_is_strict_and_its_keys_are_named(changes, message):
    with pytest.raises(WeightsError, match=rf"^X\.pth: .*{message}"):
        recognise(edited(**changes), "X.pth")


def test_an_empty_state_dict():
    with pytest.raises(WeightsError, match=r"conv1\.conv\.weight is not among nothing"):
        recognise({})


@pytest.mark.parametrize(
    ("changes", "left_out"),
    [
        ({"classifier.bias": None}, ["classifier.weight"]),
        ({"classifier.weight": None}, ["classifier.bias"]),
        ({"classifier.weight": np.zeros(())}, ["classifier.weight", "classifier.bias"]),
        ({"classifier.bias": np.zeros(5, "i8")}, ["classifier.weight", "classifier.bias"]),
        ({"classifier.weight": np.zeros((5, 9))}, ["classifier.weight", "classifier.bias"]),
        ({"bnneck.weight": np.zeros(512), "head.0.fc.bias": np.zeros(3)}, None),
        ({"conv2.0.conv1.total_ops": np.zeros(1), "total_params": np.zeros(1)}, None),
        ({"n_averaged": np.zeros((), "i8")}, None),
        ({"conv1.bn.num_batches_tracked": np.zeros(3)}, []),
    ],
)
def test_what_is_not_used_is_left_out_and_named(changes, left_out):
    found = recognise(edited(**changes))
    named = [key for key in found.left_out if not key.endswith("tracked")]
    assert named == (list(changes) if left_out is None else left_out)
    whole = not any(key.startswith("classifier") for key in changes)
    assert found.num_classes == (5 if whole else None)


@pytest.mark.parametrize("prefix", ["model.", "net.", "backbone.", "student.encoder."])
def test_one_unknown_prefix(prefix):
    state = {prefix + key: array for key, array in blank_state("osnet_ain_x0_25").items()}
    found = recognise({**state, "head.weight": np.zeros(3)})
    assert (str(found.architecture), found.num_classes) == ("osnet_ain_x0_25", 5)
    assert found.arrays["fc.0.bias"] is state[f"{prefix}fc.0.bias"]
    assert found.left_out[-1] == "head.weight"
    assert found.left_out[0] == f"{prefix}conv2.0.conv1.bn.num_batches_tracked"


def test_two_networks_in_one_state_dict():
    state = blank_state()
    both = {f"{name}.{key}": array for name in ("ema", "model") for key, array in state.items()}
    with pytest.raises(WeightsError, match=r"holds several OSNets, under 'ema\.', 'model\.'"):
        recognise(both)


def test_what_stands_outside_the_prefix_is_another_part():
    """A head may be called as a part of the backbone; the classifier belongs to it all the same."""
    state = {f"m.{key}": array for key, array in blank_state(num_classes=None).items()}
    head = {"fc.weight": np.zeros(3), "conv1.conv.weight": np.zeros(1), "fc.0.bias": np.ones(512)}
    classifier = {"classifier.weight": np.ones((7, 512)), "classifier.bias": np.ones(7)}
    found = recognise(state | head | classifier)
    assert found.num_classes == 7
    assert not found.arrays["fc.0.bias"].any()
    assert found.arrays["classifier.bias"].all()
    assert list(found.left_out[-3:]) == list(head)


def test_a_pruned_weight_is_multiplied_out():
    """As torch.nn.utils.prune saves it, also where a weight that is off is no number."""
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(512, 128)).astype("float32")
    mask = (rng.random(weight.shape) > 0.5).astype("float32")
    expected = weight * mask
    weight[mask == 0] = np.nan
    state = edited(**{"fc.0.weight": None})
    found = recognise(
        {f"m.{k}": a for k, a in state.items()}
        | {"m.fc.0.weight_orig": weight, "m.fc.0.weight_mask": mask}
    )
    np.testing.assert_array_equal(found.arrays["fc.0.weight"], expected)
    assert not [key for key in found.left_out if "weight" in key]
    for wrong in (mask[:5], mask + 0.5):
        broken = state | {"fc.0.weight_orig": weight, "fc.0.weight_mask": wrong}
        with pytest.raises(WeightsError, match=r"fc\.0\.weight_mask is no mask of zeros and ones"):
            recognise(broken)
