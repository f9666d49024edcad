"""Damaged MATLAB files of datasets, v5 and HDF5: what is there, or an error that names the file."""

import functools
import os
import tempfile
from pathlib import Path

import numpy as np
import scipy.io

from osnet_tf.data.attributes import read_pa100k
from osnet_tf.data.cuhk03 import read_cuhk03
from osnet_tf.data.grid import read_grid
from osnet_tf.errors import OSNetError
from tests.data.mats import VIEWS, touch, write_cuhk03_mat, write_grid_partitions, write_protocol
from tests.fuzz.weights import damaged

SMALL = 40

_PROTOCOL = "cuhk03_new_protocol_config_detected.mat"
_ANY = dict.fromkeys(("train", "query", "gallery"), (None, None, None))
_ODD = (
    *(-1, 0, 1.5, float("nan"), 1e300, True, "", "text", [], [[1, 2], [3, 4]], 1j),
    *(
        {"a": 1},
        np.array([b"x"]),
        np.full((2, 2), "x", object),
        np.zeros((0, 3)),
        np.zeros((2, 3, 4)),
    ),
)


def trial(rng, folder):
    kind = ("protocol", "protocol", "extraction", "classic", "grid", "attributes")[rng.integers(6)]
    try:
        dataset = globals()[f"_{kind}"](rng, folder)
    except OSNetError as error:
        if str(folder) not in str(error):
            raise AssertionError("the error does not name the file") from error
        left = [path for path in folder.rglob("*") if path.name.startswith((".new-", "images_d"))]
        assert not (left and kind == "extraction"), left
    else:
        if kind == "attributes":
            values = [s.attributes for part in (dataset.train, dataset.test) for s in part]
            assert all(len(v) == len(dataset.attributes) and set(v) <= {0, 1} for v in values)
            return
        for path, pid, camid in (*dataset.train, *dataset.query, *dataset.gallery):
            assert os.path.isfile(path)
            assert type(pid) is type(camid) is int
            assert pid >= 0
            assert camid >= 0


def _protocol(rng, folder):
    touch(folder, *(f"images_detected/{p}_{v}_{i:02d}.png" for p in _PEOPLE for v, i in VIEWS))
    if rng.random() < 0.5:
        changes = {_of(rng, _VARIABLES): _ODD[rng.integers(len(_ODD))]}
        write_protocol(folder / _PROTOCOL, **changes)
    else:
        _damage(rng, folder / _PROTOCOL, write_protocol)
    return read_cuhk03(folder, expected_counts=_ANY)


def _extraction(rng, folder):
    _damage(rng, folder / "cuhk-03.mat", write_cuhk03_mat)
    write_protocol(folder / _PROTOCOL)
    return read_cuhk03(folder, expected_counts=_ANY)


def _classic(rng, folder):
    touch(folder, *(f"images_detected/{p}_{v}_{i:02d}.png" for p in _PEOPLE for v, i in VIEWS))
    _damage(rng, folder / "cuhk-03.mat", write_cuhk03_mat)
    return read_cuhk03(folder, variant="detected-3", expected_counts=_ANY)


def _grid(rng, folder):
    touch(folder, *(f"{f}/{n:04d}_{n}_1.jpeg" for f in ("probe", "gallery") for n in range(1, 11)))
    _damage(rng, folder / "features_and_partitions.mat", _write_partitions)
    return read_grid(folder, variant=str(rng.integers(10)), expected_counts=_ANY)


def _attributes(rng, folder):
    touch(folder, *(f"data/{split}.jpg" for split in ("train", "val", "test")))
    path = folder / "annotation" / "annotation.mat"
    path.parent.mkdir()
    if rng.random() < 0.5:
        _write_annotation(path, **{_of(rng, _ANNOTATION): _ODD[rng.integers(len(_ODD))]})
    else:
        _damage(rng, path, _write_annotation)
    return read_pa100k(folder)


_PEOPLE = ("1_001", "1_002", "5_001")
_VARIABLES = ("filelist", "labels", "camId", "train_idx", "query_idx", "gallery_idx")
_ANNOTATION = ("attributes", "train_images_name", "train_label", "val_label", "test_label")


def _of(rng, names):
    return str(rng.choice(names))


def _write_partitions(path):
    write_grid_partitions(path, list(range(1, 11)))


def _write_annotation(path, **changes):
    record = {"attributes": np.array(["hat", "bag"], object)[:, None]}
    for split in ("train", "val", "test"):
        record[f"{split}_images_name"] = np.array([f"{split}.jpg"], object)[:, None]
        record[f"{split}_label"] = np.array([[1, 0]])
    scipy.io.savemat(path, {**record, **changes})


def _damage(rng, path, write):
    """A good file with bytes changed, half of the time most of them where the structure is."""
    data = _good(write)
    if rng.random() < 0.5:
        data = damaged(rng, data)
    else:
        data = bytearray(data)
        for _ in range(rng.integers(1, 8)):
            data[rng.integers(min(len(data), int(rng.choice([512, 4096, 10**9]))))] = rng.integers(
                256
            )
    path.write_bytes(data)


@functools.cache
def _good(write):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "good.mat")
        write(path)
        return path.read_bytes()
