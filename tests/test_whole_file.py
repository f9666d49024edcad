"""A file is there as a whole or not at all, and nothing lies beside it afterwards."""

import errno

import pytest

from osnet_tf.whole_file import whole_file


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
    with pytest.raises(OSError, match="No space left"):
        write_half(str(path))
    assert names(tmp_path) == (["file.csv"] if old else [])
    assert not old or path.read_text() == old


def test_a_block_that_writes_nothing_says_which_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"file\.csv"), whole_file(tmp_path / "file.csv"):
        pass
    assert names(tmp_path) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_half(tmp_path / "nowhere" / "file.csv")
