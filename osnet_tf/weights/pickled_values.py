"""What a checkpoint's pickle may hold: tensors as descriptions, and a few inert values.

A tensor is described, checked against the bytes only when somebody wants its values, so what nobody
reads (the optimiser's state) costs nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

# PyTorch's and NumPy's own limit.
MAX_AXES = 64

# torch dtype -> how its elements lie in the file, little-endian. bfloat16 has no NumPy type: it is
# read as its 16 bits. The float8, quantised and bit types are left out, and so refused by name.
ELEMENT_TYPES: dict[str, np.dtype] = {
    "float64": np.dtype("<f8"),
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "bfloat16": np.dtype("<u2"),
    "int64": np.dtype("<i8"),
    "int32": np.dtype("<i4"),
    "int16": np.dtype("<i2"),
    "int8": np.dtype("i1"),
    "uint64": np.dtype("<u8"),
    "uint32": np.dtype("<u4"),
    "uint16": np.dtype("<u2"),
    "uint8": np.dtype("u1"),
    "bool": np.dtype("u1"),
    "complex64": np.dtype("<c8"),
    "complex128": np.dtype("<c16"),
}


class StorageRef(NamedTuple):
    """A run of `numel` elements, from element `start`, of the storage `key` of `root_numel`."""

    key: str
    dtype: str
    root_numel: int
    start: int
    numel: int


class TensorRef(NamedTuple):
    """A strided view of a storage; `dtype` is a key of ELEMENT_TYPES, the rest counts elements."""

    storage: StorageRef
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str


class Inert:
    """What stands for an object that tensors are not rebuilt with; only its name is kept."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name


class StorageType(NamedTuple):
    """A name such as `torch.FloatStorage`, and its key of ELEMENT_TYPES."""

    name: str
    dtype: str


class DType(NamedTuple):
    """A name such as `torch.float32`, and its key of ELEMENT_TYPES."""

    name: str
    dtype: str


class Global(NamedTuple):
    """A name; `build(args)` is what calling it gives."""

    name: str
    build: Callable[[tuple], Any]


class Malformed(Exception):
    """Something in the pickle is not what PyTorch writes; `Unpickler.load` adds the path."""


def show(value: object) -> str:
    """A short description of a value out of a file; never a repr that recurses into it."""
    if isinstance(value, str):
        return ascii(value if len(value) <= 80 else value[:80] + "...")
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    if isinstance(value, int):
        bits = value.bit_length()
        return repr(value) if bits <= 64 else f"an integer of {bits} bits"
    if isinstance(value, (StorageType, DType, Global, Inert)):
        name = value.name
        return name if name.isprintable() and len(name) <= 200 else ascii(name[:200])
    return {TensorRef: "a tensor", StorageRef: "a storage"}.get(type(value), type(value).__name__)


def sizes(value: object, what: str) -> tuple[int, ...]:
    """A tuple or list of sizes as a tuple; Malformed if it is anything else."""
    if type(value) not in (tuple, list) or len(value) > MAX_AXES:
        raise Malformed(f"the {what} of a tensor is no tuple of at most {MAX_AXES} sizes")
    if any(type(n) is not int or n < 0 for n in value):
        raise Malformed(f"the {what} of a tensor is not all integers >= 0")
    return tuple(value)


def set_item(target: object, key: object, value: object) -> None:
    """`target[key] = value`; Malformed if that is no dict."""
    if type(target) is Inert:
        return
    if type(target) is not dict:
        raise Malformed(f"an item is put into {show(target)}, not into a dict")
    if type(key) not in (str, int, float, bool, type(None)):
        # Hashing a nest of shared tuples takes time exponential in the file's size
        key = Inert(f"a key that is {show(key)}")
    target[key] = value
