"""A choice of devices, to the end: training and evaluation on two replicas."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from osnet_tf.config import ConfigError
from osnet_tf.training import default_strategy
from osnet_tf.training.devices import use_xla

ROOT = Path(__file__).resolve().parents[2]


def test_devices_are_the_machines(monkeypatch):
    assert default_strategy() is tf.distribute.get_strategy()
    one = default_strategy("cpu:0")
    assert isinstance(one, tf.distribute.OneDeviceStrategy)
    assert [use_xla(xla, one) for xla in ("on", "off", "auto")] == [True, False, False]
    for devices in ("GPU:9", "CPU:0,CPU:0", "CPU"):
        with pytest.raises(ConfigError, match="`devices` must be some of CPU:0, each once"):
            default_strategy(devices)
    cluster = {"worker": ["a:1", "b:1"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"index": 0}}))
    with pytest.raises(ConfigError, match="`devices` is for a single host"):
        default_strategy("CPU:0")


def test_two_devices_train_and_evaluate_together(tmp_path):
    """In bfloat16: what is judged is a float32 copy, made for both."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.two_devices", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["replicas"] == 2
    assert found["fit"] == pytest.approx(found["saved"], abs=1e-6)
