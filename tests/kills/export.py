"""Exports killed at random moments and started again: their files must be those of one left alone.

A killed export leaves the earlier one, or the new one, as a whole: at no moment is there half of
either, and nothing of a user's in the folder is ever lost. The next one ends as if nothing had
happened, and no leftovers stay.

LiteRT files are the same bit for bit. A SavedModel's bytes, and an ONNX file's, differ from one
export to the next (TensorFlow and tf2onnx number what they write), so it is their embeddings that
are compared, bit for bit.
"""

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.kills.evaluation import make_model

ROOT = Path(__file__).resolve().parents[2]
SIZE = (64, 32)
MINE = {"notes.txt": b"mine", "data/x": b"mine too"}
FILES = ("model.tflite", "model_int8.tflite", "model.onnx")


def kill(count, rng, folder):
    """Kills exports of one model `count` times; yields a line about each kill."""
    make_model(folder / "model.keras")
    run(folder, "first")  # draws the demo people
    begun = time.monotonic()
    run(folder, "straight")
    seconds = time.monotonic() - begun
    straight = read(folder / "models" / "straight")
    place = folder / "models" / "killed"  # of the first kills empty, later an earlier export
    put_mine(place)
    for number in range(count):
        process = start(folder, "killed")
        time.sleep(rng.uniform(0.2, 1.0) * seconds)
        process.kill()
        killed, text = wait(process)
        assert killed in (0, -signal.SIGKILL), text
        check_mine(place)
        left = check_whole(place)
        yield f"{left}" + ("" if killed else ", it had ended")
        if number % 3 == 2 or number == count - 1:
            run(folder, "killed")
            check_mine(place)
            ended = read(place)
            assert ended.keys() == straight.keys()
            for file, value in straight.items():
                np.testing.assert_array_equal(ended[file], value, err_msg=file)
            assert not list((folder / "models").glob(".export-*"))


def put_mine(place):
    for name, content in MINE.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)


def check_mine(place):
    for name, content in MINE.items():
        assert (place / name).read_bytes() == content, name


def check_whole(place):
    """What lies in a folder: nothing of an export, or all of one."""
    from osnet_tf.export import changed_files

    found = {path.name for path in place.iterdir()} - {"notes.txt", "data"}
    if not found:
        return "no export"
    assert found == {"1", *FILES, "report.json", "report.md", "report.html", "model.json"}
    assert changed_files(place) == []
    return "a whole export"


def start(folder, name):
    """An export with the demo people, in a process of its own."""
    command = [
        sys.executable, "train/export.py", f"--model={folder / 'model.keras'}", "--dataset=demo",
        f"--data_dir={folder}", f"--output_dir={folder / 'models' / name}", "--latency_rounds=1",
        "--formats=saved_model,tflite,onnx", "--precisions=fp32,int8", "--threads=1",
        "--calibration_images=8",
    ]  # fmt: skip
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait(process):
    """(exit code, what it has said)."""
    text, _ = process.communicate(timeout=600)
    return process.returncode, text


def run(folder, name):
    code, text = wait(start(folder, name))
    assert code == 0, text


def read(place):
    """What must be the same of two exports of one model."""
    import tensorflow as tf

    from osnet_tf.export import run_onnx

    images = np.random.default_rng(0).integers(0, 256, (5, *SIZE, 3), "uint8")
    serve = tf.saved_model.load(str(place / "1")).signatures["serving_default"]
    record = json.loads((place / "model.json").read_text())
    found = {
        "1": serve(images=tf.constant(images))["embeddings"].numpy(),
        "model.onnx": run_onnx(place / "model.onnx", images),
    }
    for name in ("model.tflite", "model_int8.tflite"):
        found[name] = hashlib.sha256((place / name).read_bytes()).hexdigest()
    for key in ("architecture", "fingerprint", "input", "embedding", "thresholds"):
        found[key] = json.dumps(record[key])
    report = json.loads((place / "report.json").read_text())
    for row in report["artefacts"]:
        found[f"row {row['path']}"] = [row["cosine_min"], row["cosine_mean"], row["mAP"]]
    return found
