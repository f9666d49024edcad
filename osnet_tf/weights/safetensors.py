"""The `.safetensors` format, read by the library that defines it.

Its checks are the format's: offsets in range, the size that the shape asks for, no overlap and no
hole, nothing but a header and tensors. Source: https://github.com/huggingface/safetensors.
"""

import numpy as np
from safetensors import SafetensorError, deserialize

from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.pickled_values import show
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
    """Reads the tensors of a `.safetensors` file, sorted by name: the format has no order."""
    try:
        found = deserialize(data)
    except SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing: ")
        raise WeightsError(path, f"damaged safetensors file: {reason}") from None
    arrays = {}
    for name, tensor in sorted(found, key=lambda entry: entry[0]):
        if tensor["dtype"] not in _DTYPES:
            raise WeightsError(
                path,
                f"the tensor {show(name)} is of the type {show(tensor['dtype'])}, which is not "
                "supported",
            )
        try:
            flat = decode(bytes(tensor["data"]), _DTYPES[tensor["dtype"]])
            arrays[name] = flat.reshape(tensor["shape"])
        except ValueError as error:  # too many axes
            raise WeightsError(path, f"the tensor {show(name)}: {error}") from None
    return arrays
