"""Two hosts on this machine: real processes, real collectives, a real kill."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from osnet_tf.evaluation import EvaluationConfig, evaluate_source
from osnet_tf.files import read_arrays
from osnet_tf.runs import RunDir
from tests.training import two_replicas
from tests.training.small_runs import make_people

ROOT = Path(__file__).resolve().parents[2]
#: When to give up on a host that should notice that another was killed.
SECONDS_TO_NOTICE = 300
#: A process that ends takes TensorFlow down first: half a minute where it hardly gets a processor.
SECONDS_TO_END = 180


class Host:
    """A worker process, its output read line by line."""

    def __init__(self, rank, program, ports, run_dir, *arguments):
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        environment.pop("TF_CONFIG", None)
        arguments = [str(argument) for argument in (rank, ports, run_dir, *arguments)]
        self.errors = open(f"{run_dir}-{rank}.log", "a+")  # noqa: SIM115  the fixture closes it
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"tests.training.{program}", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def until(self, key):
        """The first record from here on that has a key."""
        for line in self.process.stdout:
            record = json.loads(line)
            if key in record:
                return record
        self.errors.seek(0)
        raise AssertionError(f"ended without {key}: {self.errors.read()[-2000:]}")

    def all(self):
        """Every record, the exit code checked."""
        records = [json.loads(line) for line in self.process.stdout]
        self.errors.seek(0)
        assert self.process.wait(SECONDS_TO_END) == 0, self.errors.read()[-2000:]
        return records


@pytest.fixture
def hosts():
    """Starts hosts; none outlives the test."""
    started = []

    def start(ports, run_dir, *arguments, count, program="worker"):
        new = [Host(rank, program, ports, run_dir, *arguments) for rank in range(count)]
        started.extend(new)
        return new

    yield start
    for host in started:
        host.process.kill()
        host.process.wait()
        host.process.stdout.close()
        host.errors.close()


def two_ports():
    with socket.socket() as a, socket.socket() as b:
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        return f"{a.getsockname()[1]},{b.getsockname()[1]}"


def test_two_hosts_equal_two_replicas_and_the_ghost_step(hosts, tmp_path):
    pair = hosts(two_ports(), tmp_path / "pair", 2, count=2)
    [one] = hosts("mirrored", tmp_path / "one", 2, count=1)
    chief, other, mirrored = [host.all() for host in (*pair, one)]
    losses = [[r["loss"] for r in records if "step" in r] for records in (chief, other, mirrored)]
    assert losses[0] == losses[1]
    np.testing.assert_allclose(losses[0], losses[2], rtol=1e-6)
    states = [records[-1]["state"] for records in (chief, other, mirrored)]
    assert states[0] == states[1]
    for ours, replicas in zip(states[0], states[2], strict=True):
        np.testing.assert_allclose(ours, replicas, rtol=1e-5, atol=1e-6)
    ghost_losses, ghost_weights = two_replicas.by_ghost_steps()
    np.testing.assert_allclose(losses[0], [loss for loss, *_ in ghost_losses], rtol=1e-5)
    for ours, ghost in zip(states[0], ghost_weights, strict=False):  # then come optimizer, average
        np.testing.assert_allclose(ours, ghost, rtol=1e-4, atol=1e-5)
    assert [records[-1]["wrote"] for records in (chief, other)] == [True, False]


def test_a_killed_host_ends_the_other_and_both_go_on_from_the_checkpoint(hosts, tmp_path):
    run_dir = tmp_path / "run"
    chief, other = hosts(two_ports(), run_dir, 1000, count=2)
    chief.until("epoch")
    chief.until("step")  # the epoch's checkpoint is written
    other.process.kill()
    # A chief that never noticed would wait for ever; the timer turns that into a failure
    watchdog = threading.Timer(SECONDS_TO_NOTICE, chief.process.kill)
    watchdog.start()
    lost = chief.until("lost")["lost"]
    watchdog.cancel()
    assert "One of the 2 workers ended" in lost
    assert str(run_dir / "ckpt-") in lost
    assert "--resume" in lost
    assert chief.process.wait(SECONDS_TO_END) == 75

    chief, other = hosts(two_ports(), run_dir, 1000, count=2)
    first = chief.until("step")
    assert first["step"] == 0  # of an epoch after the first: the checkpoint was of its end
    assert (run_dir / "ckpt-3.index").exists()
    other.process.send_signal(signal.SIGTERM)  # one host is told to go: all stop together
    assert chief.until("interrupted")["interrupted"] == "SIGTERM"
    assert other.until("interrupted")["interrupted"] == "SIGTERM"
    assert chief.process.wait(SECONDS_TO_END) == other.process.wait(SECONDS_TO_END) == 0


def test_two_hosts_evaluate_together(hosts, tmp_path):
    """Each embeds its share; the figures are those of one process with the same model."""
    people = make_people(tmp_path / "data")
    run_dir = tmp_path / "run"
    pair = hosts(two_ports(), run_dir, tmp_path / "data", count=2, program="fit_worker")
    [chief], [other] = [host.all() for host in pair]
    count = len(people.query) + len(people.gallery)
    assert chief["embedded"] == [-(-count // 2)] * 2  # two epochs
    assert other["embedded"] == [count // 2] * 2
    assert other["results"] is None
    evaluation = RunDir(run_dir).evaluation
    assert sorted(path.name for path in evaluation.iterdir()) == ["features"]
    together = read_arrays(evaluation / "features" / "demo.npz", ["features"])["features"]
    shutil.rmtree(evaluation)
    record, _ = evaluate_source(EvaluationConfig(verification=False), run_dir=run_dir)
    for metric in ("euclidean", "cosine"):
        assert record["datasets"]["demo"][metric] == chief["results"][metric]
    assert chief["results"]["others"]["demo"]["cosine"] == chief["results"]["cosine"]
    alone = read_arrays(evaluation / "features" / "demo.npz", ["features"])["features"]
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)
