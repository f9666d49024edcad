"""The `.safetensors` format: a header length (u64), a JSON header, then the raw bytes.

Source: https://github.com/huggingface/safetensors, "Format". The rules that the format states are
checked: offsets in range, the size that the shape asks for, no overlap and no hole, no key twice.
"""

import json
import math

import numpy as np

from osnet_tf.errors import ArgumentError
from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.pickled_values import ELEMENT_TYPES, show
from osnet_tf.weights.pth import decode

# The format's own limit on the header.
MAX_HEADER = 100_000_000

_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
}


def is_safetensors(data: bytes) -> bool:
    """Whether the bytes begin with a header length and the brace of a JSON object."""
    return data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= MAX_HEADER


def read_safetensors(data: bytes, path: str) -> dict[str, np.ndarray]:
    """Reads the tensors of a `.safetensors` file in the order of its header."""
    length = int.from_bytes(data[:8], "little")
    body = data[8 + length :]
    if len(data) < 8 + length:
        raise WeightsError(path, f"truncated: the header has {length} bytes")
    try:
        header = json.loads(data[8 : 8 + length].decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise WeightsError(path, f"damaged safetensors header: {error}") from None
    header.pop("__metadata__", None)
    arrays: dict[str, np.ndarray] = {}
    spans: list[tuple[int, int]] = []
    for name, entry in header.items():
        dtype, shape, (start, end) = _entry(name, entry, path)
        size = math.prod(shape) * ELEMENT_TYPES[dtype].itemsize
        if not (0 <= start <= end <= len(body) and end - start == size):
            raise WeightsError(
                path,
                f"the tensor {show(name)} lies at {show(start)}..{show(end)} of "
                f"{len(body)} bytes and needs {show(size)}",
            )
        try:
            arrays[name] = decode(body[start:end], dtype).reshape(shape)
        except ValueError as error:  # too many axes
            raise WeightsError(path, f"the tensor {show(name)}: {error}") from None
        spans.append((start, end))
    expected = 0
    for start, end in sorted(spans):
        if start != expected:
            raise WeightsError(path, f"the tensors overlap or leave a hole at byte {expected}")
        expected = end
    if expected != len(body):
        raise WeightsError(path, f"{len(body) - expected} bytes belong to no tensor")
    return arrays


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ArgumentError("a key appears twice")
    return result


def _entry(name: str, entry: object, path: str) -> tuple[str, list[int], list[int]]:
    if isinstance(entry, dict) and set(entry) == {"dtype", "shape", "data_offsets"}:
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if isinstance(dtype, str) and dtype not in _DTYPES:
            raise WeightsError(
                path,
                f"the tensor {show(name)} is of the type {show(dtype)}, which is not supported",
            )
        lists = all(
            type(value) is list and all(type(n) is int and n >= 0 for n in value)
            for value in (shape, offsets)
        )
        if isinstance(dtype, str) and lists and len(offsets) == 2:
            return _DTYPES[dtype], shape, offsets
    raise WeightsError(path, f"the tensor {show(name)} is not described as the format asks")
