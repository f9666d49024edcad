"""The folder of a run while it is trained in: who holds it, and what a resumed run must be like."""

import contextlib
import hashlib
import os

from osnet_tf.config import ConfigError, absolute
from osnet_tf.errors import FileError
from osnet_tf.files import locked, read_json, write_json
from osnet_tf.runs import RunDirError
from osnet_tf.training.config import TrainingConfig


@contextlib.contextmanager
def holding(run_dir, doing="training"):
    """Holds a run's folder for this process; a folder made here that no run began in goes again.

    Args:
        run_dir: A `RunDir`.
        doing: What for, as others are told.

    Raises:
        InUseError: another process trains there; it is named.
        WriteError: the folder cannot be made or written to.
    """
    made = [path for path in (run_dir.path, *run_dir.path.parents) if not path.exists()]
    try:
        run_dir.make()
        with locked(run_dir.path, doing):
            yield
    finally:
        if made and not run_dir.config_json.exists():
            with contextlib.suppress(OSError):  # it could not be made, or others are in it
                for name in (".lock", ".lock.json"):
                    (run_dir.path / name).unlink(missing_ok=True)
                for path in made:
                    path.rmdir()


def read_config(run_dir):
    """The `TrainingConfig` of the run that lies in a `RunDir`.

    Raises:
        RunDirError: there is no run.
        FileError: its config.json is damaged.
    """
    settings = run_dir.read_settings()
    try:
        return TrainingConfig.from_dict(settings)
    except ConfigError as error:
        raise FileError(run_dir.config_json, f"is damaged: {error}") from None


def check_same_settings(run_dir, given):
    """Refuses to resume a run with other settings than it began with.

    Args:
        run_dir: A `RunDir` with a run.
        given: Dict of settings.

    Raises:
        ConfigError: a setting differs; all that do are named.
        RunDirError, FileError: as `read_config`.
    """
    own, fields = read_config(run_dir).to_dict(), TrainingConfig.settings()
    given = {k: absolute(fields[k], v) if k in fields else v for k, v in given.items()}
    other = [name for name, value in given.items() if _plain(value) != own.get(name)]
    if other:
        first, *more = other
        also = f" (and other {', '.join(more)})" if more else ""
        rule = f"is {own.get(first)!r} in the run to resume, {run_dir.path}{also}"
        raise ConfigError(first, rule, given[first])


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


class RunRecord:
    """`run.json`: what a run is besides its settings, by which a resumed one is recognised.

    Args:
        run_dir: A `RunDir`.
        task: A `Task`.
        steps: Steps in an epoch.
        replicas: Replicas in sync.
        teachers: Fingerprints of its teachers.
    """

    def __init__(self, run_dir, task, steps, replicas, teachers=()):
        self._path = run_dir.path / "run.json"
        self._values = {
            "task": task.name,
            "images": len(task.samples),
            "data": _digest(task),
            "steps": steps,
            "replicas": replicas,
            "teachers": list(teachers),
        }

    def write(self):
        """Raises WriteError if it cannot be written."""
        write_json(self._path, self._values)

    def differences(self):
        """What differs from the run that lies there, and does not matter enough to refuse it.

        Returns:
            A list of lines for a person.

        Raises:
            RunDirError: another task, other training images, or other teachers.
            FileError: run.json is missing or damaged.
        """
        known = read_json(self._path)
        rules = (
            ("task", "it learns another task"),
            ("images", "its training set has another number of images"),
            ("data", "its training set has other images or targets"),
            ("steps", "its epochs have another number of steps"),
            ("teachers", "its teachers have other weights"),
        )
        for name, what in rules:
            if known.get(name) != self._values[name]:
                raise RunDirError(
                    f"The run in {self._path.parent} cannot go on: {what}. "
                    f"Received: {name}={self._values[name]!r}, there {known.get(name)!r}"
                )
        if known.get("replicas") == self._values["replicas"]:
            return []
        return [
            f"the run began on {known.get('replicas')} replicas and goes on with "
            f"{self._values['replicas']}: batch statistics, and pairs mined within a replica, are "
            "those of other parts of a batch"
        ]


def _digest(task):
    """Of the images' names (not their folder, which may move) and targets, in their order."""
    digest = hashlib.sha256()
    for sample in task.samples:
        digest.update(os.fsencode(os.path.basename(sample.path)) + b"\0")
    for name, values in sorted(task.targets(task.samples).items()):
        digest.update(f"{name}{values.dtype}{values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
