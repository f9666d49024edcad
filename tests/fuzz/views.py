"""Damaged tables of cameras, times and tracklets: read, or a FileError that names the file."""

import numpy as np

from osnet_tf.errors import FileError
from osnet_tf.identities.views import read_views

SMALL = 60

GOOD = b"path,camid,time,tracklet\na.jpg,door,7.5,x\nb.jpg,yard,,y\n"


def trial(rng, folder):
    data = bytearray(GOOD)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(len(data)))
        data[place : place + int(rng.integers(2))] = rng.bytes(1)
    path = folder / "views.csv"
    path.write_bytes(data)
    try:
        found = read_views(path, ["a.jpg", "b.jpg"])
    except FileError as error:
        problem = str(error)
    else:
        problem = None
    if problem is not None:
        assert str(path) in problem
        return
    known = [column for column in found if column is not None]
    assert known
    assert all(column.shape == (2,) for column in known)
    assert found.times is None or found.times.dtype == np.float64
