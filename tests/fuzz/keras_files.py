"""Damaged `.keras` and `.weights.h5` files: an error that names the file, or a model of numbers."""

import copy
import functools
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from osnet_tf import OSNet
from osnet_tf.errors import OSNetError
from osnet_tf.weights import load_embedder, load_weights
from tests.fuzz.weights import damaged

SMALL = 8

_VALUES = (None, True, -1, 0, 1, 2, 17, 2**31, 10**12, 0.5, 1e308, "", "x", "relu", [], {}, [None])


def trial(rng, folder):
    parts = dict(_parts())
    kind = rng.integers(5)
    path = folder / ("x.weights.h5" if kind == 4 else "x.keras")
    if kind == 4:
        path.write_bytes(_h5(rng, parts["model.weights.h5"]))
    elif kind == 0:
        _write(path, parts)
        path.write_bytes(damaged(rng, path.read_bytes()))
    else:
        if kind == 1:
            parts["model.weights.h5"] = _h5(rng, parts["model.weights.h5"])
        elif kind == 2:
            parts["config.json"] = _config(rng, parts["config.json"])
        else:
            name = list(parts)[rng.integers(len(parts))]
            parts[name] = damaged(rng, parts[name])
        _write(path, parts)
    try:
        model = load_embedder(path) if kind != 4 else _into(path)
    except OSNetError as error:
        if str(path) not in str(error):
            raise AssertionError("the error does not name the file") from error
    else:
        weights = model.get_weights()
        assert all(np.isfinite(values).all() for values in weights)
        assert sum(values.nbytes for values in weights) <= path.stat().st_size


def _into(path):
    load_weights(_model(), path)
    return _model()


@functools.cache
def _model():
    return OSNet("osnet_x0_25", input_shape=(16, 16, 3), streams=1, feature_dim=8)


@functools.cache
def _parts():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        _model().save(path)
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


def _write(path, parts):
    """With right checksums, so that the damage reaches what reads the parts."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def _config(rng, text):
    """Some values anywhere in the configuration changed, left out or put elsewhere."""
    config = json.loads(text)
    for _ in range(rng.integers(1, 4)):
        place = config
        while True:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            if not keys:
                break
            key = keys[rng.integers(len(keys))]
            inner = place[key]
            if isinstance(inner, dict | list) and inner and rng.random() < 0.9:
                place = inner
                continue
            if rng.random() < 0.2:
                del place[key]
            else:
                place[key] = copy.deepcopy(_VALUES[rng.integers(len(_VALUES))])
            break
    return json.dumps(config).encode()


def _h5(rng, data):
    """Single bytes, most of them where the structure is and not the numbers."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 8)):
        end = len(data) if rng.random() < 0.3 else 4096
        data[rng.integers(end)] = rng.integers(256)
    return bytes(data)
