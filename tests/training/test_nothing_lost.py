"""`train/fit.py` killed for good, told to go, and resumed: it ends where it would have ended."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.data import generate_demo
from osnet_tf.runs import RunDir

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 4
#: Columns of metrics.csv that measure the machine, not the model.
TIMES = ("seconds", "images_per_second", "input_wait")


def start(run_dir, *arguments):
    command = [sys.executable, "train/fit.py", f"--run_dir={run_dir}", *arguments]
    log = open(f"{run_dir}.log", "a+")  # noqa: SIM115  `finish` closes it
    return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log), log


def finish(process, log):
    code = process.wait(600)
    log.seek(0)
    text = log.read()
    log.close()
    return code, text


def new_run(data_dir, run_dir):
    return start(
        run_dir, "--dataset=demo", f"--data_dir={data_dir}", "--preset=osnet_x0_25", "--height=32",
        "--width=16", "--batch_size=8", "--instances=2", "--triplet_weight=0.5", "--pad=2",
        "--erase=0.5", "--average_decay=0.9", "--evaluate_every=2", "--streams=1",
        f"--epochs={EPOCHS}", "--deterministic",
    )  # fmt: skip


def wait_for(process, condition):
    while not condition():
        assert process.poll() is None, "the run ended before it was stopped"
        time.sleep(0.002)


def checkpoints(run_dir):
    """The index files, oldest first."""
    found = RunDir(run_dir).checkpoints.glob("*.index")
    return sorted(found, key=lambda path: int(path.stem.removeprefix("ckpt-")))


def lines(run_dir):
    path = RunDir(run_dir).metrics_csv
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run that was left alone, and one that was killed, told to go, and damaged."""
    folder = tmp_path_factory.mktemp("runs")
    generate_demo(folder / "data", train_identities=4, test_identities=3, images_per_camera=2)
    straight, stopped = folder / "straight", folder / "stopped"
    beside = new_run(folder / "data", straight)

    process, log = new_run(folder / "data", stopped)
    wait_for(process, lambda: lines(stopped) > 2)  # epoch 2 is told of, its checkpoint not written
    process.kill()
    killed, _ = finish(process, log)

    process, log = start(stopped, "--resume")
    before = len(checkpoints(stopped))
    wait_for(process, lambda: len(checkpoints(stopped)) > before)
    process.send_signal(signal.SIGTERM)
    told = finish(process, log)

    newest = checkpoints(stopped)[-1].with_suffix(".data-00000-of-00001")
    newest.write_bytes(newest.read_bytes()[:1000])  # and then the disk goes bad
    last = finish(*start(stopped, "--resume"))
    assert finish(*beside)[0] == 0
    return straight, stopped, killed, told, last


def test_a_scheduler_understands_how_the_run_ended(runs):
    _, _, killed, (code, text), (last_code, last) = runs
    assert killed == -signal.SIGKILL
    assert code == 128 + signal.SIGTERM
    assert "Stopped by SIGTERM. Checkpoint:" in text
    assert last_code == 0, last
    assert "is damaged: passed over for an older checkpoint" in last


def test_the_same_weights_optimizer_and_progress_bit_for_bit(runs):
    straight, stopped, *_ = runs
    kept = [
        tf.train.load_checkpoint(str(checkpoints(run)[-1].with_suffix("")))
        for run in (straight, stopped)
    ]
    names = kept[0].get_variable_to_shape_map()
    assert kept[1].get_variable_to_shape_map() == names
    assert sum(name.startswith("optimizer/") for name in names) > 300  # three for each weight
    for name in names:
        if not name.startswith("_CHECKPOINTABLE"):
            a, b = (reader.get_tensor(name) for reader in kept)
            np.testing.assert_array_equal(a, b, err_msg=name)


def test_the_same_metrics_results_and_model(runs):
    straight, stopped, *_ = map(RunDir, runs[:2])
    tables = []
    for run in (straight, stopped):
        with open(run.metrics_csv, newline="") as file:
            rows = list(csv.DictReader(file))
        tables.append([{k: v for k, v in row.items() if k not in TIMES} for row in rows])
    assert [row["epoch"] for row in tables[0]] == [str(n + 1) for n in range(EPOCHS)]
    assert tables[0] == tables[1]
    results = [json.loads(run.results_json.read_text()) for run in (straight, stopped)]
    assert results[0] == results[1]
    for name in ("embedder", "best_embedder"):
        a, b = (keras.models.load_model(getattr(run, name)) for run in (straight, stopped))
        for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
            np.testing.assert_array_equal(x, y)
