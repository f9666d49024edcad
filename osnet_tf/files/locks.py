"""One process at a time in a folder."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import filelock

from osnet_tf.errors import InUseError, WriteError
from osnet_tf.files.jsons import read_json, write_json
from osnet_tf.types import PathLike

_LOCK = ".lock"
_HOLDER = ".lock.json"


@contextlib.contextmanager
def locked(folder: PathLike, doing: str) -> Iterator[None]:
    """Holds a folder for this process while the block runs.

    The lock is the operating system's: it ends with the process, however that ends. Two small
    files, `.lock` and `.lock.json` (who holds it), stay in the folder.

    Args:
        folder: The folder; it exists.
        doing: What this process does there, for others to be told: "training".

    Raises:
        InUseError: another process, or another block of this one, holds it; it is named.
        WriteError: the folder cannot be written to.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> with locked(folder, "training"), locked(folder, "resuming"):  # doctest: +ELLIPSIS
    ...     pass
    Traceback (most recent call last):
    osnet_tf.errors.InUseError: ... is in use: training, process ..., host ..., since ...
    """
    folder = Path(folder)
    lock = filelock.FileLock(folder / _LOCK, is_singleton=False, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        raise InUseError(f"{folder} is in use: {_holder(folder)}") from None
    except OSError as error:
        raise WriteError(folder, error.strerror or str(error)) from None
    try:
        about = {"doing": doing, "pid": os.getpid(), "host": socket.gethostname()}
        about["since"] = time.strftime("%Y-%m-%d %H:%M:%S")
        write_json(folder / _HOLDER, about)
        yield
    finally:
        lock.release()


def _holder(folder):
    try:
        about = read_json(folder / _HOLDER)
        return "{doing}, process {pid}, host {host}, since {since}".format(**about)
    except (OSError, ValueError, KeyError):  # it is being written, or a stranger wrote it
        return "by another process"
