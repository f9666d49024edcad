"""Nothing is replaced or removed but what an export wrote; the folder changes at once or not."""

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from osnet_tf.errors import InUseError, OSNetError, WriteError
from osnet_tf.export import ExportFolderError, changed_files, folder, read_manifest
from osnet_tf.export.folder import export_folder, own_names
from osnet_tf.files import locked
from tests.export.handmade import tree, write_export

OLD = {"1/saved_model.pb": b"old graph", "1/variables/v": b"old", "model.tflite": b"old weights"}
NEW = {"1/saved_model.pb": b"new graph", "model.onnx": b"new weights"}
NAMES = ["1", "model.onnx", "report.md", "model.json"]


def export(output_dir, contents=NEW):
    """An export as `export_model` does it, without a model."""
    with export_folder(output_dir, NAMES) as new:
        write_export(new, contents, reports={"report.md": b"new"})


@pytest.fixture
def old(tmp_path):
    """An export, a user's own things in its folder, and others beside it."""
    place = tmp_path / "models" / "mine"
    write_export(place, OLD, reports={"report.md": b"old", "report.html": b"old"})
    (place / "notes.txt").write_text("mine")
    (place / "data").mkdir()
    (place / "data" / "x").write_text("mine")
    (place / "empty").mkdir()
    (place / "link").symlink_to("notes.txt")
    (place / "away").symlink_to("/nowhere/at/all")
    (place.parent / "other.txt").write_text("mine")
    return place


MINE = {"notes.txt", "data", "data/x", "empty", "link", "away"}


def test_an_export_takes_the_place_of_another_and_leaves_what_is_a_users(old):
    before, inode = tree(old), (old / "notes.txt").stat().st_ino
    old.chmod(0o750)
    export(old)
    after = tree(old)
    assert set(after) == {*MINE, "1", "1/saved_model.pb", "model.onnx", "report.md", "model.json"}
    assert {name: after[name] for name in MINE} == {name: before[name] for name in MINE}
    assert after["1/saved_model.pb"] == b"new graph"
    assert (old / "notes.txt").stat().st_ino == inode  # the file itself, open in an editor or not
    assert stat.S_IMODE(old.stat().st_mode) == 0o750
    assert changed_files(old) == []
    assert sorted(p.name for p in old.parent.iterdir()) == ["mine", "other.txt"]


def test_a_new_folder_and_its_parents(tmp_path):
    export(tmp_path / "a" / "b" / "mine")
    assert set(tree(tmp_path / "a" / "b")) == {"mine", *(f"mine/{n}" for n in (*NAMES, *NEW))}


def refusal(output_dir, *, error=ExportFolderError):
    """What is said; and that nothing has changed."""
    before = tree(output_dir.parent)
    with pytest.raises(error) as caught:
        export(output_dir)
    assert tree(output_dir.parent) == before
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["..", ".", "/etc", "a/../..", "../other.txt", "a\x07b", "", "data/x"]
)
def test_names_that_lead_elsewhere_remove_nothing(old, name):
    record = json.loads((old / "model.json").read_text())
    record["files"][0]["path"] = name
    (old / "model.json").write_text(json.dumps(record))
    message = refusal(old)
    assert f"{old / 'model.json'} lists a file outside its folder as `files[0].path`" in message
    assert "would be lost: move it away" in message
    (old / "model.json").write_text(json.dumps({"format_version": 1, "files": [{"path": name}]}))
    assert f"{old / 'model.json'} has no `name`" in refusal(old)


@pytest.mark.parametrize("text", ["", "null", "[]", "[" * 100_000, '{"format_version": 7}', "\0"])
def test_a_damaged_manifest_lists_nothing_as_ours(old, text):
    (old / "model.json").write_text(text)
    assert f"is not an export's ({old / 'model.json'} " in refusal(old)


def test_a_folder_that_never_was_an_export_keeps_its_own(tmp_path):
    mine = tmp_path / "mine"
    (mine / "1").mkdir(parents=True)
    (mine / "1" / "thesis.tex").write_text("years of work")
    message = refusal(mine)
    assert f"{mine / '1'} is not an export's (There is no {mine / 'model.json'}" in message
    shutil.rmtree(mine / "1")
    (mine / "notes.txt").write_text("mine")
    export(mine)
    assert (mine / "notes.txt").read_text() == "mine"


