"""The reference weights and values of the public code (see ../shared/reference/README.md)."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

REFERENCE = Path(__file__).parents[2].parent / "shared" / "reference"


def reference_shapes(preset):
    """{key: shape} of the public code's state dict with 5 classes; skips where it is missing."""
    path = REFERENCE / "state_dict_shapes.json"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return {key: tuple(shape) for key, shape in json.loads(path.read_text())[preset].items()}


def reference_state(shapes):
    """The reference weights: a pure function of every key's name and shape."""
    return {key: _array(key, tuple(shape)) for key, shape in shapes.items()}


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
