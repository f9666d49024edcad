"""The docstrings' examples and the README's commands and code, executed."""

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

import osnet_tf
from tests.pages import DOCS, PAGES, README, ROOT, TUTORIALS, blocks, commands, commands_of

#: What makes a command of a page short enough for a test.
SHORTER = {
    "train/fit.py": ["--epochs=1"],
    "train/export.py": ["--latency_rounds=0"],  # a process for each; `--export` measures them
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


def python_of(page):
    return [text for language, text in blocks(page) if language == "python"]


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
        timeout=3600,
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory):
    """The folder of somebody who has started the README's main job, and goes on reading."""
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / "train").symlink_to(ROOT / "train")
    main_job = commands()[0]
    assert main_job == [
        "python",
        "train/fit.py",
        "--recipe=demo",
        "--run_dir=runs/demo",
        "--export",
    ]
    start(main_job, folder)
    return folder


def start(command, folder):
    run([*command[1:], *SHORTER.get(command[1], [])], folder)


def follow(page, folder, done=()):
    """Does what a page says from its top to its end, but for commands that are done already."""
    for number, (language, block) in enumerate(blocks(page)):
        if language == "python":
            script = folder / f"{page.stem}{number}.py"
            script.write_text(block)
            run([script.name], folder)
        for command in commands_of(block) if language == "bash" else ():
            if command not in done and not takes_long(command):
                start(command, folder)


def test_the_readme_does_what_it_says(newcomer):
    follow(README, newcomer, done=commands()[:1])


def test_the_tutorials_do_what_they_say(newcomer):
    assert {page.name for page in TUTORIALS} == {
        page.name for page in (ROOT / "docs" / "tutorials").glob("*.md")
    }
    for page in TUTORIALS:
        follow(page, newcomer, done=commands())  # the README's are run there


RUN_ALL = """
import runpy, sys
for page in sys.argv[1:]:
    try:
        runpy.run_path(page)
    except BaseException as error:
        error.add_note(page)
        raise
"""


def test_the_python_of_the_pages_runs(newcomer):
    """In one process: most of their time is TensorFlow's start."""
    scripts = []
    for page in [*DOCS, ROOT / "CONTRIBUTING.md"]:
        if page not in TUTORIALS:
            for number, code in enumerate(python_of(page)):
                script = newcomer / f"{page.parent.name}_{page.stem}{number}.py"
                script.write_text(code)
                scripts.append(script.name)
    assert scripts
    run(["-c", RUN_ALL, *scripts], newcomer)


@pytest.mark.parametrize("page", [README, *DOCS], ids=lambda page: page.name)
def test_long_commands_have_valid_flags(page, tmp_path):
    """absl checks the flags and stops."""
    for command in commands(page):
        if page is not README or takes_long(command):
            run([ROOT / command[1], *command[2:], "--only_check_args"], tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_what_there_is(page):
    text = page.read_text()
    for path in re.findall(r"`((?:osnet_tf|train|tests|saved_models|docs)/[\w/.]*)`", text):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\(((?!https?:)[^)#]+)\)", text):
        assert (page.parent / path).exists(), path


def test_the_site_has_every_page():
    nav = (ROOT / "zensical.toml").read_text()
    for page in DOCS:
        assert f'"{page.relative_to(ROOT / "docs").as_posix()}"' in nav, page
    for name in [None, *osnet_tf._MODULES]:
        page = ROOT / "docs" / "reference" / f"{name or 'osnet_tf'}.md"
        assert f"::: osnet_tf{'.' + name if name else ''}\n" in page.read_text(), page
    overview = (ROOT / "docs" / "reference" / "commands.md").read_text()
    for door in (ROOT / "train").glob("*.py"):
        assert f"| `{door.stem}` |" in overview, door


def test_the_library_points_to_pages_that_exist():
    """In small letters: recipes cite the public code's docs/MODEL_ZOO.md."""
    for path in sorted((ROOT / "osnet_tf").rglob("*.py")):
        for page in re.findall(r"docs/[a-z_/]+\.md", path.read_text()):
            assert (ROOT / page).exists(), f"{path}: {page}"


def test_the_site_builds(tmp_path):
    """Every link and every name in the reference is found: warnings are errors."""
    zensical = Path(sys.executable).with_name("zensical")
    if not zensical.exists():
        pytest.skip("the site's builder is not installed (requirements-test.txt)")
    copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "osnet_tf").symlink_to(ROOT / "osnet_tf")
    (tmp_path / "zensical.toml").write_text((ROOT / "zensical.toml").read_text())
    done = subprocess.run(
        [zensical, "build", "--strict"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "site" / "reference" / "evaluation" / "index.html").read_text()
    assert 'id="osnet_tf.evaluation.evaluate"' in page  # a name that is loaded when it is used
    entry = '<span title="osnet_tf.evaluation.Evaluation.num_gallery">num_gallery</span>'
    assert entry in page  # its docstring tells of several attributes in one line
    page = (tmp_path / "site" / "reference" / "losses" / "index.html").read_text()
    assert "&gt;= 0, in units of the distance" in page
    assert "https://fonts" not in page
