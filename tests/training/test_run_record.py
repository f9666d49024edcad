import json

import pytest

from osnet_tf.config import ConfigError
from osnet_tf.errors import FileError, InUseError
from osnet_tf.runs import RunDir, RunDirError
from osnet_tf.training import TrainingConfig
from osnet_tf.training.run_record import check_same_settings, holding, read_config


@pytest.fixture
def run(tmp_path):
    found = RunDir(tmp_path / "run")
    found.create(TrainingConfig(epochs=4, step_epochs=(2,), data_dir=str(tmp_path)).to_dict())
    return found


def test_the_config_comes_back(run, tmp_path):
    assert read_config(run) == TrainingConfig(epochs=4, step_epochs=(2,), data_dir=str(tmp_path))
    with pytest.raises(RunDirError, match="none holds no run"):
        read_config(RunDir(tmp_path / "none"))


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"epochs": 2.5}, "is damaged: `epochs` must be an integer. Received: epochs=2.5"),
        ({"step_epochs": None}, "is damaged: `step_epochs` must be a list of integers"),
        ({"speed": 9}, "is damaged: `speed` is no setting"),
        ([], 'is damaged: it has no "config" with settings'),
    ],
)
def test_a_damaged_config_is_named(run, config, problem):
    run.config_json.write_text(json.dumps({"config": config}))
    with pytest.raises(FileError, match=f"{run.config_json} {problem}"):
        read_config(run)


def test_settings_that_are_the_runs_own(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_same_settings(run, {"epochs": 4, "step_epochs": (2,), "data_dir": "."})
    with pytest.raises(ConfigError, match=r"`epochs` is 4 in the run to resume, .* \(and other l2"):
        check_same_settings(run, {"epochs": 5, "flip": True, "l2": 0.0})


def test_a_held_folder(tmp_path):
    run = RunDir(tmp_path / "new" / "run")
    with holding(run), pytest.raises(InUseError, match="training"), holding(run):
        pass
    assert list(tmp_path.iterdir()) == []  # no run began in it
    with holding(run):
        (run.path / "mine.txt").write_text("kept")
    assert [path.name for path in run.path.iterdir()] == ["mine.txt"]
    with holding(run):
        run.create({})
    assert run.config_json.exists()