def test_links_are_not_followed(old, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "saved_model.pb").write_bytes(b"old graph")
    shutil.rmtree(old / "1")
    (old / "1").symlink_to(tmp_path / "elsewhere")
    assert f"{old / '1'} is not what model.json lists there" in refusal(old)
    assert (tmp_path / "elsewhere" / "saved_model.pb").exists()
    (tmp_path / "whole").symlink_to(old)
    with pytest.raises(ExportFolderError, match=f"is a symbolic link: give the folder .*{old}"):
        export(tmp_path / "whole")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSNetError, match="loop"):
        export(tmp_path / "loop")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda place: (place / "1" / "variables" / "v").write_text("changed"), "1"),
        (lambda place: (place / "1" / "mine").write_text("mine"), "1"),
        (lambda place: (place / "1" / "more").symlink_to("/"), "1"),
        (lambda place: (place / "1" / "variables" / "v").unlink(), "1"),
        (lambda place: (place / "report.md").write_text("my own words"), "report.md"),
        (lambda place: (place / "model.onnx").write_text("somebody's"), "model.onnx"),
        (lambda place: (place / "model.onnx").mkdir(), "model.onnx"),
        (lambda place: os.mkfifo(place / "model.onnx"), "model.onnx"),
    ],
)
def test_what_a_user_has_changed_is_not_replaced(old, change, name):
    change(old)
    before = sorted(path.name for path in old.rglob("*"))
    with pytest.raises(ExportFolderError, match=rf"{name} is not what model\.json lists there"):
        export(old)
    assert sorted(path.name for path in old.rglob("*")) == before
    assert (old / "model.tflite").read_bytes() == b"old weights"


def test_what_a_user_has_changed_and_is_not_written_again_stays(old):
    (old / "model.tflite").write_bytes(b"changed")
    (old / "report.html").unlink()
    assert own_names(old) == {"1", "report.md", "model.json"}
    export(old)
    assert (old / "model.tflite").read_bytes() == b"changed"
    assert [file["path"] for file in read_manifest(old)["files"]] == ["1", "model.onnx"]


def test_what_comes_while_it_is_written_is_kept_or_refused(old):
    with export_folder(old, NAMES) as new:
        write_export(new, NEW)
        (old / "late.txt").write_text("late")
    assert (old / "late.txt").read_text() == "late"
    before = tree(old)

    def edited_meanwhile():
        with export_folder(old, NAMES) as new:
            write_export(new, OLD)
            (old / "report.md").write_text("mine, meanwhile")

    with pytest.raises(ExportFolderError, match=r"report\.md is not what"):
        edited_meanwhile()
    assert tree(old) == {**before, "report.md": b"mine, meanwhile"}


def test_after_an_error_the_old_export_is_there(old):
    before = tree(old.parent)
    for error in (RuntimeError("bug"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            fail_with(old, error)
        assert tree(old.parent) == before


def fail_with(output_dir, error):
    """An export that comes to an end when it has written half a file."""
    with export_folder(output_dir, NAMES) as new:
        (new / "model.onnx").write_text("half")
        raise error


def test_a_full_disk_is_told_and_the_old_export_is_there(old, monkeypatch):
    before = tree(old.parent)
    file = old.with_name(".export-mine") / "new" / "model.onnx"
    for error in (
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file)),
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        WriteError(file, os.strerror(errno.ENOSPC)),
    ):
        with pytest.raises(WriteError, match=f"^{old} cannot be written: No space left on device"):
            fail_with(old, error)
        assert tree(old.parent) == before

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folder.shutil, "copytree", full)
    with pytest.raises(WriteError, match=f"{old} cannot be written: No space left"):
        export(old)
    assert tree(old.parent) == before


def test_others_files_that_cannot_be_read_are_named_themselves(old):
    with pytest.raises(FileNotFoundError, match=r"image\.jpg"), export_folder(old, NAMES):
        open(old.parent / "image.jpg").close()


