"""A run's directory: what lies in it and where."""

import importlib.metadata
import json
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from osnet_tf.json_file import write_json
from osnet_tf.training.config import TrainingConfig


class RunDirError(ValueError):
    """A run directory that cannot be used as asked."""


class RunDir:
    """Paths in a run's directory, and its `config.json`.

    `config.json` holds the resolved config, the versions of what ran, the project's commit, the
    command line and the date. Beside it lie `metrics.csv`, `tensorboard/`, `checkpoints/`,
    `embedder.keras`, `best_embedder.keras` and `results.json`; in
    `evaluation/` what evaluations leave.

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
        self.evaluation = self.path / "evaluation"
        self.results_json = self.path / "results.json"

    def check_unused(self):
        """Raises RunDirError if a run lies there already."""
        if self.config_json.exists():
            raise RunDirError(
                f"{self.path} holds a run already: resume it, or choose another directory"
            )

    def create(self, config):
        """Makes the directory and writes `config.json`.

        Raises RunDirError if a run lies there already.
        """
        self.check_unused()
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.config_json, {"config": config.to_dict(), **provenance()})

    def read_config(self):
        """The `TrainingConfig` of the run that lies here.

        Raises RunDirError if there is none or it cannot be read.
        """
        try:
            record = json.loads(self.config_json.read_text())
            return TrainingConfig.from_dict(record["config"])
        except FileNotFoundError:
            raise RunDirError(f"{self.path} holds no run: there is no config.json") from None
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise RunDirError(f"{self.config_json} is damaged: {error}") from None


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
    root = Path(__file__).resolve().parents[2]
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
