"""Training killed at random moments and resumed: it must end where it would have ended.

A run is killed for good (SIGKILL) again and again, in the middle of steps, of checkpoints and of
its start, and resumed each time; when it has come to its end, its checkpoint, metrics, results and
models must equal, bit for bit, those of a run that was left alone. Then the next run begins, until
there were enough kills.
"""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 4
#: Columns of metrics.csv that measure the machine, not the model.
TIMES = ("seconds", "images_per_second", "input_wait")


class Run:
    """A run of `train/fit.py` in a process of its own, on a few demo people.

    Every ten steps, of 24 in an epoch, it writes a checkpoint.
    """

    def __init__(self, data_dir, run_dir):
        self.data_dir, self.run_dir = Path(data_dir), Path(run_dir)

    def start(self):
        """Begins it, or goes on with it."""
        if (self.run_dir / "config.json").exists():
            arguments = ["--resume"]
        else:
            arguments = [
                "--dataset=demo", f"--data_dir={self.data_dir}", "--preset=osnet_x0_25",
                "--height=32", "--width=16", "--batch_size=4", "--instances=2", "--streams=1",
                "--triplet_weight=0.5", "--pad=2", "--erase=0.5", "--average_decay=0.9",
                "--evaluate_every=2", f"--epochs={EPOCHS}", "--deterministic",
                "--checkpoint_minutes=0.000001",
            ]  # fmt: skip
        self._log = open(f"{self.run_dir}.log", "a+")  # noqa: SIM115  `finish` closes it
        command = [sys.executable, "train/fit.py", f"--run_dir={self.run_dir}", *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self._log, stderr=self._log)
        return self

    def finish(self):
        """(exit code, everything it has said so far)."""
        code = self.process.wait(600)
        with self._log:
            self._log.seek(0)
            return code, self._log.read()

    def checkpoints(self):
        """The index files, oldest first."""
        found = (self.run_dir / "checkpoints").glob("*.index")
        return sorted(found, key=lambda path: int(path.stem.removeprefix("ckpt-")))

    def wait_for_checkpoints(self, count):
        """Returns when so many checkpoints were written from here on, or the process has ended."""
        seen = set(self.checkpoints())
        first = len(seen)
        while len(seen) < first + count and self.process.poll() is None:
            time.sleep(0.002)
            seen |= set(self.checkpoints())


def generate_people(folder):
    """The data of the runs."""
    from osnet_tf.data import generate_demo

    generate_demo(folder, train_identities=12, test_identities=3, images_per_camera=2)


def assert_same(one, other):
    """Checkpoint, metrics, results and models of two runs that ended, bit for bit."""
    import keras
    import tensorflow as tf

    kept = [
        tf.train.load_checkpoint(str(run.checkpoints()[-1].with_suffix(""))) for run in (one, other)
    ]
    names = kept[0].get_variable_to_shape_map()
    assert kept[1].get_variable_to_shape_map() == names
    assert sum(name.startswith("optimizer/") for name in names) > 300  # three for each weight
    for name in names:
        if not name.startswith("_CHECKPOINTABLE"):
            a, b = (reader.get_tensor(name) for reader in kept)
            np.testing.assert_array_equal(a, b, err_msg=name)
    assert _metrics(one) == _metrics(other)
    results = [json.loads((run.run_dir / "results.json").read_text()) for run in (one, other)]
    assert results[0] == results[1]
    for name in ("embedder.keras", "best_embedder.keras"):
        a, b = (keras.models.load_model(run.run_dir / name) for run in (one, other))
        for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
            np.testing.assert_array_equal(x, y, err_msg=name)


def _metrics(run):
    with open(run.run_dir / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == [str(n + 1) for n in range(EPOCHS)]
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def kill_at_random(run, rng, seconds):
    """Kills a run that was started; whether it came to that before the run's end.

    One in five kills falls into the start, the others into what follows its first checkpoint.
    """
    if rng.random() < 0.2:
        time.sleep(rng.uniform(0.0, 8.0))
    else:
        run.wait_for_checkpoints(1)
        time.sleep(rng.uniform(0.0, seconds))
    run.process.kill()
    code, text = run.finish()
    if code == -signal.SIGKILL:
        return True
    assert code == 0, text
    return False


def kill(count, rng, folder):
    """Kills runs `count` times and resumes each to its end; yields a line about each kill."""
    generate_people(folder / "data")
    straight = Run(folder / "data", folder / "straight").start()
    straight.wait_for_checkpoints(1)
    begun = time.monotonic()
    code, text = straight.finish()
    assert code == 0, text
    seconds = time.monotonic() - begun
    kills, runs = 0, 0
    while kills < count:
        run = Run(folder / "data", folder / f"run_{runs}")
        while kills < count and kill_at_random(run.start(), rng, seconds / 2):
            kills += 1
            done = run.checkpoints()
            yield f"run {runs}, newest {done[-1].stem if done else 'no checkpoint'}"
        code, text = run.start().finish()
        assert code == 0, text
        assert_same(straight, run)
        runs += 1
