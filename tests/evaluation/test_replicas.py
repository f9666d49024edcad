"""Evaluation on two replicas equals that on one."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT

#: Logical devices can only be made before TensorFlow starts.
TWO = """
import json, sys
import numpy as np
import tensorflow as tf
from PIL import Image

[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from osnet_tf import OSNet
from osnet_tf.data import ReidDataset, Sample
from osnet_tf.embedding import embed_paths
from osnet_tf.evaluation import evaluate

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    embedder = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)
sizes, devices = [], set()
plain_results, plain_run = strategy.experimental_local_results, strategy.run
def results(values):
    found = plain_results(values)
    sizes.append([len(part) for part in found])
    return found
def run(function, args):
    def noting(images):
        output = function(images)
        devices.add(output.device[-5:])  # as the graph is traced, of the last operation
        return output
    return plain_run(noting, args=args)
strategy.experimental_local_results, strategy.run = results, run
rng = np.random.default_rng(0)
paths = [f"{sys.argv[1]}/{i}.png" for i in range(8)]
for path in paths:
    Image.fromarray(rng.integers(0, 256, (32, 16, 3), "uint8")).save(path)
one = embed_paths(embedder, paths, batch_size=7)
two = embed_paths(embedder, paths, batch_size=7, strategy=strategy)
samples = [Sample(path, i % 3, i // 4) for i, path in enumerate(paths)]
dataset = ReidDataset("few", (), tuple(samples[:4]), tuple(samples[4:]))
found = [evaluate(embedder, dataset, strategy=s).to_dict() for s in (None, strategy)]
print(json.dumps({
    "devices": sorted(devices), "sizes": sizes, "apart": float(np.abs(one - two).max()),
    "size": float(np.abs(one).max()), "same": found[0] == found[1],
}))
"""
pytestmark = pytest.mark.one_backend


def test_each_batch_is_spread_over_both(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", TWO, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])
    # 7 images are 4 and 3, the eighth is alone; then evaluation's one batch of 8
    assert report["sizes"] == [[4, 3], [4, 4]]
    assert report["devices"] == ["CPU:0", "CPU:1"]
    assert report["apart"] <= 1e-5 * report["size"]
    assert report["same"]
