"""Reads the state dict out of a PyTorch checkpoint file, without PyTorch."""

import os
from pathlib import Path

import numpy as np

from osnet_tf.weights.errors import CheckpointError
from osnet_tf.weights.pickled_values import TensorRef, show
from osnet_tf.weights.pth import ZIP_MAGIC, is_legacy, read_legacy, read_zip
from osnet_tf.weights.safetensors import is_safetensors, read_safetensors

# Under these names training code files the model's state dict, beside the optimiser's and others.
WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network")
# In front of every key: DataParallel / DistributedDataParallel, and torch.compile.
PREFIXES = ("module.", "_orig_mod.")


def read_checkpoint(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads the state dict of a `.pth` or `.safetensors` file.

    The format is recognised from the content: PyTorch's zip archives (since 1.6), its older
    stream (which the authors' own OSNet files use) and safetensors. The pickle inside is
    interpreted by a reader that imports and calls nothing, so a checkpoint cannot run code.

    The state dict may be the whole file or stand in a training checkpoint under `state_dict`,
    `model_state_dict`, `model`, `net` or `network`, if only one of them holds one; what else is
    there (epoch, scores, optimiser) is left alone. The prefixes `module.` and `_orig_mod.` are
    taken off the keys.

    Args:
        path: the file.

    Returns:
        The arrays by name, in the file's order, with the shapes of the file. Read-only; strided
        and shared tensors are views. float16 and bfloat16 become float32, which is exact; all
        other types stay.

    Raises:
        CheckpointError: the file is damaged or truncated, no checkpoint, holds no single state
            dict, or names something that rebuilding tensors does not need (refused by name).
        OSError: the file cannot be opened.

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
    ...     read_checkpoint(path)
    {'fc.bias': array([ 1. , -0.5], dtype=float32)}
    """
    data = Path(path).read_bytes()
    name = os.fspath(path)
    if data[:4] == ZIP_MAGIC:
        tree, storages = read_zip(data, name)
    elif is_legacy(data):
        tree, storages = read_legacy(data, name)
    elif is_safetensors(data):
        return _strip_prefixes(read_safetensors(data, name), name)
    else:
        raise CheckpointError(f"{name}: {_what_else(data)}, not a .pth or .safetensors checkpoint")
    tensors = _strip_prefixes(_state_dict(tree, name), name)
    return {key: storages.array(key, tensor) for key, tensor in tensors.items()}


def _what_else(data: bytes) -> str:
    if not data:
        return "an empty file"
    if data.lstrip()[:1] == b"<":
        return "a web page, as a download link sometimes gives instead of the file"
    if data.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, whose file has not been fetched"
    return f"begins with {data[:8]!r}"


def _is_state_dict(value: object) -> bool:
    return (
        type(value) is dict
        and len(value) > 0
        and all(type(key) is str and type(item) is TensorRef for key, item in value.items())
    )


def _state_dict(tree: object, path: str) -> dict[str, TensorRef]:
    if _is_state_dict(tree):
        return tree
    if type(tree) is not dict:
        raise CheckpointError(f"{path}: holds {show(tree)}, not a state dict")
    found = [key for key in WRAPPERS if key in tree and _is_state_dict(tree[key])]
    if len(found) == 1:
        return tree[found[0]]
    if found:
        raise CheckpointError(
            f"{path}: holds several state dicts: {', '.join(found)}. Save the wanted one alone"
        )
    # Say what is in the way, in the likeliest place.
    place, where = tree, ""
    for key in WRAPPERS:
        if type(tree.get(key)) is dict and tree[key]:
            place, where = tree[key], f" under {key}"
            break
    odd = [
        f"{show(key)} ({show(item)})"
        for key, item in place.items()
        if type(key) is not str or type(item) is not TensorRef
    ]
    what = f"not tensors: {', '.join(odd[:8])}{', ...' if len(odd) > 8 else ''}" if odd else "empty"
    raise CheckpointError(f"{path}: no state dict found{where}: {what}")


def _strip_prefixes(state: dict, path: str) -> dict:
    result: dict = {}
    for key, value in state.items():
        name = key
        while name.startswith(PREFIXES):
            name = name.split(".", 1)[1]
        if name in result:
            raise CheckpointError(f"{path}: without its prefix, {show(key)} is there twice")
        result[name] = value
    return result
