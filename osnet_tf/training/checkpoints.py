"""Checkpoints that are written whole or not at all, and read where they are whole."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import tensorflow as tf

from osnet_tf.errors import FileError, OSNetError
from osnet_tf.files import check_regular_file, own_folder
from osnet_tf.types import PathLike

_FILE = re.compile(r"ckpt-(\d+)[._].*")

#: What TensorFlow raises over a damaged file; the last over one that was cut short.
_DAMAGED = (tf.errors.OpError, OSError, IndexError, FileError)


class CheckpointError(OSNetError, OSError):
    """A checkpoint that cannot be written, or none that can be read."""


class Checkpoints:
    """The checkpoints of one run, in one folder.

    A checkpoint is written aside, then `ckpt-NUMBER.data-*` is put into its place and
    `ckpt-NUMBER.index` last: without its index it does not count, so a process that is killed while
    it writes leaves the one before as the newest. No number is written twice, and nothing is
    deleted before a newer one is whole.

    Args:
        directory: The folder; made with the first checkpoint.
        keep: How many to keep, >= 1.
        objects: What a checkpoint holds, by name: `tf.Module`s or dicts of variables.

    Attributes:
        passed_over: Paths of the damaged checkpoints that `restore` found, newest first.

    >>> import tempfile
    >>> weight = tf.Variable(1.0)
    >>> checkpoints = Checkpoints(tempfile.mkdtemp(), keep=2, weights={"weight": weight})
    >>> path = checkpoints.save(100)
    >>> _ = weight.assign(2.0)
    >>> checkpoints.restore() == path, float(weight)
    (True, 1.0)
    """

    def __init__(self, directory: PathLike, keep: int, **objects: Any) -> None:
        self._directory = Path(directory)
        self._keep = keep
        self._checkpoint = tf.train.Checkpoint(**objects)
        self.passed_over = []

    @property
    def latest(self) -> str | None:
        """Path of the newest checkpoint that was not found damaged, or None."""
        return next((path for path in self._paths() if path not in self.passed_over), None)

    def save(self, number: int) -> str:
        """Writes `ckpt-NUMBER`, or the next number that is free; returns its path.

        Raises CheckpointError, with the older checkpoints as they were, if it cannot be written: a
        full disk, no permission.
        """
        kept, taken = self.latest, self._numbers()
        number = max(number, taken[0] + 1) if taken else number
        path = str(self._directory / f"ckpt-{number}")
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with own_folder(self._directory, "checkpoint") as new:
                self._checkpoint.write(str(new / f"ckpt-{number}"))
                for part in sorted(new.iterdir(), key=lambda part: part.suffix == ".index"):
                    os.replace(part, self._directory / part.name)
        except (OSError, tf.errors.OpError) as error:
            self._remove_all_but(taken)
            reason = getattr(error, "message", str(error)).splitlines()[0]
            raise CheckpointError(
                f"{self._directory}: checkpoint {number} could not be written: {reason}. "
                f"Last good checkpoint: {kept or 'none yet'}"
            ) from error
        whole = [n for n in taken if str(self._directory / f"ckpt-{n}") not in self.passed_over]
        self._remove_all_but([number, *whole][: self._keep])
        self.passed_over = []
        return path

    def restore(self) -> str | None:
        """Reads the newest checkpoint that is whole; returns its path, None where there is none.

        Damaged ones are passed over; they stay until a newer one is written.

        Raises CheckpointError if there are checkpoints but every one is damaged, or if one is of
        another model.
        """
        self.passed_over = []
        for path in self._paths():
            try:
                for part in self._directory.glob(f"{Path(path).name}.*"):
                    check_regular_file(part)  # of a pipe reading might never end
                self._checkpoint.read(path).assert_consumed()
                return path
            except _DAMAGED:
                self.passed_over.append(path)
            except (AssertionError, ValueError) as error:
                raise CheckpointError(f"{path} is a checkpoint of another model: {error}") from None
        if self.passed_over:
            names = ", ".join(Path(path).name for path in self.passed_over)
            raise CheckpointError(
                f"{self._directory}: every checkpoint is damaged. Received: {names}"
            )
        return None

    def _files(self):
        """(number, path) of every file of a checkpoint."""
        paths = self._directory.iterdir() if self._directory.is_dir() else ()
        matches = ((_FILE.fullmatch(path.name), path) for path in paths)
        return [(int(match[1]), path) for match, path in matches if match]

    def _numbers(self):
        """Numbers of the checkpoints that were written to their end, newest first."""
        return sorted((n for n, path in self._files() if path.suffix == ".index"), reverse=True)

    def _paths(self):
        return [str(self._directory / f"ckpt-{number}") for number in self._numbers()]

    def _remove_all_but(self, numbers):
        """Deletes older checkpoints, and what an unfinished write has left."""
        for number, path in self._files():
            if number not in numbers:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
