import json

import pytest

from osnet_tf.errors import ArgumentError, FileError, NotFoundError, WriteError
from osnet_tf.runs import RunDir, RunDirError, make_folder, source_of

SETTINGS = {"epochs": 2, "dataset": "demo", "data_dir": "/data"}


def test_the_record_of_a_run(tmp_path):
    run = RunDir(tmp_path / "a" / "b")
    run.create(SETTINGS)
    record = json.loads(run.config_json.read_text())
    assert set(record) == {"config", "versions", "commit", "command", "date"}
    assert {"tensorflow", "keras", "python", "osnet_tf"} <= set(record["versions"])
    assert run.read_settings() == SETTINGS


def test_a_run_is_never_overwritten(tmp_path):
    RunDir(tmp_path).create({})
    with pytest.raises(RunDirError, match="holds a run already"):
        RunDir(tmp_path).create({})


def test_no_run_is_told(tmp_path):
    with pytest.raises(RunDirError, match=r"holds no run: there is no config\.json"):
        RunDir(tmp_path).read_settings()


@pytest.mark.parametrize("text", ["{", "null", "[]", "{}", '{"config": null}', '{"config": []}'])
def test_a_damaged_record_is_named(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(FileError, match=r"config\.json (is no JSON|must hold|is damaged)"):
        RunDir(tmp_path).read_settings()


@pytest.mark.parametrize("place", ["file", "file/below", "/dev/null", "/proc/run"])
def test_a_place_that_no_run_can_have_is_named(tmp_path, place):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(WriteError, match=f"{place} cannot be written"):
        RunDir(tmp_path / place).create({})
    assert (tmp_path / "file").read_text() == "precious"


def test_making_a_folder_leaves_nothing_in_it(tmp_path):
    make_folder(tmp_path / "a")
    make_folder(tmp_path / "a")
    assert list((tmp_path / "a").iterdir()) == []


def test_where_a_model_and_its_datasets_are(tmp_path):
    run = RunDir(tmp_path)
    run.create(SETTINGS)
    with pytest.raises(NotFoundError, match="go on with --resume"):
        source_of(run_dir=tmp_path)
    run.embedder.touch()
    assert source_of(run_dir=tmp_path) == (run.embedder, ("demo",), "/data", 0.5, 0)
    other = source_of(run_dir=tmp_path, datasets=["market1501"], data_dir="x")
    assert (other.datasets, other.data_dir) == (("market1501",), "x")
    model = source_of(model=run.embedder, default_dataset="demo")
    assert model == (run.embedder, ("demo",), "data", 0.5, 0)
    for arguments in ({}, {"run_dir": tmp_path, "model": run.embedder}):
        with pytest.raises(ArgumentError, match="Give either run_dir or model"):
            source_of(**arguments)
    for wrong, message in [
        ({"dataset": 3}, "a text as `dataset`"),
        ({"dataset": "demo", "data_dir": "d", "seed": None}, "a number as `seed`"),
        ({"dataset": "demo", "data_dir": "d", "split_identities": "x"}, "as `split_identities`"),
    ]:
        (tmp_path / "config.json").write_text(json.dumps({"config": wrong}))
        with pytest.raises(FileError, match=rf"config\.json must hold .*{message}"):
            source_of(run_dir=tmp_path)
