import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def report():
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.two_replicas"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_there_are_two_replicas(report):
    assert report["replicas"] == 2


def test_synchronised_replicas_equal_a_single_one(report):
    assert report["synchronized"]["losses"] < 1e-5
    assert report["synchronized"]["weights"] < 1e-5


def test_replicas_equal_the_ghost_step(report):
    assert report["ghost"]["losses"] < 1e-5
    assert report["ghost"]["weights"] < 1e-5


def test_the_plain_single_replica_is_another_computation(report):
    """Guards the two tests above: they would see a difference if there were one."""
    assert report["plain"]["weights"] > 1e-3


def test_the_replicas_copies_stay_the_same(report):
    assert report["copies_apart"] == 0.0


def test_the_norm_and_the_scale_are_those_of_the_whole_batch(report):
    assert report["clipped_and_scaled"]["losses"] < 1e-5
    assert report["clipped_and_scaled"]["weights"] < 1e-5
    assert report["clipped"]["weights"] > 1e-3  # clipping did something
