"""The two containers of PyTorch's `.pth` files: zip (since 1.6) and the stream before it.

Both hold one pickle that describes tensors and, apart from it, the raw bytes of the storages:

- zip: `<name>/data.pkl`, `<name>/data/<key>`, `<name>/byteorder`; entries stored, not compressed;
- stream: pickles of the magic number, the protocol version, the system's sizes, the object and
  the sorted storage keys, then for each key its element count (int64) and its bytes, always
  little-endian.

Source: `torch/serialization.py`, `_save`, `_legacy_save` and their readers.
"""

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np

from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.pickled_values import ELEMENT_TYPES, StorageRef, TensorRef, show
from osnet_tf.weights.unpickler import Unpickled, unpickle

ZIP_MAGIC = b"PK\x03\x04"
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
# What pickle writes for the magic number, LONG1 of 10 bytes, after PROTO and perhaps FRAME.
LEGACY_NUMBER = b"\x8a\x0a" + LEGACY_MAGIC.to_bytes(10, "little")

# What zipfile raises on damaged archives besides its own BadZipFile.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
)

# Views that repeat elements (`expand`) cost nothing in the file and all their size in a model: a
# checkpoint of weights has none, and what is small does no harm.
MAX_REPEATED = 4096

# Gives the raw little- or big-endian bytes of a whole storage.
Fetch = Callable[[StorageRef], bytes]


class Storages:
    """Turns tensor descriptions into arrays, reading every storage once.

    Args:
        fetch: gives the bytes of a whole storage.
        byteorder: `"little"` or `"big"`, of those bytes.
        path: for messages.
    """

    def __init__(self, fetch: Fetch, byteorder: str, path: str):
        self._fetch = fetch
        self._byteorder = byteorder
        self._path = path
        self._roots: dict[str, tuple[tuple[str, int], bytes]] = {}
        self._decoded: dict[tuple[str, str], np.ndarray] = {}

    def array(self, name: str, tensor: TensorRef) -> np.ndarray:
        """The values of a tensor: a read-only view, so shared storages stay shared.

        Raises:
            WeightsError: the tensor reaches outside its storage, or the storage is missing.
        """
        flat = self._elements(tensor)
        try:
            if 0 in tensor.shape:
                return np.zeros(tensor.shape, flat.dtype)
            reach = zip(tensor.shape, tensor.strides, strict=True)
            if math.prod(tensor.shape) > max(flat.size, MAX_REPEATED):
                shape = " x ".join(map(show, tensor.shape))
                raise WeightsError(
                    self._path,
                    f"the tensor {show(name)}, {shape}, repeats the {flat.size} elements of its "
                    "storage",
                )
            last = tensor.offset + sum((size - 1) * stride for size, stride in reach)
            if last >= flat.size:
                raise WeightsError(
                    self._path,
                    f"the tensor {show(name)} reaches element {show(last)} of a "
                    f"storage of {flat.size}",
                )
            width = flat.itemsize
            return np.ndarray(
                tensor.shape,
                flat.dtype,
                buffer=flat,
                offset=tensor.offset * width,
                # An axis of length 1 may carry any stride; only here can it be out of range.
                strides=[
                    stride * width if size > 1 else width
                    for size, stride in zip(tensor.shape, tensor.strides, strict=True)
                ],
            )
        except WeightsError:
            raise
        except (ValueError, OverflowError, MemoryError) as error:
            raise WeightsError(
                self._path, f"the tensor {show(name)} has an impossible size: {error}"
            ) from None

    def _elements(self, tensor: TensorRef) -> np.ndarray:
        storage = tensor.storage
        raw = self._root(storage)
        key = (storage.key, tensor.dtype)
        if key not in self._decoded:
            self._decoded[key] = decode(raw, tensor.dtype, self._byteorder)
        flat = self._decoded[key]
        if tensor.dtype == storage.dtype:  # else untyped, and then never a view
            flat = flat[storage.start : storage.start + storage.numel]
        return flat

    def _root(self, storage: StorageRef) -> bytes:
        described = (storage.dtype, storage.root_numel)
        if storage.key not in self._roots:
            raw = self._fetch(storage)
            expected = storage.root_numel * ELEMENT_TYPES[storage.dtype].itemsize
            if len(raw) != expected:
                raise WeightsError(
                    self._path,
                    f"the storage {show(storage.key)} has {len(raw)} bytes where "
                    f"{show(storage.root_numel)} elements of {storage.dtype} take {show(expected)}",
                )
            self._roots[storage.key] = (described, raw)
        known, raw = self._roots[storage.key]
        if known != described:
            raise WeightsError(
                self._path,
                f"the storage {show(storage.key)} is described in two ways: "
                f"{show(known[1])} of {known[0]} and {show(described[1])} of {described[0]}",
            )
        return raw


