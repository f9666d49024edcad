"""Reads the state dict out of a PyTorch checkpoint file, without PyTorch."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from osnet_tf.files import check_regular_file
from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.pickled_values import show
from osnet_tf.weights.pth import ZIP_MAGIC, is_legacy, read_legacy, read_zip
from osnet_tf.weights.safetensors import is_safetensors, read_safetensors
from osnet_tf.weights.wrappers import find_state_dict

# In front of every key: DataParallel / DistributedDataParallel, and torch.compile.
PREFIXES = ("module.", "_orig_mod.")


class Checkpoint(NamedTuple):
    """What `read_checkpoint` found.

    Attributes:
        arrays: the state dict: arrays by key, with the shapes of the file; in its order, those of a
            `.safetensors` file, which has none, sorted.
        left_out: what lay beside it and was not read: "epoch", "args (argparse.Namespace)".
    """

    arrays: dict[str, np.ndarray]
    left_out: tuple[str, ...] = ()


def read_checkpoint(path: str | os.PathLike) -> Checkpoint:
    """Reads the state dict of a `.pth` or `.safetensors` file.

    The format is recognised from the content: PyTorch's zip archives (since 1.6), its older
    stream (which the authors' own OSNet files use) and safetensors. The pickle inside is
    interpreted by a reader that imports and calls nothing, so a checkpoint cannot run code: what
    is no tensor is left where it is, whatever it claims to be.

    The state dict may be the whole file or stand in a training checkpoint under any name, up to
    two deep; of several, the one that is an OSNet's. The prefixes `module.` and `_orig_mod.` are
    taken off the keys.

    Args:
        path: the file.

    Returns:
        `Checkpoint`. The arrays are read-only; strided and shared tensors are views. float16 and
        bfloat16 become float32, which is exact; all other types stay.

    Raises:
        WeightsError: the file is damaged or truncated, no checkpoint, holds no single state dict,
            or a tensor in it that repeats a small storage to a large size.
        FileError: it is no regular file.
        NotFoundError: there is no such file.

    Source: `torch.save` (torch/serialization.py) and the safetensors format.

    Example:

    >>> import json, pathlib, tempfile
    >>> import numpy as np
    >>> from osnet_tf.weights import read_checkpoint
    >>> header = {"fc.bias": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}
    >>> text = json.dumps(header).encode()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "tiny.safetensors"
    ...     raw = np.array([1.0, -0.5], np.float16).tobytes()
    ...     _ = path.write_bytes(len(text).to_bytes(8, "little") + text + raw)
    ...     read_checkpoint(path).arrays
    {'fc.bias': array([ 1. , -0.5], dtype=float32)}
    """
    check_regular_file(path)
    data = Path(path).read_bytes()
    name = os.fspath(path)
    if data[:4] == ZIP_MAGIC:
        tree, storages = read_zip(data, name)
    elif is_legacy(data):
        tree, storages = read_legacy(data, name)
    elif is_safetensors(data):
        return Checkpoint(_strip_prefixes(read_safetensors(data, name), name))
    else:
        raise WeightsError(name, f"{_what_else(data)}, not a .pth or .safetensors checkpoint")
    found = find_state_dict(tree, name)
    tensors = _strip_prefixes(found.tensors, name)
    arrays = {key: storages.array(key, tensor) for key, tensor in tensors.items()}
    return Checkpoint(arrays, found.left_out)


def _what_else(data: bytes) -> str:
    if not data:
        return "an empty file"
    if data.lstrip()[:1] == b"<":
        return "a web page, as a download link sometimes gives instead of the file"
    if data.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, whose file has not been fetched"
    return f"begins with {data[:8]!r}"


def _strip_prefixes(state: dict, path: str) -> dict:
    result: dict = {}
    for key, value in state.items():
        name = key
        while name.startswith(PREFIXES):
            name = name.split(".", 1)[1]
        if name in result:
            raise WeightsError(path, f"without its prefix, {show(key)} is there twice")
        result[name] = value
    return result
