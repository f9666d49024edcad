"""`osnet_tf.embed` on Keras's other backends: in processes of their own."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from osnet_tf import OSNet, embed
from tests.conftest import ROOT
from tests.test_jax_backend import FASTER

CROP = np.random.default_rng(0).integers(0, 256, (2, 40, 20, 3), "uint8")
PROGRAM = """
import sys
import keras, numpy as np
from osnet_tf import embed
from osnet_tf.errors import ArgumentError
from osnet_tf.export import export_saved_model
from osnet_tf.training import fit, make_config
model = keras.models.load_model(sys.argv[1])
np.save(sys.argv[3], embed(model, np.load(sys.argv[2])))
for attempt in (
    lambda: export_saved_model(model, "nowhere"),
    lambda: fit(make_config("demo", epochs=1), "nowhere"),
):
    try:
        attempt()
    except ArgumentError as error:
        print(keras.backend.backend(), error)
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_same_embeddings_on_another_backend(backend, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    keras.utils.set_random_seed(0)
    model = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)
    model.save(tmp_path / "x.keras")
    np.save(tmp_path / "crops.npy", CROP)
    files = [str(tmp_path / name) for name in ("x.keras", "crops.npy", "found.npy")]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *files],
        cwd=ROOT,
        env={**os.environ, **FASTER, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = np.load(tmp_path / "found.npy")
    np.testing.assert_allclose(found, embed(model, CROP), rtol=1e-3, atol=1e-4)
    said = done.stdout
    assert f"{backend} Exports are made on Keras's TensorFlow backend" in said
    assert f"{backend} Training is made for Keras's TensorFlow backend" in said
    assert said.count("KERAS_BACKEND=tensorflow") == said.count(f"KERAS_BACKEND={backend}") == 2
    assert not (ROOT / "nowhere").exists()
