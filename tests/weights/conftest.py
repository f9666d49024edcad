"""Reading handmade checkpoints, in both of PyTorch's containers."""

import pytest

from osnet_tf.weights import read_checkpoint
from tests.weights.handmade import legacy_bytes, zip_bytes


@pytest.fixture
def read(tmp_path):
    """Reads a checkpoint's arrays from its bytes."""

    def read(data, name="X.pth"):
        path = tmp_path / name
        path.write_bytes(data)
        return read_checkpoint(path).arrays

    return read


@pytest.fixture(params=[zip_bytes, legacy_bytes], ids=["zip", "legacy"])
def container(request):
    return request.param
