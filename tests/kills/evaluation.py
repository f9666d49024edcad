"""Evaluation killed at random moments and started again: its files must be those of one left alone.

After each kill, what lies in the output folder under its final name is whole: an interrupted
evaluation never leaves half a file. The next start then begins with whatever the kills have left.
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
#: What differs between two runs of the same evaluation.
ABOUT_THE_RUN = ("model", "date", "command", "commit")


def kill(count, rng, folder):
    """Kills evaluations of one model `count` times; yields a line about each kill."""
    make_model(folder / "model.keras")
    wait(start(folder, "first"))  # draws the demo people
    begun = time.monotonic()
    code, text = wait(start(folder, "straight"))
    assert code == 0, text
    seconds = time.monotonic() - begun
    straight = read(folder / "straight")
    for number in range(count):
        name = f"killed_{number // 4}"  # of four kills, the later ones find what the first left
        process = start(folder, name)
        time.sleep(rng.uniform(0.3, 1.02) * seconds)
        process.kill()
        killed, _ = wait(process)
        assert killed in (0, -signal.SIGKILL)
        left = read(folder / name)
        yield f"{sorted(left) or 'nothing'} left" + ("" if killed else ", it had ended")
        if number % 4 == 3 or number == count - 1:
            code, text = wait(start(folder, name))
            assert code == 0, text
            ended = read(folder / name)
            assert ended.keys() == straight.keys()
            for file, value in straight.items():
                np.testing.assert_equal(ended[file], value, err_msg=file)


def make_model(path):
    """A small embedder of random weights."""
    import keras

    from osnet_tf import OSNet

    keras.utils.set_random_seed(0)
    OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1).save(path)


def start(folder, name):
    """An evaluation on the demo people, in a process of its own."""
    command = [
        sys.executable, "train/evaluate.py", f"--model={folder / 'model.keras'}", "--dataset=demo",
        f"--data_dir={folder}", f"--output_dir={folder / name}", "--rerank", "--batch_size=16",
    ]  # fmt: skip
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait(process):
    """(exit code, what it has said)."""
    text, _ = process.communicate(timeout=600)
    return process.returncode, text


def read(folder):
    """Name -> contents of every finished file, and of the thresholds beside the model."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.exists() else ():
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            found[path.relative_to(folder).as_posix()] = _contents(path)
    return found


def _contents(path):
    if path.suffix == ".json":
        record = json.loads(path.read_text())
        return {key: value for key, value in record.items() if key not in ABOUT_THE_RUN}
    if path.suffix == ".csv":
        with open(path, newline="") as file:
            return list(csv.reader(file))
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays}
    assert path.suffix == ".png", path
    return path.read_bytes()