def decode(raw: bytes, dtype: str, byteorder: str = "little") -> np.ndarray:
    """Raw bytes as a flat, read-only array in native order.

    float16 and bfloat16 are widened to float32, which is exact; everything else keeps its type.
    Bytes after the last whole element are left out.
    """
    stored = ELEMENT_TYPES[dtype]
    if byteorder == "big":
        stored = stored.newbyteorder(">")
    flat = np.frombuffer(raw, stored, count=len(raw) // stored.itemsize)
    if dtype == "bfloat16":
        flat = (flat.astype(np.uint32) << np.uint32(16)).view(np.float32)
    elif dtype == "float16":
        with np.errstate(invalid="ignore"):  # signalling NaNs
            flat = flat.astype(np.float32)
    elif dtype == "bool":
        flat = flat != 0
    else:
        flat = flat.astype(stored.newbyteorder("="), copy=False)
    flat.flags.writeable = False
    return flat


def is_legacy(data: bytes) -> bool:
    """Whether the bytes begin as a `.pth` file of before PyTorch 1.6."""
    return data[:1] == b"\x80" and LEGACY_NUMBER in data[2:23]


def read_legacy(data: bytes, path: str) -> tuple[object, Storages]:
    """Reads a `.pth` stream: the pickled tree and its storages."""
    position = 0

    def load() -> Unpickled:
        nonlocal position
        result = unpickle(data, path, position)
        position = result.end
        return result

    magic, version, _ = load().value, load().value, load().value
    if magic != LEGACY_MAGIC or version != 1001:
        raise WeightsError(
            path, f"not a PyTorch checkpoint: magic number {show(magic)}, version {show(version)}"
        )
    tree, _, dtypes = load()
    keys = load().value
    if type(keys) is not list or any(type(key) is not str for key in keys):
        raise WeightsError(path, f"the list of storage keys is {show(keys)}")
    places: dict[str, tuple[int, int]] = {}
    for key in keys:
        dtype = dtypes.get(key)
        if dtype is None or key in places:
            raise WeightsError(
                path,
                f"the storage {show(key)} is "
                + ("listed twice" if key in places else "used by no tensor"),
            )
        numel = int.from_bytes(data[position : position + 8], "little", signed=True)
        size = numel * ELEMENT_TYPES[dtype].itemsize
        if not 0 <= size <= len(data) - position - 8:
            raise WeightsError(
                path,
                f"truncated: the storage {show(key)} of {numel} elements of {dtype} does "
                f"not fit into the {max(len(data) - position - 8, 0)} bytes that are left",
            )
        places[key] = (position + 8, size)
        position += 8 + size

    def fetch(storage: StorageRef) -> bytes:
        if storage.key not in places:
            raise WeightsError(path, f"the storage {show(storage.key)} is missing")
        start, size = places[storage.key]
        return data[start : start + size]

    return tree, Storages(fetch, "little", path)


def read_zip(data: bytes, path: str) -> tuple[object, Storages]:
    """Reads a `.pth` zip archive: the pickled tree and its storages."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except ZIP_ERRORS as error:
        raise WeightsError(path, f"truncated or damaged zip archive: {error}") from None
    entries = {entry.filename: entry for entry in archive.infolist()}
    pickles = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        what = f"a zip archive with {len(pickles)} data.pkl in it"
        if "config.json" in entries:
            what = "a .keras file"
        raise WeightsError(path, f"{what}, not a PyTorch checkpoint")
    folder = pickles[0].removesuffix("data.pkl")
    if folder + "constants.pkl" in entries:
        raise WeightsError(
            path,
            "a TorchScript archive (a program), not a checkpoint. "
            "Save state_dict() of the loaded module instead",
        )
    budget = len(data)

    def read(name: str) -> bytes:
        nonlocal budget
        entry = entries.get(folder + name)
        if entry is None:
            raise WeightsError(path, f"the entry {show(folder + name)} is missing")
        # PyTorch stores and never compresses, so all entries together fit into the file.
        budget -= entry.file_size
        if entry.compress_type != zipfile.ZIP_STORED or budget < 0:
            fault = "is larger than the file" if budget < 0 else "is compressed"
            raise WeightsError(
                path,
                f"the entry {show(folder + name)} {fault}: PyTorch does not write such archives",
            )
        try:
            return archive.read(entry)
        except ZIP_ERRORS as error:
            raise WeightsError(
                path, f"the entry {show(folder + name)} is damaged: {error}"
            ) from None

    byteorder = "little"
    if folder + "byteorder" in entries:  # since PyTorch 2.1
        byteorder = read("byteorder").decode("latin-1")
        if byteorder not in ("little", "big"):
            raise WeightsError(path, f"the byte order is {show(byteorder)}")
    tree = unpickle(read("data.pkl"), path).value
    return tree, Storages(lambda storage: read(f"data/{storage.key}"), byteorder, path)
