"""The folder of an export: replaced as a whole, and nothing in it that is not ours is touched.

The new files are written into `.export-NAME` beside the folder, which is locked meanwhile. Others'
files are linked into there too, and then the two folders change places in one step. A reader sees
the old export or the new one, whole, at every moment. A killed process leaves `.export-NAME`; the
next export into the same parent folder removes it, whatever its own name.
"""

import contextlib
import ctypes
import os
import shutil
from pathlib import Path

from osnet_tf.errors import FileError, InUseError, NotFoundError, OSNetError, WriteError
from osnet_tf.export.model_json import NAME, contents, is_unchanged, read_manifest
from osnet_tf.files import locked

_PREFIX = ".export-"
#: What lies in `.export-NAME`.
_INSIDE = {".lock", ".lock.json", "new", "old"}


class ExportFolderError(OSNetError, ValueError):
    """A folder that no export can be written into without loss of what is not an export's."""


@contextlib.contextmanager
def export_folder(output_dir, names):
    """Gives an empty folder to fill, which takes the place of `output_dir` if the block ends well.

    What an earlier export left in `output_dir` is replaced, and removed if it is not written again:
    the files that its `model.json` lists, if they are still what it lists. Everything else stays.

    Args:
        output_dir: The export's folder. It need not exist, nor its parents.
        names: Of all that will be written into it, `model.json` too.

    Yields:
        `pathlib.Path` of the folder to fill.

    Raises, before it yields where that is possible:
        ExportFolderError: `output_dir` is a link, the working directory or above it, or holds
            something of one of these names that is not an unchanged part of an export.
        WriteError: it cannot be written.
        InUseError: another process exports into it.
    """
    output_dir = Path(os.path.abspath(output_dir))
    with _workplace(output_dir) as place:
        own_names(output_dir, names)
        new = place / "new"
        with _naming(output_dir, place):
            new.mkdir()
            yield new
            own = own_names(output_dir, names)
            if output_dir.exists():
                _replace(output_dir, new, own)
            else:
                os.rename(new, output_dir)


def own_names(folder, wanted=()):
    """Names in a folder that its `model.json` lists, each still what it lists; and `model.json`.

    Args:
        folder: Maybe an export's; it need not exist.
        wanted: Names that are to be written there.

    Raises ExportFolderError if one of `wanted` is there and is not among them.
    """
    _check_folder(folder)
    own, reason = set(), ""
    try:
        record = read_manifest(folder)
        own.add(NAME)
        own |= {e["path"] for e in (*record["files"], *record["reports"]) if _is_ours(folder, e)}
        reason = f"is not what {NAME} lists there"
    except (NotFoundError, FileError) as error:
        reason = f"is not an export's ({error})"
    for name in sorted(wanted):
        if os.path.lexists(folder / name) and name not in own:
            raise ExportFolderError(
                f"{folder / name} {reason}, and would be lost: move it away, or choose another "
                "output_dir"
            )
    return own


def _check_folder(folder):
    """Raises for what cannot be replaced as a folder."""
    if folder.is_symlink():
        raise ExportFolderError(
            f"{folder} is a symbolic link: give the folder that it leads to "
            f"({os.path.realpath(folder)})"
        )
    if os.path.lexists(folder) and not folder.is_dir():
        raise WriteError(folder, "it is a file, not a folder")
    if Path.cwd().is_relative_to(folder):
        raise ExportFolderError(
            f"{folder} is replaced as a whole, and the working directory is in it: start from "
            "outside it, or choose another output_dir"
        )
    if os.path.ismount(folder):
        raise WriteError(folder, "it is a mount point: give a folder inside it")


def _is_ours(folder, entry):
    """Whether a listed file, or folder with all its files, is there as it was written."""
    path, listed = folder / entry["path"], contents(entry)
    if "contents" in entry:
        if path.is_symlink() or not path.is_dir():
            return False
        found = {
            (Path(where) / name).relative_to(folder).as_posix()
            for where, folders, files in os.walk(path)
            for name in (*files, *(f for f in folders if (Path(where) / f).is_symlink()))
        }
        if found != {file["path"] for file in listed}:
            return False
    return all(is_unchanged(folder / file["path"], file) for file in listed)


