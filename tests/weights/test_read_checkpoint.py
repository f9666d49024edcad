"""The reader on files made by hand, without PyTorch: what is a state dict and what is none."""

from pathlib import Path

import numpy as np
import pytest

from osnet_tf.weights import WeightsError, read_checkpoint
from tests.weights.handmade import (
    FLOATS,
    LONGS,
    Name,
    dumps,
    legacy_bytes,
    numpy_scalar,
    safetensors_bytes,
    tensor,
    training_checkpoint,
    zip_bytes,
)


def test_a_state_dict_comes_back_in_order(read, container):
    state = {"b.weight": tensor("0", (2, 3)), "a.bias": tensor("0", (6,))}
    result = read(container(state, {"0": FLOATS.tobytes()}))
    assert list(result) == ["b.weight", "a.bias"]
    np.testing.assert_array_equal(result["b.weight"], FLOATS.reshape(2, 3), strict=True)
    np.testing.assert_array_equal(result["a.bias"], FLOATS, strict=True)


def test_training_checkpoints_without_prefix_and_optimiser(read):
    storages = {"0": FLOATS.tobytes(), "1": LONGS[:1].tobytes()}
    # The optimiser's storage "9" is missing, which nobody notices: it is not read.
    result = read(zip_bytes(training_checkpoint(), storages))
    assert list(result) == ["w", "n"]
    np.testing.assert_array_equal(result["w"], FLOATS.reshape(2, 3), strict=True)
    np.testing.assert_array_equal(result["n"], np.int64(7), strict=True)


@pytest.mark.parametrize("name", ["model", "net", "network", "model_state_dict"])
def test_other_wrappers(read, name):
    tree = {name: {"w": tensor("0", (6,))}, "epoch": 3, "args": {"lr": 0.1}}
    assert list(read(zip_bytes(tree, {"0": FLOATS.tobytes()}))) == ["w"]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"model": {"w": tensor("0", (6,))}, "net": {"v": tensor("0", (6,))}}, "model, net"),
        ({"epoch": 3, "loss": 0.5}, r"no state dict found: not tensors: 'epoch' \(3\), 'loss'"),
        ({"state_dict": {}}, r"no state dict found: not tensors: 'state_dict' \(dict\)"),
        ({}, "no state dict found: empty"),
        ([tensor("0", (6,))], "holds list, not a state dict"),
        (tensor("0", (6,)), "holds a tensor, not a state dict"),
        ({"a": {"b": {"c": {"w": tensor("0", (6,))}}}}, r"not tensors: 'a' \(dict\)"),
        (Name("torchreid.models.osnet", "OSNet")(), r"holds torchreid.models.osnet.OSNet, not a"),
        ({"module.w": tensor("0", (6,)), "w": tensor("0", (6,))}, "'w' is there twice"),
    ],
)
def test_what_is_no_single_state_dict(read, tree, message):
    with pytest.raises(WeightsError, match=rf"X\.pth: .*{message}"):
        read(zip_bytes(tree, {"0": FLOATS.tobytes()}))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "begins with"),
        (zip_bytes(dumps({}), {}, name="a/b"), "0 data.pkl in it"),
        (zip_bytes(dumps({}), {}, extra={"constants.pkl": b""}), "a TorchScript archive"),
        (b"PK\x03\x04" + bytes(50), "truncated or damaged zip archive"),
    ],
)
def test_what_is_no_checkpoint(read, data, message):
    with pytest.raises(WeightsError, match=rf"X\.pth: .*{message}"):
        read(data)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_checkpoint(tmp_path / "none.pth")


@pytest.mark.parametrize(
    ("name", "classes"), [("osnet_x0_25_imagenet.pth", 1000), ("osnet_x0_25_market1501.pth", 751)]
)
def test_the_authors_own_files(name, classes):
    path = Path(__file__).parents[2].parent / "shared" / "weights" / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    state = read_checkpoint(path).arrays
    assert len(state) == 567
    assert next(iter(state)) == "conv1.conv.weight"
    assert state["classifier.weight"].shape == (classes, 512)
    variances = [array for key, array in state.items() if key.endswith("running_var")]
    assert len(variances) == 80
    assert all(np.all(variance >= 0) for variance in variances)


SAMPLES = {
    "zip": zip_bytes(
        training_checkpoint(),
        {"0": FLOATS.tobytes(), "1": LONGS[:1].tobytes(), "9": FLOATS.tobytes()},
        extra={"byteorder": "little"},
    ),
    "legacy": legacy_bytes(
        {
            "state_dict": {"w": tensor("0", (3, 2), (1, 3), numel=6), "v": tensor("1", (3,))},
            "rank1": numpy_scalar(),
            "big": 2**70,
        },
        {"0": FLOATS.tobytes(), "1": FLOATS[:3].tobytes()},
    ),
    "safetensors": safetensors_bytes({"w": ("F32", [6], [0, 24])}, FLOATS.tobytes()),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_truncated_anywhere(tmp_path, kind):
    path = tmp_path / "X.pth"
    data = SAMPLES[kind]
    path.write_bytes(data)
    assert "w" in read_checkpoint(path).arrays
    for length in range(0, len(data), 3):
        path.write_bytes(data[:length])
        with pytest.raises(WeightsError, match=r"X\.pth"):
            read_checkpoint(path)
