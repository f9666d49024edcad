"""A run's directory: what lies in it, where that came from, and how others find its model."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from osnet_tf.checks import is_int, is_number
from osnet_tf.errors import ArgumentError, FileError, NotFoundError, OSNetError, WriteError
from osnet_tf.files import read_json, write_json
from osnet_tf.weights.registry import is_remote


class RunDirError(OSNetError, ValueError):
    """A run directory that cannot be used as asked."""


class RunDir:
    """Paths in a run's directory, and its `config.json`.

    `config.json` holds the resolved settings, the versions of what ran, the project's commit, the
    command line and the date. Beside it lie `metrics.csv`, `tensorboard/`, `checkpoints/`,
    `embedder.keras`, `best_embedder.keras` and `results.json`; of a task that has a predictor also
    `predictor.keras` and `labels.txt`; in `evaluation/` what evaluations leave.

    Args:
        path: The directory; it need not exist.

    >>> RunDir("runs/a").embedder.as_posix()
    'runs/a/embedder.keras'
    """

    def __init__(self, path):
        self.path = Path(path)
        self.config_json = self.path / "config.json"
        self.metrics_csv = self.path / "metrics.csv"
        self.tensorboard = self.path / "tensorboard"
        self.checkpoints = self.path / "checkpoints"
        self.embedder = self.path / "embedder.keras"
        self.best_embedder = self.path / "best_embedder.keras"
        self.predictor = self.path / "predictor.keras"
        self.labels = self.path / "labels.txt"
        self.evaluation = self.path / "evaluation"
        self.results_json = self.path / "results.json"

    def check_unused(self):
        """Raises RunDirError if a run lies there already."""
        if self.config_json.exists():
            raise RunDirError(
                f"{self.path} holds a run already: resume it, or choose another directory"
            )

    def check_there(self):
        """Raises RunDirError if the run that was begun here is gone."""
        if not self.config_json.exists():
            raise RunDirError(f"{self.path} was removed while the run went on: it ends here")

    def make(self):
        """Makes the directory, if need be; raises WriteError if it cannot be written to."""
        make_folder(self.path)

    def create(self, settings):
        """Makes the directory and writes `config.json`.

        Args:
            settings: Dict of the run's settings, as JSON can hold them.

        Raises:
            RunDirError: a run lies there already.
            WriteError: the directory cannot be made or written to.
        """
        self.check_unused()
        self.make()
        write_json(self.config_json, {"config": settings, **provenance()})

    def read_settings(self):
        """The dict of settings of the run that lies here.

        Raises:
            RunDirError: there is none.
            FileError: its config.json is damaged.
        """
        try:
            record = read_json(self.config_json)
        except NotFoundError:
            raise RunDirError(f"{self.path} holds no run: there is no config.json") from None
        if not isinstance(record.get("config"), dict):
            raise FileError(self.config_json, 'is damaged: it has no "config" with settings')
        return record["config"]


def make_folder(path):
    """Makes a folder, if need be, and makes sure that files can be made in it.

    Raises WriteError, which names it, if not: a file in its place, no permission, a full disk.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except FileExistsError:
        raise WriteError(path, "it is a file, not a folder") from None
    except OSError as error:
        raise WriteError(path, error.strerror or str(error)) from None


def provenance():
    """Where results come from: versions, the project's commit, the command line and the date."""
    return {
        "versions": _versions(),
        "commit": project_commit(),
        "command": sys.argv,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def project_commit():
    """The commit of the checkout that this package runs from, "-dirty" added where tracked files
    differ from it; None outside a checkout."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None

    def git(*arguments):
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        dirty = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("-dirty" if dirty else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _versions():
    packages = ("osnet_tf", "tensorflow", "keras", "numpy", "pillow")
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {"python": platform.python_version(), "platform": platform.platform(), **versions}


class Source(NamedTuple):
    """Where a model lies and what it is used on.

    Attributes:
        model: The `.keras` file, or the folder of a published model; it exists.
        datasets: Names of datasets, at least one.
        data_dir: Folder of the datasets.
        split_identities, seed: The run's own, for datasets without a split of their own, as
            `osnet_tf.data.load_datasets` takes them; its defaults with a `.keras` file.
    """

    model: Path
    datasets: tuple[str, ...]
    data_dir: str
    split_identities: float = 0.5
    seed: int = 0


def source_of(*, run_dir=None, model=None, datasets=(), data_dir=None, default_dataset=None):
    """Finds the model of a run, or a `.keras` file, and the datasets to use it on.

    Args:
        run_dir: Directory of a run; its config says which dataset, unless `datasets` does.
        model: Path of a `.keras` file, or of the folder of a published model, in place of
            `run_dir`.
        datasets: Names of datasets; the run's own by default.
        data_dir: Folder of the datasets; the run's own, or "data", by default.
        default_dataset: For a `.keras` file with no dataset named.

    Raises:
        ArgumentError: neither or both of `run_dir` and `model`; a model without a dataset.
        RunDirError, FileError: there is no run, or it is damaged.
        NotFoundError: there is no such model.

    >>> source_of(model="embedder.keras")
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: Give the dataset's name with a model. Received: datasets=()
    """
    if bool(run_dir) == bool(model):
        raise ArgumentError(
            f"Give either run_dir or model. Received: run_dir={run_dir}, model={model}"
        )
    split = {}
    if run_dir:
        run = RunDir(run_dir)
        settings = run.read_settings()
        split = {
            "split_identities": _number(run, settings, "split_identities", is_number, 0.5),
            "seed": _number(run, settings, "seed", is_int, 0),
        }
        model = run.embedder
        datasets = datasets or (_text(run, settings, "dataset"),)
        data_dir = data_dir or _text(run, settings, "data_dir")
    if not datasets and default_dataset:
        datasets = (default_dataset,)
    if not datasets:
        raise ArgumentError("Give the dataset's name with a model. Received: datasets=()")
    if not Path(model).exists():
        hint = " (training writes it at the end; go on with --resume)" if run_dir else ""
        if is_remote(model):  # what is written lies beside the model
            hint = f": get a file of it first, with convert --checkpoint={model} --output=X.keras"
        raise NotFoundError(f"There is no model {model}{hint}")
    return Source(Path(model), tuple(datasets), data_dir or "data", **split)


def _text(run, settings, name):
    value = settings.get(name)
    if not isinstance(value, str):
        raise FileError(run.config_json, f"must hold a text as `{name}`. Received: {value!r}")
    return value


def _number(run, settings, name, is_kind, default):
    value = settings.get(name, default)
    if not is_kind(value) or value < 0:
        raise FileError(run.config_json, f"must hold a number as `{name}`. Received: {value!r:.80}")
    return value
