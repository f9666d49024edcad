"""Damaged PyTorch checkpoints: an error that names the file, or arrays no larger than the file."""

import functools
import pickle

import numpy as np

from osnet_tf import OSNet
from osnet_tf.errors import OSNetError
from osnet_tf.weights import load_torch_weights, read_checkpoint
from osnet_tf.weights.pth import MAX_REPEATED
from tests.weights.handmade import (
    FLOATS,
    dumps,
    legacy_bytes,
    numpy_scalar,
    safetensors_bytes,
    tensor,
    training_checkpoint,
    zip_bytes,
)
from tests.weights.reference import state_of

SMALL = 60

_OPCODES = sorted({code[0] for code in vars(pickle).values() if type(code) is bytes and code})
_STORAGES = {"0": FLOATS.tobytes(), "1": bytes(8), "9": FLOATS.tobytes()}


def trial(rng, folder):
    path = folder / "X.pth"
    kind = rng.integers(6)
    path.write_bytes((_containers, _pickles, _headers, _networks)[max(0, kind - 2)](rng))
    try:
        if kind == 5:
            _load(path)
        else:
            arrays = read_checkpoint(path).arrays
            elements = sum(array.size for array in arrays.values())
            assert elements <= path.stat().st_size * 8 + MAX_REPEATED * len(arrays)
    except OSNetError as error:
        if str(path) not in str(error):
            raise AssertionError("the error does not name the file") from error


def _containers(rng):
    """Any file of the three formats with bytes changed, cut out, put in or cut off."""
    trees = (training_checkpoint(), {"w": tensor("0", (2, 3)), "best": numpy_scalar()})
    tree = trees[rng.integers(2)]
    data = (
        lambda: zip_bytes(tree, _STORAGES, protocol=int(rng.integers(1, 6))),
        lambda: legacy_bytes({"w": tensor("0", (6,))}, {"0": FLOATS.tobytes()}),
        lambda: safetensors_bytes({"w": ("F32", [2, 3], [0, 24])}, FLOATS.tobytes()),
    )[rng.integers(3)]()
    return damaged(rng, data)


def _pickles(rng):
    """A good zip archive, and in it a damaged pickle, often with other opcodes."""
    data = bytearray(dumps(training_checkpoint(), int(rng.integers(1, 6))))
    for _ in range(rng.integers(1, 6)):
        data[rng.integers(len(data))] = _OPCODES[rng.integers(len(_OPCODES))]
    return zip_bytes(bytes(data) if rng.random() < 0.7 else damaged(rng, data), _STORAGES)


def _headers(rng):
    """Numbers of a tensor's description, taken from where limits are."""
    number = lambda: int(rng.choice([0, 1, 2, 3, 6, 7, 2**31, 2**62, -1]))  # noqa: E731
    shape = tuple(number() for _ in range(rng.integers(0, 4)))
    strides = tuple(number() for _ in range(len(shape) + int(rng.random() < 0.1)))
    view = tensor("0", shape, strides, offset=number(), numel=int(rng.choice([6, 6, number()])))
    wrap = (zip_bytes, legacy_bytes)[rng.integers(2)]
    return wrap({"x": view, "w": tensor("0", (6,))}, {"0": FLOATS.tobytes()})


def _networks(rng):
    """A whole network with a tensor's numbers, shape, type or name changed."""
    state = dict(state_of(num_classes=None))
    key = list(state)[rng.integers(len(state))]
    array = state[key].astype("f4")
    change = rng.integers(4)
    if change == 0 and array.size:
        array.flat[rng.integers(array.size)] = rng.choice([np.nan, np.inf, -1.0, 1e38])
    elif change == 1:
        array = array.reshape(array.shape[::-1])
    elif change == 2:
        array = array[:1] if array.ndim else array
    else:
        state["more." * rng.integers(2) + key[rng.integers(2) :]] = array
    state[key] = array
    header, parts, end = {}, [], 0
    for name, values in state.items():
        values = np.ascontiguousarray(values, "f4")
        header[name] = ("F32", values.shape, [end, end + values.nbytes])
        parts.append(values.tobytes())
        end += values.nbytes
    return safetensors_bytes(header, b"".join(parts))


@functools.cache
def _model():
    return OSNet("osnet_x0_25", input_shape=(16, 16, 3))


def _load(path):
    """All finite and all of the file, or all as before."""
    before = _model().get_weights()
    try:
        used = load_torch_weights(_model(), path).used
    except OSNetError:
        for found, expected in zip(_model().get_weights(), before, strict=True):
            np.testing.assert_array_equal(found, expected)
        raise
    assert len(used) == len(before)
    assert all(np.isfinite(values).all() for values in _model().get_weights())


def damaged(rng, data):
    """Bytes with some of them changed, cut out, put in, doubled, or the end cut off."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        start = int(rng.integers(len(data) + 1))
        end = min(len(data), start + int(rng.choice([1, 1, 1, 4, 100])))
        change = rng.integers(5)
        if change == 0:
            del data[start:end]
        elif change == 1:
            data[start:start] = rng.bytes(end - start)
        elif change == 2:
            data[start:start] = data[start:end]
        elif change == 3 and rng.random() < 0.2:
            del data[start:]
        else:
            data[start:end] = rng.bytes(end - start)
    return bytes(data)
