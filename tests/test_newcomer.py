"""The newcomer of `python -m tests.newcomer`, at a small project: what is run, alone, and told."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import newcomer
from tests.pages import README


@pytest.fixture
def somebody(tmp_path, monkeypatch):
    """A `Newcomer` to a project of one file, from a shell with variables of its own."""
    project, folder = tmp_path / "project", tmp_path / "new"
    for place in (project, folder):
        place.mkdir()
    (project / "server.py").write_text(
        "from http.server import HTTPServer, SimpleHTTPRequestHandler\n"
        "with HTTPServer(('127.0.0.1', 0), SimpleHTTPRequestHandler) as s:\n"
        "    print(f'Open http://127.0.0.1:{s.server_address[1]}/', flush=True)\n"
        "    s.serve_forever()\n"
    )
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", project]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(newcomer, "ROOT", project)
    monkeypatch.setenv("SECRET", "of the machine")
    monkeypatch.setenv("KEPT", "this")
    return newcomer.Newcomer(folder, str(Path(sys.executable).resolve().parent), ["KEPT"])


def test_what_is_told(somebody, capsys):
    somebody.does("echo ${SECRET:-nothing} but $KEPT at $HOME in $PWD")
    somebody.writes_and_runs("print(6 * 7)", "page_0.py")
    somebody.does("exit 3")
    said = (somebody.clone.parent / "said.txt").read_text()
    home = somebody.clone.parent / "home"
    assert f"nothing but this at {home} in {somebody.clone}\n" in said
    assert "$ python page_0.py\n42\n" in said
    assert somebody.failed == 1
    rows = capsys.readouterr().out.splitlines()
    assert rows[-1].startswith("| `exit 3` | FAILED |")
    assert re.fullmatch(r"\| `python page_0.py` \| \d+ \| \d+ \|", rows[-2])


def test_a_server_counts_until_it_answers(somebody, monkeypatch):
    monkeypatch.setattr(newcomer, "SERVERS", ("server.py",))
    somebody.does(
        "echo 100%\u2588\u2588\u2588\u2588\u2588\u2588"
    )  # a bar: more bytes than characters
    # As in the background of a shell: what it starts inherits that Ctrl-C is ignored
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        somebody.does("python server.py")
    finally:
        signal.signal(signal.SIGINT, before)
    assert somebody.failed == 0
    assert '"GET / HTTP/1.1" 200' in (somebody.clone.parent / "said.txt").read_text()
    somebody.does("echo there is no address # server.py")
    assert somebody.failed == 1


def test_beginning_again_leaves_nothing(somebody):
    (somebody.clone / "runs").mkdir()
    somebody.begins()
    assert [path.name for path in somebody.clone.iterdir() if path.name != ".git"] == ["server.py"]


def test_the_steps_of_a_page(somebody):
    steps = list(newcomer.steps(README))
    commands = [text for language, text in steps if language != "python"]
    assert commands[:2] == ["make demo", "make test"]
    assert "python train/fit.py --recipe=demo --run_dir=runs/demo --export" in commands
    assert any(language == "python" and "find_calibration" in text for language, text in steps)
    for command, why in (
        ("make test", "the tests"),
        ("python train/data.py --data_dir=mine", "own_data"),
        ("python train/fit.py --dataset=market1501", "Market-1501"),
    ):
        assert why in newcomer.reason_against(command, somebody, tests=False)
    assert newcomer.reason_against("make test", somebody, tests=True) is None
    (somebody.clone / "mine").mkdir()
    assert newcomer.reason_against("python train/data.py --data_dir=mine", somebody, False) is None