@contextlib.contextmanager
def _workplace(output_dir):
    """`.export-NAME`, locked and empty but for its lock, and gone at the end."""
    _check_folder(output_dir)
    place = output_dir.with_name(f"{_PREFIX}{output_dir.name}")
    with _naming(output_dir, place):
        place.parent.mkdir(parents=True, exist_ok=True)
        if not _made_by_us(place):
            raise ExportFolderError(f"{place} is in the way, and is no export's: move it away")
        place.mkdir(exist_ok=True)
    with locked(place, f"exporting {output_dir}"):
        try:
            _recover(place)
            _clear_leftovers(place)
            yield place
        finally:
            _remove(place)


def _made_by_us(place):
    """Whether nothing lies there, or what an export leaves; never anybody else's folder."""
    if not os.path.lexists(place):
        return True
    if place.is_symlink() or not place.is_dir():
        return False
    names = set(os.listdir(place))
    ours = {name for name in names if name in _INSIDE or name.startswith(".new-")}
    return not names or (names == ours and ".lock" in names)


def _clear_leftovers(own):
    """Removes what killed exports of other names left beside `own`; the living hold theirs."""
    for place in own.parent.glob(f"{_PREFIX}*"):
        if place != own and (place / ".lock").exists() and _made_by_us(place):
            with contextlib.suppress(InUseError, WriteError), locked(place, "clearing up"):
                _recover(place)
                _remove(place)


def _recover(place):
    """Leaves the lock only; an export that was half exchanged is put back."""
    output_dir = place.with_name(place.name.removeprefix(_PREFIX))
    if (place / "old").is_dir() and not os.path.lexists(output_dir):
        os.rename(place / "old", output_dir)
    for name in ("new", "old"):
        shutil.rmtree(place / name, ignore_errors=True)


def _remove(place):
    """The lock last, so that what a kill leaves of it is still known as ours."""
    for name in ("new", "old"):
        shutil.rmtree(place / name, ignore_errors=True)
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(place), key=lambda name: name == ".lock"):
            (place / name).unlink()
        place.rmdir()


def _replace(output_dir, new, own):
    """Puts `new` in the place of `output_dir`, with what is there and not among `own`."""
    kept = set(os.listdir(output_dir)) - own

    def is_own(where, names):
        return own.intersection(names) if Path(where) == output_dir else ()

    shutil.copytree(
        output_dir, new, symlinks=True, ignore=is_own, copy_function=_link, dirs_exist_ok=True
    )
    old = _exchange(new, output_dir)
    for name in set(os.listdir(old)) - own - kept:  # what came in the meantime
        os.rename(old / name, output_dir / name)


def _link(source, target):
    """A second name for a file; a copy where the file system has no such."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _exchange(new, output_dir):
    """Lets two folders change places; returns where the old one is then.

    Linux does that in one step. Elsewhere it takes two, and `_recover` mends what a kill between
    them leaves: `output_dir` missing, and the old one here as `old`.
    """
    here, both = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    paths = os.fsencode(new), os.fsencode(output_dir)
    with contextlib.suppress(AttributeError):  # no such function in this system's library
        if ctypes.CDLL(None).renameat2(here, paths[0], here, paths[1], both) == 0:
            return new
    old = new.with_name("old")
    os.rename(output_dir, old)
    try:
        os.rename(new, output_dir)
    except OSError:
        os.rename(old, output_dir)
        raise
    return old


@contextlib.contextmanager
def _naming(output_dir, place):
    """Turns a failure to write into a WriteError about the folder that the user named."""
    try:
        yield
    except WriteError as error:
        if not Path(error.path).is_relative_to(place):
            raise
        reason = str(error).removeprefix(f"{error.path} cannot be written: ")
        raise WriteError(output_dir, reason) from error
    except OSNetError:
        raise
    except OSError as error:
        name = error.filename
        if name is not None and not Path(name).is_relative_to(place):
            if Path(name) != output_dir and Path(name) not in output_dir.parents:
                raise
            reason = f"{error.strerror}: {name}"
        else:
            reason = error.strerror or str(error)
        raise WriteError(output_dir, reason) from error
