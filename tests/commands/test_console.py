"""The console command that pip installs finds every command."""

import importlib.metadata
import sys

import pytest

from osnet_tf.commands import command_line, console, evaluate
from osnet_tf.version import __version__


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["osnet-tf", *arguments])
    console.main()
    return capsys.readouterr().out


def test_the_list_has_a_line_for_each_door_in_train(monkeypatch, capsys, request):
    listed = run(monkeypatch, capsys)
    doors = {path.stem for path in (request.config.rootpath / "train").glob("*.py")}
    assert {line.split()[0] for line in listed.splitlines()[2:]} == doors
    assert run(monkeypatch, capsys, "--help") == listed
    assert "Trains OSNet" in listed


def test_the_version(monkeypatch, capsys):
    assert run(monkeypatch, capsys, "--version") == f"osnet_tf {__version__}\n"


def test_a_command_gets_its_flags(monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(command_line, "run", lambda command: seen.append((command, sys.argv)))
    run(monkeypatch, capsys, "evaluate", "--rerank")
    assert seen == [(evaluate, ["osnet-tf evaluate", "--rerank"])]


def test_a_typing_error_is_told(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, capsys, "evalute")
    assert ended.value.code == 2
    assert "There is no command 'evalute'. Did you mean 'evaluate'?" in capsys.readouterr().err


def test_pip_installs_it():
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="osnet-tf")
    assert entry.load() is console.main
