"""`train/fit.py` killed for good, told to go, and resumed: it ends where it would have ended.

`python -m tests.kills` does it with many kills at random moments.
"""

import signal
import time

import numpy as np
import pytest

from tests.kills.training import Run, assert_same, generate_people


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run that was left alone, and one that was killed, told to go, and damaged."""
    folder = tmp_path_factory.mktemp("runs")
    generate_people(folder / "data")
    beside = Run(folder / "data", folder / "straight").start()

    run = Run(folder / "data", folder / "stopped").start()
    run.wait_for_checkpoints(2)  # of the first epoch's tenth and twentieth step
    time.sleep(np.random.default_rng(0).uniform(0.0, 0.5))
    run.process.kill()
    killed, _ = run.finish()

    run.start().wait_for_checkpoints(1)
    run.process.send_signal(signal.SIGTERM)
    told = run.finish()

    newest = run.checkpoints()[-1].with_suffix(".data-00000-of-00001")
    newest.write_bytes(newest.read_bytes()[:1000])  # and then the disk goes bad
    last = run.start().finish()
    code, text = beside.finish()
    assert code == 0, text
    return beside, run, killed, told, last


def test_a_scheduler_understands_how_the_run_ended(runs):
    _, _, killed, (code, text), (last_code, last) = runs
    assert killed == -signal.SIGKILL
    assert code == 128 + signal.SIGTERM, text
    assert "Stopped by SIGTERM. Checkpoint:" in text
    assert last_code == 0, last
    assert "is damaged: passed over for an older checkpoint" in last


def test_the_same_to_the_bit(runs):
    """Weights, optimizer, progress, metrics, results and both models."""
    straight, stopped, *_ = runs
    assert_same(straight, stopped)
