"""Files and folders that are there as a whole or not at all."""

import contextlib
import os
import re
import shutil
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

from osnet_tf.errors import NotFoundError, OSNetError, WriteError
from osnet_tf.types import PathLike


@contextlib.contextmanager
def whole_file(path: PathLike) -> Iterator[Path]:
    """Gives a path beside `path` to write to, which takes its place if the block ends well.

    A reader sees the old file or the new one, never half of either; after an error, such as a full
    disk, the old one is still there and what was written is gone. Two processes that write the same
    file do not meet: the last to end wins. What a killed process left half is removed by the next
    one that writes the file.

    Args:
        path: The file; its folder exists. What lies there is replaced.

    Yields:
        A `pathlib.Path` in the same folder and with the same suffix.

    Raises:
        NotFoundError: the folder is not there.
        WriteError: the file cannot be written.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "results.txt")
    >>> with whole_file(path) as new:
    ...     size = new.write_text("mAP 71.8")
    >>> path.read_text()
    'mAP 71.8'
    """
    with _replacing(Path(path)) as new:
        yield new
        os.replace(new, path)


@contextlib.contextmanager
def whole_folder(path: PathLike) -> Iterator[Path]:
    """Gives a new folder beside `path` to fill, which becomes `path` if the block ends well.

    As `whole_file`, but nothing may lie at `path`.

    Args:
        path: The folder that is to be; its parent exists.

    Yields:
        A `pathlib.Path` of an empty folder in the same parent.

    Raises:
        NotFoundError: the parent is not there.
        WriteError: something lies there already, or it cannot be written.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "images")
    >>> with whole_folder(path) as new:
    ...     size = (new / "a.txt").write_text("a")
    >>> [file.name for file in path.iterdir()]
    ['a.txt']
    """
    path = Path(path)
    with _replacing(path) as new:
        new.mkdir()
        yield new
        if os.path.lexists(path):
            raise WriteError(path, "something lies there already")
        os.rename(new, path)


@contextlib.contextmanager
def own_folder(parent: PathLike, name: str) -> Iterator[Path]:
    """Gives a new folder in `parent` for what is not ready yet; at the end of the block it is gone.

    What a killed process left in such a folder of the same name is removed by the next one.

    Args:
        parent: A folder; it exists.
        name: What it is for; part of the new folder's name.

    Yields:
        A `pathlib.Path` of an empty folder that no other process uses.

    Raises:
        NotFoundError: the parent is not there.
        WriteError: it cannot be written to.

    >>> import pathlib, tempfile
    >>> parent = pathlib.Path(tempfile.mkdtemp())
    >>> with own_folder(parent, "parts") as folder:
    ...     len(list(parent.iterdir())), len(list(folder.iterdir()))
    (1, 0)
    >>> list(parent.iterdir())
    []
    """
    with _replacing(Path(parent, name)) as new:
        new.mkdir()
        yield new


@contextlib.contextmanager
def _replacing(path):
    """A name of its own beside `path`; what lies there at the end is removed."""
    if not path.parent.is_dir():
        raise NotFoundError(f"There is no folder {path.parent} to write {path.name} into")
    _remove_stale(path)
    new = path.with_name(f".new-{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}-{_end(path)}")
    try:
        yield new
    except OSError as error:
        # Named after the new file, or, in libraries' own words, after none: the user knows `path`
        if isinstance(error, OSNetError) or not _is_about(error, new):
            raise
        raise WriteError(path, error.strerror or str(error)) from error
    finally:
        _remove(new)


def _is_about(error, new):
    return error.filename is None or str(new) in (str(error.filename), str(error.filename2))


def _remove_stale(path):
    """Removes what processes of this machine left beside `path` that are no more."""
    mine = re.compile(rf"\.new-{_host()}-(\d+)-[0-9a-f]{{8}}-{re.escape(_end(path))}")
    with os.scandir(path.parent) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(".new-")]
    for name in names:
        match = mine.fullmatch(name)
        if match and not _is_alive(int(match[1])):
            _remove(path.with_name(name))


def _host():
    return re.sub(r"[^A-Za-z0-9]", "_", socket.gethostname())[:40]


def _end(path):
    """Of the name as much as leaves room for the rest: a file's name has 255 bytes at most."""
    return os.fsdecode(os.fsencode(path.name)[-120:])


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
