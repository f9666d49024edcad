"""The reader against PyTorch as the oracle, and on the authors' own files."""

from pathlib import Path

import numpy as np
import pytest

from osnet_tf.weights import WeightsError, read_checkpoint

WEIGHTS = Path(__file__).parents[2].parent / "shared" / "weights"

torch = pytest.importorskip("torch", reason="PyTorch (the oracle) is not installed")


@pytest.fixture(params=[True, False], ids=["zip", "legacy"])
def save(request, tmp_path):
    """Saves with PyTorch in one of its two formats and returns the path."""

    def save(tree, **options):
        path = tmp_path / "X.pth"
        torch.save(tree, path, _use_new_zipfile_serialization=request.param, **options)
        return path

    return save


def check(state, expected):
    assert list(state) == list(expected)
    for name, tensor in expected.items():
        tensor = tensor.detach()
        if tensor.dtype in (torch.float16, torch.bfloat16):
            tensor = tensor.float()
        np.testing.assert_array_equal(state[name], tensor.numpy(), strict=True, err_msg=name)


def test_every_dtype(save):
    values = torch.tensor([[0.0, 1.0, 2.5], [7.0, 100.0, 3.0]])
    names = (
        "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128"
    )
    names += " uint16 uint32 uint64"
    state = {name: values.to(getattr(torch, name)) for name in names.split()}
    state["half extremes"] = torch.tensor(
        [float("inf"), float("nan"), 6e-8, -65504.0], dtype=torch.float16
    )
    state["bfloat16 extremes"] = torch.tensor([float("-inf"), float("nan"), 1e-40, 3e38]).bfloat16()
    check(read_checkpoint(save(state)).arrays, state)


def test_views_and_shared_storages(save):
    base = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
    state = {
        "base": base,
        "transposed": base.permute(2, 0, 1),
        "sliced": base[1:, ::2, 3],
        "expanded": base[:, :1, :].expand(3, 7, 5),
        "scalar": base[2, 3, 4],
        "empty": base[:0],
        "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    }
    result = read_checkpoint(save(state)).arrays
    check(result, state)
    assert np.shares_memory(result["base"], result["sliced"])


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_pickle_protocols(save, protocol):
    state = torch.nn.Linear(3, 2).state_dict()
    check(read_checkpoint(save(state, pickle_protocol=protocol)).arrays, state)


def test_parameters_and_tensors_with_attributes(save):
    parameter = torch.nn.Parameter(torch.randn(3, 2))
    marked = torch.nn.Parameter(torch.randn(2))
    marked.note = "no weight decay"
    plain = torch.randn(4)
    plain.note = {"a": 1}
    state = {"parameter": parameter, "marked": marked, "plain": plain}
    check(read_checkpoint(save(state)).arrays, state)


def small_network():
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.BatchNorm2d(4), torch.nn.Flatten()
    )


@pytest.mark.parametrize("optimizer_class", ["SGD", "Adam", "AdamW"])
def test_training_checkpoints(save, optimizer_class):
    """As torchreid's engine saves them: DataParallel, a NumPy score, optimiser and scheduler."""
    network = torch.nn.DataParallel(small_network())
    optimizer = getattr(torch.optim, optimizer_class)(network.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [20, 40])
    for _ in range(2):
        optimizer.zero_grad()
        network.module(torch.randn(2, 3, 5, 5)).square().sum().backward()
        optimizer.step()
    checkpoint = {
        "state_dict": network.state_dict(),
        "epoch": 2,
        "rank1": np.float32(0.91),
        "cmc": np.array([0.91, 0.95]),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "device": torch.device("cpu"),
        "size": torch.Size([2, 3]),
        "dtype": torch.float16,
        "mAP": torch.tensor(0.75),
    }
    check(read_checkpoint(save(checkpoint)).arrays, network.module.state_dict())


def test_a_half_precision_network(save):
    state = small_network().half().state_dict()
    result = read_checkpoint(save(state)).arrays
    check(result, state)
    assert result["0.weight"].dtype == np.float32


def test_whole_models_sparse_and_quantised_tensors_are_refused_by_name(save):
    with pytest.raises(WeightsError, match=r"holds torch\.nn\.modules\..*state_dict"):
        read_checkpoint(save(torch.nn.Linear(2, 2)))
    sparse = {"x": torch.eye(3).to_sparse()}
    with pytest.raises(WeightsError, match="sparse tensors are not supported"):
        read_checkpoint(save(sparse))
    float8 = {"x": torch.ones(3).to(torch.float8_e4m3fn)}
    with pytest.raises(WeightsError, match=r"'x' \(torch\.float8_e4m3fn\)"):
        read_checkpoint(save(float8))


def test_conjugated_views_are_refused(save):
    state = {"x": torch.ones(3, dtype=torch.complex64).conj()}
    with pytest.raises(WeightsError, match="conjugated"):
        read_checkpoint(save(state))


@pytest.mark.parametrize("name", ["osnet_x0_25_imagenet.pth", "osnet_x0_25_market1501.pth"])
def test_the_authors_own_files(name):
    path = WEIGHTS / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    state = read_checkpoint(path).arrays
    assert len(state) == 567
    check(state, torch.load(path, weights_only=True, map_location="cpu"))


def test_hand_made_files_are_what_pytorch_reads(tmp_path):
    """The files of test_read_checkpoint.py are no private dialect."""
    from tests.weights import handmade

    path = tmp_path / "X.pth"
    values = np.arange(6, dtype="<f4")
    state = {"x": handmade.tensor("0", (3, 2), (1, 3)), "y": handmade.tensor("0", (6,))}
    for data in (
        handmade.zip_bytes(state, {"0": values.tobytes()}),
        handmade.legacy_bytes(
            {
                "x": handmade.rebuild_v2(
                    handmade.storage("0", 6, "FloatStorage", None),
                    0,
                    (3, 2),
                    (1, 3),
                    False,
                    handmade.ordered_dict(),
                ),
            },
            {"0": values.tobytes()},
        ),
    ):
        path.write_bytes(data)
        expected = torch.load(path, weights_only=True)
        np.testing.assert_array_equal(expected["x"].numpy(), values.reshape(2, 3).T)
        check(read_checkpoint(path).arrays, expected)
