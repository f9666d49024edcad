"""Damaged JSON files: what stands in them, or an error that names the file."""

import json

from osnet_tf.errors import OSNetError
from osnet_tf.metrics import Calibration, read_calibrations, write_calibrations
from osnet_tf.runs import RunDir

SMALL = 60

CALIBRATIONS = [
    Calibration("cosine", 0.25, 1e-3, 0.75, 10, 2000, "demo", "f00d"),
    Calibration("euclidean", 9.5, 1e-2, 0.5, 10, 2000, "mine", "f00d"),
]
RECORDS = {
    "a.calibration.json": {"calibrations": [one.to_dict() for one in CALIBRATIONS]},
    "config.json": {"config": {"dataset": "demo", "epochs": 3}, "versions": {"python": "3"}},
}
ODD = (None, True, -1, 0, 1e308, 10**400, "", "x" * 3000, "\ud800", [], {}, [[]], "NaN", {"a": 1})


def trial(rng, folder):
    name = rng.choice(list(RECORDS))
    text = json.dumps(mutated(rng, RECORDS[name]))
    data = bytearray(text.encode())
    kind = rng.integers(5)
    if kind == 0:
        data = data[: rng.integers(len(data))]
    elif kind == 1:
        for _ in range(rng.integers(1, 5)):
            data[rng.integers(len(data))] = rng.integers(256)
    elif kind == 2:
        at = rng.integers(len(data))
        data[at:at] = rng.choice([b"[", b'{"a":', b"9"]) * int(rng.choice([1, 50, 100_000]))
    path = folder / str(name)
    path.write_bytes(data)
    try:
        if path.name == "config.json":
            assert isinstance(RunDir(folder).read_settings(), dict)
            return
        found = read_calibrations(path)
    except OSNetError as error:
        problem = str(error)
    else:
        assert all(isinstance(one, Calibration) for one in found)
        for one in found:  # each can be used, and written again
            one.same_person(0.5)
        write_calibrations(path, CALIBRATIONS)
        assert read_calibrations(path)[-2:] == CALIBRATIONS
        return
    assert str(path) in problem
    assert path.read_bytes() == data


def mutated(rng, value):
    """A copy in which some values, and names of fields, are others."""
    if rng.random() < 0.04:
        return ODD[rng.integers(len(ODD))]
    if isinstance(value, dict):
        copy = {key: mutated(rng, one) for key, one in value.items()}
        if rng.random() < 0.05:
            copy.pop(str(rng.choice(list(copy))))
        if rng.random() < 0.05:
            copy["more"] = 1
        return copy
    if isinstance(value, list):
        return [mutated(rng, one) for one in value]
    return value
