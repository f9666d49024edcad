import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT

LOSSES = ("batch hard", "semi-hard", "circle", "multi-similarity")
pytestmark = pytest.mark.one_backend  # `tf.distribute` is TensorFlow's


@pytest.fixture(scope="module")
def report():
    done = subprocess.run(
        [sys.executable, "-m", "tests.losses.two_replicas"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("loss", LOSSES)
def test_global_mining_on_two_replicas_equals_one(report, loss):
    """Value and gradient on every embedding."""
    assert report["replicas"] == 2
    assert report["losses"][loss]["value"] > 0.1
    assert report["losses"][loss]["global"] < 1e-5


@pytest.mark.parametrize("loss", LOSSES)
def test_mining_per_replica_equals_the_mean_over_the_halves(report, loss):
    assert report["losses"][loss]["replica"] < 1e-5
    assert report["losses"][loss]["one replica"] == 0.0


@pytest.mark.parametrize("loss", LOSSES)
def test_the_two_minings_are_different_computations(report, loss):
    """Guards the tests above: they would see a difference if there were one."""
    assert report["losses"][loss]["between"] > 1e-2


def test_outside_of_a_replica_the_batch_is_the_whole_one(report):
    assert report["cross_replica"] == pytest.approx(report["losses"]["batch hard"]["value"])


def test_three_steps_with_every_loss_at_once(report):
    assert report["training"] < 1e-5


def test_three_steps_of_keras_fit(report):
    assert report["fit"] < 1e-5


def test_unequal_parts_are_refused(report):
    assert "global mining needs equally many images on every replica" in report["unequal"]
