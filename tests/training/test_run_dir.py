import json

import pytest

from osnet_tf.training import RunDir, RunDirError, TrainingConfig


def test_the_record_of_a_run(tmp_path):
    run = RunDir(tmp_path / "a" / "b")
    config = TrainingConfig(epochs=2)
    run.create(config)
    record = json.loads(run.config_json.read_text())
    assert set(record) == {"config", "versions", "commit", "command", "date"}
    assert {"tensorflow", "keras", "python", "osnet_tf"} <= set(record["versions"])
    assert run.read_config() == config


def test_a_run_is_never_overwritten(tmp_path):
    RunDir(tmp_path).create(TrainingConfig())
    with pytest.raises(RunDirError, match="holds a run already"):
        RunDir(tmp_path).create(TrainingConfig())


def test_no_run_and_a_damaged_one(tmp_path):
    with pytest.raises(RunDirError, match=r"holds no run: there is no config\.json"):
        RunDir(tmp_path).read_config()
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RunDirError, match=r"config\.json is damaged"):
        RunDir(tmp_path).read_config()
