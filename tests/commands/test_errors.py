"""Which errors are the user's is decided by what they are, not by where they were raised."""

import sys
import types

import pytest
from absl import app, flags

from osnet_tf.commands import command_line
from osnet_tf.config import ConfigError
from osnet_tf.errors import ArgumentError, FileError


def run(monkeypatch, error):
    """The exit code of a command whose `main` raises `error`."""

    def main(_):
        raise error

    def start(guarded):
        guarded(["command"])

    monkeypatch.setattr(app, "run", start)
    monkeypatch.setattr(flags, "FLAGS", flags.FlagValues())
    monkeypatch.setattr(sys, "argv", ["fit.py"])
    monkeypatch.setattr(sys.modules["__main__"], "__doc__", None)
    command = types.SimpleNamespace(main=main, __doc__="A command.")
    command.define_flags = lambda: flags.DEFINE_integer(
        "epochs", 1, "Epochs.", flag_values=flags.FLAGS
    )
    with pytest.raises(SystemExit) as ended:
        command_line.run(command)
    return ended.value.code


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FileError("a.pth", "is damaged"), "error: a.pth is damaged"),
        (FileNotFoundError(2, "No such file", "/nope.pth"), "error: /nope.pth: No such file"),
        (ConfigError("epochs", "must be >= 1", 0), "error: flag --epochs: `epochs` must be >= 1."),
        (ArgumentError("bad", argument="epochs"), "error: flag --epochs: bad"),
        (ArgumentError("bad", argument="pids"), "error: bad"),
        (FileError("a\x1b[2J.jpg", "is empty"), r"error: a\x1b[2J.jpg is empty"),
    ],
)
def test_what_a_user_can_mend_takes_two_lines(monkeypatch, capsys, error, line):
    assert run(monkeypatch, error) == 2
    first, second = capsys.readouterr().err.strip().splitlines()
    assert first.startswith(line)
    assert second == "see: python fit.py --help"


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch):
    for error in (ValueError("operands could not be broadcast"), OSError(5, "I/O error")):
        with pytest.raises(type(error)):
            run(monkeypatch, error)
