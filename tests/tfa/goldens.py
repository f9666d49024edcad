"""What tensorflow-addons computes, recorded: `python -m tests.tfa.goldens` records it anew.

The recording needs the environment of requirements-tfa.txt, in `.venv-tfa` or in the folder that
OSNET_TF_TFA_VENV names. `goldens.npz` holds inputs and outputs, so that the tests which compare
this project with TFA run anywhere, and a changed random generator of NumPy changes nothing.
"""

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tests.conftest import ROOT

HERE = Path(__file__).parent
FILE = HERE / "goldens.npz"
PYTHON = Path(os.environ.get("OSNET_TF_TFA_VENV", ROOT / ".venv-tfa")) / "bin" / "python"


def load():
    """(inputs, outputs): dicts of arrays by name."""
    with np.load(FILE) as file:
        arrays = {name: file[name] for name in file}
    return _part(arrays, "in/"), _part(arrays, "out/")


def _part(arrays, prefix):
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def run_tfa(inputs):
    """What the real TFA puts out for these inputs."""
    with tempfile.TemporaryDirectory() as folder:
        inputs_file, outputs_file = Path(folder, "inputs.npz"), Path(folder, "outputs.npz")
        np.savez(inputs_file, **inputs)
        done = subprocess.run(
            [PYTHON, HERE / "oracle.py", inputs_file, outputs_file],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
            capture_output=True,
            text=True,
            timeout=600,
        )
        if done.returncode:
            raise RuntimeError(f"{PYTHON} {HERE / 'oracle.py'} failed:\n{done.stderr}")
        with np.load(outputs_file) as file:
            return {name: file[name] for name in file}


def make_inputs():
    rng = np.random.default_rng(0)
    pids = np.array([4, 4, 7, 7, 7, 9, 4, 9])
    x = rng.standard_normal((8, 5))
    exact = rng.integers(-8, 9, (4, 5)) / 4  # so are their products: equal images are at 0
    rows = rng.standard_normal((32, 16))
    batches = {
        "usual": (pids, x),
        "unit length": (np.repeat(np.arange(8), 4), rows / np.linalg.norm(rows, axis=1)[:, None]),
        "some without positive": (np.array([1, 1, 2, 3, 4, 4, 4, 5]), x),
        "no positives": (np.arange(8), x),
        "one identity": (np.full(8, 3), x),
        "batch of one": (np.array([5]), x[:1]),
        "all equal": (pids, np.ones((8, 5))),
        "all zero": (pids, np.zeros((8, 5))),
        "duplicated images": (np.tile(pids[:4], 2), np.tile(exact, (2, 1))),
        "negatives on top": (np.arange(8) % 2, exact.repeat(2, 0)),
        "far apart": (pids, 100 * x),
    }
    inputs = {}
    for name, (labels, embeddings) in batches.items():
        inputs[f"triplets/{name}/pids"] = labels.astype("int32")
        inputs[f"triplets/{name}/embeddings"] = embeddings.astype("float32")
    inputs["cutout/shape"] = np.array([40, 12, 8, 3])
    inputs["cutout/mask_size"] = np.array([4, 6])
    inputs["cutout/centers"] = rng.integers(0, (12, 8), (40, 2)).astype("int32")
    shape = (2, 4, 3, 5)
    arrays = {
        "instance_norm/x": 3.0 + 2.0 * rng.standard_normal(shape),
        "instance_norm/cotangent": rng.standard_normal(shape),
        "instance_norm/gamma": rng.uniform(0.5, 1.5, 5),
        "instance_norm/beta": rng.standard_normal(5),
        "instance_norm/epsilon": 1e-5,
        "adamw/start": rng.standard_normal(6),
        "adamw/gradients": rng.standard_normal((12, 6)),
        "adamw/learning_rate": 0.02,
        "adamw/weight_decay": 0.004,
        "moving_average/start": rng.standard_normal(6),
        "moving_average/gradients": rng.standard_normal((20, 6)),
        "moving_average/learning_rate": 0.1,
        "moving_average/decay": 0.6,
    }
    return {**inputs, **{name: np.asarray(value, "float32") for name, value in arrays.items()}}


def main():
    inputs = make_inputs()
    outputs = run_tfa(inputs)
    arrays = {
        **{f"in/{name}": value for name, value in inputs.items()},
        **{f"out/{name}": value for name, value in outputs.items()},
    }
    np.savez_compressed(FILE, **arrays)
    print(f"{FILE}: {len(inputs)} inputs, {len(outputs)} outputs, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
