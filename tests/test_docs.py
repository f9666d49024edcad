"""The docstrings' examples and the README's commands and code, executed."""

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import osnet_tf

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
#: What makes a README command short enough for a test.
SHORTER = {
    "train/fit.py": ["--epochs=1"],
    "train/sweep.py": ["--epochs=1", "--evaluate_every=1", "--trials=1", "--streams=1"],
}


def library_modules():
    return sorted(m.name for m in pkgutil.walk_packages(osnet_tf.__path__, "osnet_tf."))


@pytest.mark.parametrize("name", library_modules())
def test_docstring_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(module, optionflags=flags).failed == 0


def blocks(language, page=README):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


def commands(page=README):
    """A page's lines that start a command of this project."""
    text = "\n".join(blocks("bash", page)).replace("\\\n", " ")
    return [
        shlex.split(line, comments=True) for line in text.splitlines() if "python train/" in line
    ]


def takes_long(command):
    """Market-1501 takes hours and is not there; counting every ablation takes minutes; a server
    goes on until it is stopped."""
    return any(part in word for word in command for part in ("market", "benchmark", "web_demo"))


def run(arguments, folder):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_readme_does_what_it_says(tmp_path):
    """Every demo command in its order, each started as a user would; then the Python code."""
    (tmp_path / "train").symlink_to(ROOT / "train")
    demo = [c[1:] for c in commands() if not takes_long(c)]
    assert any("train/fit.py" in c for c in demo)
    for command in demo:
        run([*command, *SHORTER.get(command[0], [])], tmp_path)
    for number, code in enumerate(blocks("python")):
        script = tmp_path / f"readme{number}.py"
        script.write_text(code)
        run([str(script)], tmp_path)


def test_the_python_of_the_pages_runs(tmp_path):
    for page in DOCS:
        for number, code in enumerate(blocks("python", page)):
            script = tmp_path / f"{page.stem}{number}.py"
            script.write_text(code)
            run([str(script)], tmp_path)


@pytest.mark.parametrize("page", [README, *DOCS], ids=lambda page: page.name)
def test_long_commands_have_valid_flags(page, tmp_path):
    """absl checks the flags and stops."""
    for command in commands(page):
        if page is not README or takes_long(command):
            run([ROOT / command[1], *command[2:], "--only_check_args"], tmp_path)


@pytest.mark.parametrize("page", [README, *DOCS], ids=lambda page: page.name)
def test_a_page_names_what_there_is(page):
    text = page.read_text()
    for path in re.findall(r"`((?:osnet_tf|train|tests|saved_models|docs)/[\w/.]*)`", text):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\(((?!https?:)[^)#]+)\)", text):
        assert (page.parent / path).exists(), path