@pytest.mark.parametrize("place", ["file", "file/below", "/dev/null", "/dev/null/x", "/proc/mine"])
def test_a_place_that_no_export_can_have_is_named(tmp_path, place):
    (tmp_path / "file").write_text("precious")
    place = tmp_path / place
    with pytest.raises(WriteError, match=f"{place} cannot be written"):
        export(place)
    assert tree(tmp_path) == {"file": b"precious"}


def test_the_working_directory_is_not_taken_away(old, monkeypatch):
    for place in (old, old / "data"):
        monkeypatch.chdir(place)
        assert "the working directory is in it" in refusal(old)
    monkeypatch.chdir(old.parent)
    export(Path("mine"))
    assert changed_files(old) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(WriteError, match="mine cannot be written: Permission denied"):
        export(tmp_path / "locked" / "mine")


def test_a_read_only_file_system_is_named(old, monkeypatch):
    before = tree(old.parent)

    def refused(path, *_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(WriteError, match=f"{old} cannot be written: Read-only file system"):
        export(old)
    monkeypatch.undo()
    assert tree(old.parent) == before


def test_one_export_at_a_time(old):
    with export_folder(old, NAMES) as new:
        before = tree(old)
        with pytest.raises(InUseError) as caught:
            export(old)
        assert f"is in use: exporting {old}, process {os.getpid()}, host " in str(caught.value)
        assert tree(old) == before
        write_export(new, OLD)  # the first is not disturbed
    assert [file["path"] for file in read_manifest(old)["files"]] == ["1", "model.tflite"]
    export(old)
    assert changed_files(old) == []


KILLED = """
import os, sys
from pathlib import Path
from osnet_tf.export.folder import export_folder
with export_folder(sys.argv[1], ["model.json"]) as new:
    (new / "half").write_text("half")
    os.kill(os.getpid(), 9)
"""


def test_what_killed_exports_leave_is_removed_by_the_next(tmp_path):
    """Whatever its name was; but not what living ones are writing, nor anybody's own folders."""
    models = tmp_path / "models"
    for name in ("mine", "other"):
        done = subprocess.run([sys.executable, "-c", KILLED, models / name], check=False)
        assert done.returncode == -9
        assert [p.name for p in models.iterdir()] == [f".export-{name}"]  # the first one's is gone
        assert (models / f".export-{name}" / "new" / "half").exists()
    for name in ("new", "notes.txt"):  # a user's, as is a folder without our lock
        (models / ".export-theirs" / name).mkdir(parents=True)
    (models / ".export-new" / "new").mkdir(parents=True)
    (models / ".export-link").symlink_to(models / ".export-new")
    with export_folder(models / "living", ["model.json"]) as living:
        (living / "half").write_text("half")
        export(models / "mine")
        assert (living / "half").exists()
        assert sorted(p.name for p in models.iterdir()) == [
            ".export-link", ".export-living", ".export-new", ".export-theirs", "mine"
        ]  # fmt: skip
        write_export(living, NEW)
    assert set(os.listdir(models / "living")) == {"1", "half", "model.onnx", "model.json"}


def test_a_strangers_folder_of_our_name_is_left_alone(tmp_path):
    for make in (
        lambda place: place.write_text("mine"),
        lambda place: (place / "new").mkdir(parents=True),
        lambda place: place.symlink_to(tmp_path),
    ):
        make(tmp_path / ".export-mine")
        assert f"{tmp_path / '.export-mine'} is in the way" in refusal(tmp_path / "mine")
        if (tmp_path / ".export-mine").is_dir() and not (tmp_path / ".export-mine").is_symlink():
            shutil.rmtree(tmp_path / ".export-mine")
        else:
            (tmp_path / ".export-mine").unlink()


def test_without_the_exchange_in_one_step(old, monkeypatch):
    """As on systems other than Linux; and a kill between its two steps is mended."""
    monkeypatch.setattr(folder.ctypes, "CDLL", lambda _: object())
    export(old)
    assert (old / "1" / "saved_model.pb").read_bytes() == b"new graph"
    assert (old / "data" / "x").read_text() == "mine"
    before = tree(old)
    place = old.with_name(".export-mine")
    place.mkdir()
    with locked(place, "exporting"):
        pass
    os.rename(old, place / "old")
    (place / "new").mkdir()
    export(old.with_name("another"))
    assert tree(old) == before
    assert not place.exists()
