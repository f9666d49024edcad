"""The reference weights and values of the public code (see tests/reference/README.md)."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np

from osnet_tf.architecture import Architecture
from osnet_tf.weights.names import entries
from tests.weights.handmade import safetensors_bytes

REFERENCE = Path(__file__).parents[1] / "reference"


def reference_shapes(preset):
    """{key: shape} of the public code's state dict with 5 classes."""
    shapes = json.loads((REFERENCE / "state_dict_shapes.json").read_text())[preset]
    return {key: tuple(shape) for key, shape in shapes.items()}


def reference_state(shapes):
    """The reference weights: a pure function of every key's name and shape."""
    return {key: _array(key, tuple(shape)) for key, shape in shapes.items()}


def state_of(preset="osnet_x0_25", num_classes=5, feature_dim=512):
    """The reference weights of any preset, by the public code's keys."""
    table = entries(Architecture(preset, feature_dim), num_classes)
    return reference_state({entry.key: entry.shape for entry in table})


def write_safetensors(path, state):
    """The float32 arrays of a state dict as a `.safetensors` file."""
    header, parts, end = {}, [], 0
    for key, array in state.items():
        if key.endswith("num_batches_tracked"):
            continue
        header[key] = ("F32", array.shape, [end, end + array.nbytes])
        parts.append(array.tobytes())
        end += array.nbytes
    path.write_bytes(safetensors_bytes(header, b"".join(parts)))
    return path


def _array(key, shape):
    if key.endswith("num_batches_tracked"):
        return np.ones(shape, "int64")
    seed = int(sha256(("dev:" + key).encode()).hexdigest()[:8], 16)
    r = np.random.RandomState(seed)
    if key.endswith("running_var"):
        array = 0.5 + r.rand(*shape)
    elif key.endswith("running_mean"):
        array = 0.1 * r.randn(*shape)
    elif len(shape) == 1 and key.endswith("weight"):
        array = 0.5 + 0.4 * r.rand(*shape)
    elif len(shape) == 1:
        array = 0.1 * r.randn(*shape)
    else:
        array = r.randn(*shape) * np.sqrt(1 / np.prod(shape[1:]))
    return np.asarray(array, "float32")
