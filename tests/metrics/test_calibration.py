import json

import pytest

from osnet_tf.errors import ArgumentError, FileError, NotFoundError
from osnet_tf.metrics import Calibration, calibration_path, read_calibrations, write_calibrations

GOOD = Calibration("cosine", 0.25, 1e-3, 0.75, 10, 2000, "demo", "f00d")


def test_they_lie_beside_the_model_and_others_stay(tmp_path):
    path = calibration_path(tmp_path / "embedder.keras")
    others = [
        Calibration("euclidean", 9.0, 1e-3, 0.5, 10, 2000, "demo", "f00d"),
        Calibration("cosine", 0.5, 1e-3, 0.5, 10, 2000, "market1501", "f00d"),
        Calibration("cosine", 0.75, 1e-3, 0.5, 10, 2000, "demo", "beef"),
    ]
    for one in (GOOD, *others):
        write_calibrations(path, [one])
    assert [file.name for file in tmp_path.iterdir()] == ["embedder.calibration.json"]
    assert read_calibrations(path) == [GOOD, *others]
    anew = Calibration("cosine", 0.125, 1e-2, 0.5, 10, 2000, "demo", "f00d")
    write_calibrations(path, [anew])
    assert read_calibrations(path) == [*others, anew]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"metric": "l2"}, "`metric` must be one of"),
        ({"threshold": float("nan")}, "`threshold` must be a finite number"),
        ({"threshold": "0.5"}, "`threshold` must be a finite number"),
        ({"threshold": 1e39}, "`threshold` must be >= -3.4.*e[+]38 and <= 3.4.*e[+]38"),
        ({"fpr": 1.5}, "`fpr` must be >= 0 and <= 1"),
        ({"tpr": None}, "`tpr` must be a finite number"),
        ({"num_same": 2.5}, "`num_same` must be an integer >= 0"),
        ({"num_different": -1}, "`num_different` must be an integer >= 0"),
        ({"dataset": ["demo"]}, "`dataset` must be text"),
        ({"fingerprint": 7}, "`fingerprint` must be text"),
    ],
)
def test_values_that_none_can_have(tmp_path, change, rule):
    fields = {**GOOD.to_dict(), **change}
    with pytest.raises(ArgumentError, match=rule):
        Calibration(**fields)
    path = tmp_path / "x.calibration.json"
    path.write_text(json.dumps({"calibrations": [GOOD.to_dict(), fields]}))
    with pytest.raises(FileError, match=rf"{path} holds no calibrations: {rule}"):
        read_calibrations(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is no JSON"),
        (b"[]", "must hold an object"),
        (b"7", "must hold an object"),
        (b"\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON: it is nested too deeply"),
        (b'{"calibrations": %s}' % (b"9" * 5000), "is no JSON"),
        (b'{"calibrations": 7}', 'holds no list of "calibrations"'),
        (b'{"calibrations": [7]}', "A calibration is an object"),
        (b'{"calibrations": [{"metric": "cosine"}]}', "Wrong: .*'threshold'"),
    ],
)
def test_a_file_of_anything_else_is_named_and_not_replaced(tmp_path, content, problem):
    path = tmp_path / "other.json"
    path.write_bytes(content)
    for touch in (lambda: read_calibrations(path), lambda: write_calibrations(path, [GOOD])):
        with pytest.raises(FileError, match=rf"other\.json .*{problem}"):
            touch()
    assert path.read_bytes() == content


def test_no_file():
    with pytest.raises(NotFoundError, match=r"no calibration none\.json: train/evaluate"):
        read_calibrations("none.json")
