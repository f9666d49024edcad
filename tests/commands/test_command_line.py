"""What a user sees who mistypes something."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from osnet_tf.report import recipe_page
from osnet_tf.runs import RunDir
from osnet_tf.training import RECIPES, TrainingConfig

ROOT = Path(__file__).resolve().parents[2]


def run(folder, command, *arguments):
    done = subprocess.run(
        [sys.executable, ROOT / "train" / command, *arguments],
        cwd=folder,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epoch=3"], "Did you mean: epochs"),
        (["--epochs=three"], "flag --epochs=three"),
        (["--epochs=0"], "error: flag --epochs: `epochs` must be >= 1. Received: epochs=0"),
        (["--step_epochs=1,x"], "flag --step_epochs=1,x"),
        (["--recipe=dmo"], "Did you mean 'demo'?"),
        (["--help_recipe=dmo"], "Did you mean 'demo'?"),
        (["--resume"], "flag --run_dir: `run_dir` must be given with --resume"),
        (["stray"], "Unexpected argument: stray"),
    ],
)
def test_fit_with_a_typing_error(tmp_path, arguments, message):
    code, errors = run(tmp_path, "fit.py", *arguments)
    assert code != 0
    assert message in errors
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_is_told_about(tmp_path):
    command = [sys.executable, ROOT / "train" / "fit.py", "--help_recipe=scratch"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == recipe_page("scratch", RECIPES["scratch"]) + "\n"
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_two_lines(tmp_path):
    code, errors = run(tmp_path, "fit.py", "--learning_rate=-1")
    assert code == 2
    first, second = errors.strip().splitlines()
    assert first == (
        "error: flag --learning_rate: `learning_rate` must be > 0. Received: learning_rate=-1.0"
    )
    assert second.endswith("fit.py --help")


def test_missing_data_and_an_unknown_preset_leave_no_run_behind(tmp_path):
    code, errors = run(tmp_path, "fit.py", "--dataset=market1501", "--data_dir=nowhere")
    assert code == 2
    assert "nowhere" in errors
    assert not (tmp_path / "runs").exists()


def test_resume_with_another_setting_is_refused(tmp_path):
    RunDir(tmp_path / "run").create(TrainingConfig(epochs=2).to_dict())
    code, errors = run(tmp_path, "fit.py", "--run_dir=run", "--resume", "--epochs=3")
    assert code == 2
    assert "`epochs` is 2 in the run to resume, run. Received: epochs=3" in errors


def test_a_recipe_is_a_setting_of_the_run_to_resume_too(tmp_path):
    RunDir(tmp_path / "run").create(TrainingConfig(epochs=2).to_dict())
    code, errors = run(tmp_path, "fit.py", "--run_dir=run", "--resume", "--recipe=cpu")
    assert code == 2
    assert "`preset` is 'osnet_x1_0' in the run to resume, run (and other height, " in errors


def test_the_help_has_the_settings_in_groups(tmp_path):
    text = help_of("fit.py", tmp_path)
    before, after = text.split("\noptimizer (How the weights move, and for how long):")
    assert "\nmodel (The embedder):" in before
    assert "\n  --preset=osnet_x1_0      Architecture. One of osnet_x1_0" in before
    assert "\n  --epochs=150             Passes over the training set.\n" in after
    for name in TrainingConfig.settings():
        assert len(re.findall(rf"^  --(\[no\])?{name}[= \n]", text, re.M)) == 1, name


def help_of(command, folder):
    """What --help prints. TensorFlow and Keras are not loaded for it."""
    code = f"""
import runpy, sys
sys.argv = [{str(ROOT / "train" / command)!r}, "--help"]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit:
    print(sorted({{"tensorflow", "keras", "matplotlib"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60
    )
    text, _, loaded = done.stdout.strip().rpartition("\n")
    assert loaded == "[]", done.stderr
    return text


@pytest.mark.parametrize("command", sorted(path.name for path in (ROOT / "train").glob("*.py")))
def test_the_help_is_a_page(tmp_path, command):
    text = help_of(command, tmp_path)
    assert all(len(line) <= 100 for line in text.partition("\nflags:")[2].splitlines())
    flags = re.findall(r"^  --(?:\[no\])?([\w]+)", text, re.M)
    assert len(flags) == len(set(flags)) >= 3
    assert "(a number)" not in text


@pytest.mark.parametrize("command", ["evaluate.py", "export.py"])
def test_commands_without_a_model(tmp_path, command):
    code, errors = run(tmp_path, command)
    assert code == 2
    assert "Give either run_dir or model" in errors
    code, errors = run(tmp_path, command, "--run_dir=nowhere")
    assert code == 2
    assert "nowhere holds no run" in errors
