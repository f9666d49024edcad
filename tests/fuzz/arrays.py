"""Damaged `.npz` files: as written, or a FileError that names the file."""

import io

import numpy as np

from osnet_tf.errors import FileError
from osnet_tf.files import read_arrays

SMALL = 40

_file = io.BytesIO()
np.savez(_file, key=np.array("ab"), features=np.arange(12, dtype="float32").reshape(4, 3))
GOOD = _file.getvalue()


def trial(rng, folder):
    data = bytearray(GOOD)
    if rng.random() < 0.3:
        data = data[: rng.integers(len(data))]
    for _ in range(rng.integers(1, 4)):
        if data:
            data[rng.integers(len(data))] = rng.integers(256)
    path = folder / "entry.npz"
    path.write_bytes(data)
    try:
        found = read_arrays(path, ["key", "features"])
    except FileError as error:
        problem = str(error)
    else:
        assert np.array_equal(found["features"], np.arange(12).reshape(4, 3))
        assert found["key"] == "ab"
        return
    assert str(path) in problem
