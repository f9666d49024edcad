"""A file is there as a whole or not at all, and nothing lies beside it afterwards."""

import errno
import os
import subprocess
import sys

import pytest

from osnet_tf.errors import WriteError
from osnet_tf.files import whole_file, whole_folder


def names(folder):
    return [path.name for path in folder.iterdir()]


def write_half(path):
    with whole_file(path) as new:
        new.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file.csv"
    path.write_text("old")
    with whole_file(path) as new:
        new.write_text("new")
        assert path.read_text() == "old"
        assert new.suffix == ".csv"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["file.csv"]


@pytest.mark.parametrize("old", ["old", None])
def test_an_error_leaves_what_was_there(tmp_path, old):
    path = tmp_path / "file.csv"
    if old:
        path.write_text(old)
    with pytest.raises(WriteError, match=r"file\.csv cannot be written: No space left"):
        write_half(str(path))
    assert names(tmp_path) == (["file.csv"] if old else [])
    assert not old or path.read_text() == old


def test_a_block_that_writes_nothing_says_which_file(tmp_path):
    with pytest.raises(WriteError, match=r"file\.csv cannot be"), whole_file(tmp_path / "file.csv"):
        pass
    assert names(tmp_path) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_half(tmp_path / "nowhere" / "file.csv")


def test_two_writers_do_not_meet(tmp_path):
    path = tmp_path / "file.csv"
    with whole_file(path) as first, whole_file(path) as second:
        first.write_text("first")
        second.write_text("second")
        assert first != second
    assert path.read_text() == "first"  # the last to end
    assert names(tmp_path) == ["file.csv"]


def test_what_a_killed_writer_left_goes_with_the_next_and_nothing_else(tmp_path):
    path = tmp_path / "file.csv"
    code = (
        "import os, sys\nfrom osnet_tf.files import whole_file\n"
        "with whole_file(sys.argv[1]) as new:\n    new.write_text('half')\n    os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], timeout=60)
    (left,) = names(tmp_path)
    assert left.endswith("file.csv")
    mine = tmp_path / left.replace("file.csv", "other.csv")
    mine.write_text("of another file")
    alive = tmp_path / left.replace(left.split("-")[2], str(os.getpid()))
    alive.write_text("of a process that still writes")
    with whole_file(path) as new:
        new.write_text("whole")
    assert sorted(names(tmp_path)) == sorted(["file.csv", mine.name, alive.name])


def test_an_error_about_something_else_keeps_its_words(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"other\.txt"), whole_file(tmp_path / "file.csv"):
        (tmp_path / "other.txt").read_text()


def test_the_longest_of_names(tmp_path):
    path = tmp_path / ("x" * 251 + ".csv")
    with whole_file(path) as new:
        new.write_text("whole")
    assert path.read_text() == "whole"


def test_a_folder_is_whole_or_not_there(tmp_path):
    path = tmp_path / "images"

    def fill(name, error=None):
        with whole_folder(path) as new:
            (new / name).touch()
            if error:
                raise error

    with pytest.raises(WriteError, match="images cannot be written: full"):
        fill("a", OSError("full"))
    assert names(tmp_path) == []
    fill("a")
    with pytest.raises(WriteError, match="lies there already"):
        fill("b")
    assert (names(tmp_path), names(path)) == (["images"], ["a"])
