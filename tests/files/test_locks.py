"""One process at a time; a crash releases what it held."""

import os
import subprocess
import sys

import pytest

from osnet_tf.errors import InUseError, WriteError
from osnet_tf.files import locked

HOLD = """
import sys
from osnet_tf.files import locked
with locked(sys.argv[1], "training"):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_the_loser_is_told_who_holds_it_and_a_crash_releases_it(tmp_path):
    with hold(tmp_path) as process:
        message = rf"is in use: training, process {process.pid}, host .*, since \d{{4}}-"
        with pytest.raises(InUseError, match=message), locked(tmp_path, "resuming"):
            pass
        process.kill()
    with locked(tmp_path, "resuming"):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", ".lock.json"]


def test_blocks_of_one_process_exclude_each_other_too(tmp_path):
    message = f"process {os.getpid()}"
    with (
        locked(tmp_path, "exporting"),
        pytest.raises(InUseError, match=message),
        locked(tmp_path, "exporting"),
    ):
        pass
    with locked(tmp_path, "exporting"):
        pass


def test_a_folder_that_cannot_be_locked_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="file cannot be written"), locked(tmp_path / "file", "x"):
        pass
