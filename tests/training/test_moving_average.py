import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.training.moving_average import MovingAverage
from tests.conftest import ROOT


def weight(value=(1.0, -2.0), name="weight"):
    return keras.Variable(np.array(value, "float32"), name=name)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("start_step", [0, 2])
@pytest.mark.parametrize("compiled", [False, True])
def test_against_the_recursion(dynamic, start_step, compiled):
    variable = weight()
    average = MovingAverage([variable], 0.4, dynamic=dynamic, start_step=start_step)
    update = tf.function(average.update) if compiled else average.update
    expected, rng = np.array([1.0, -2.0]), np.random.default_rng(0)
    for step in range(8):
        value = rng.standard_normal(2)
        variable.assign(value)
        update()
        k = step - start_step
        decay = 0.0 if k < 0 else min(0.4, (1 + k) / (10 + k)) if dynamic else 0.4
        expected = decay * expected + (1 - decay) * value
        np.testing.assert_allclose(average.averages[0].numpy(), expected, atol=1e-6)
        np.testing.assert_allclose(variable.numpy(), value, atol=1e-6)


@pytest.mark.parametrize("start_step", [0, 3])
def test_without_a_decay_it_is_the_mean(start_step):
    variable = weight()
    average = MovingAverage([variable], None, start_step=start_step)
    values = np.random.default_rng(0).standard_normal((9, 2)).astype("float32")
    for step, value in enumerate(values):
        variable.assign(value)
        average.update()
        counted = values[start_step : step + 1] if step >= start_step else values[step : step + 1]
        np.testing.assert_allclose(average.averages[0].numpy(), counted.mean(0), atol=1e-6)


def test_swapping_twice_is_exact():
    """Also where a sum of the two would round one of them away."""
    variables = [weight((1e-8, 3.0), "small"), tf.Variable(1e8, name="large")]
    average = MovingAverage(variables)
    for variable in average.averages:
        variable.assign(tf.fill(variable.shape, 123456.7))
    with average.swapped():
        np.testing.assert_array_equal(variables[0].numpy(), np.float32([123456.7] * 2))
        np.testing.assert_array_equal(average.averages[0].numpy(), np.float32([1e-8, 3.0]))
    np.testing.assert_array_equal(variables[0].numpy(), np.float32([1e-8, 3.0]))
    assert variables[1].numpy() == np.float32(1e8)
    assert average.averages[1].numpy() == np.float32(123456.7)


def test_an_error_within_swaps_back():
    variable = weight()
    average = MovingAverage([variable], 0.5)
    variable.assign([5.0, 5.0])
    with pytest.raises(KeyError), average.swapped():
        raise KeyError
    np.testing.assert_array_equal(variable.numpy(), [5.0, 5.0])


def test_a_checkpoint_goes_on_where_it_was(tmp_path):
    def steps(variable, average, values):
        for value in values:
            variable.assign([value, -value])
            average.update()

    variable = weight()
    average = MovingAverage([variable], 0.9, dynamic=True)
    steps(variable, average, (3.0, 1.0))
    path = tf.train.Checkpoint(average=average.state).save(tmp_path / "checkpoint")
    steps(variable, average, (4.0, 2.0))
    again = MovingAverage([variable], 0.9, dynamic=True)
    tf.train.Checkpoint(average=again.state).restore(path).assert_consumed()
    steps(variable, again, (4.0, 2.0))
    np.testing.assert_array_equal(again.averages[0].numpy(), average.averages[0].numpy())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decay": 1.5}, r"`decay` must be in \[0, 1\]. Received: decay=1.5"),
        ({"decay": float("nan")}, r"`decay` must be in \[0, 1\]. Received: decay=nan"),
        ({"start_step": -1}, r"`start_step` must be >= 0. Received: start_step=-1"),
        ({"variables": []}, r"At least one variable is needed"),
        ({"variables": [weight(), weight()]}, r"Two variables have the same path. .* weight"),
        ({"variables": [tf.Variable(1, name="n")]}, r"n:0 has no average. .*dtype=int32"),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MovingAverage(**{"variables": [weight()], **arguments})


@pytest.fixture(scope="module")
def report():
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.moving_average_replicas"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("where", ["inside", "after", "outside"])
def test_two_replicas_keep_the_averages_of_one(report, where):
    """Updated within `strategy.run`, after it in the same function, and eagerly; swapped, swapped
    back and restored from a checkpoint, in every replica's copy."""
    assert report[f"{where} copies"] == 2
    assert report[f"{where} averages differ from weights"] > 1e-2
    assert report[where] < 1e-6
