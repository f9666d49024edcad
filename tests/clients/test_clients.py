"""Programs of others load our files. Each runs in an environment of its own: `make clients`."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from osnet_tf import CropEmbedder, convert
from osnet_tf.data import generate_demo
from osnet_tf.export import export_model
from osnet_tf.export.config import export_config
from tests.conftest import ROOT, SHARED

PYTHON = ROOT / ".venv-clients" / "bin" / "python"
WEIGHTS = SHARED / "weights" / "osnet_x0_25_market1501.pth"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A frame with eight demo people, their boxes, the converted public model and its weights."""
    for path in (PYTHON, WEIGHTS):
        if not path.exists():
            pytest.skip(f"{path} is not there")
    folder = tmp_path_factory.mktemp("scene")
    people = generate_demo(folder, train_identities=2, test_identities=8, images_per_camera=2)
    frame, boxes = np.full((400, 900, 3), 90, np.uint8), []
    for number, sample in enumerate(people.query[:8]):
        with Image.open(sample.path) as image:
            pixels = np.asarray(image.convert("RGB").resize((96, 192)))
        left = 10 + 110 * number
        frame[100:292, left : left + 96] = pixels[..., ::-1]
        boxes.append((left, 100, left + 96, 292))
    np.save(folder / "frame.npy", frame)
    np.save(folder / "boxes.npy", np.array(boxes, np.float32))
    shutil.copy(WEIGHTS, folder / "osnet_x0_25_market1501.pt")
    convert(WEIGHTS, folder / "x.keras")
    return folder, people


def export(scene, client, **settings):
    from osnet_tf.weights import load_embedder

    folder, people = scene
    config = export_config(client=client, latency_rounds=0, evaluate="none", **settings)
    output = folder / client
    export_model(load_embedder(folder / "x.keras"), output, people, config)
    for path in output.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    return folder


def run(program, folder):
    command = [PYTHON, Path(__file__).with_name(program), folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=folder)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


def test_boxmot(scene):
    """Its embeddings of our files are those of its own PyTorch model; BotSORT tracks by them."""
    folder = export(scene, "boxmot", file_name="osnet_x0_25_market1501")
    found = json.loads(run("boxmot_client.py", folder))
    assert set(found["cosines"]) == {"onnx", "tflite"}
    assert min(found["cosines"].values()) > 0.9999
    assert found["identities"] == [found["identities"][0]] * 4
    assert len(found["identities"][0]) == 8


def test_opencv(scene):
    """But for its resize, which is not antialiased."""
    folder = export(scene, "opencv")
    run("opencv_client.py", folder)
    found = np.load(folder / "found.npy")
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    ours = CropEmbedder(folder / "x.keras")
    expected = ours(np.load(folder / "boxes.npy"), np.load(folder / "frame.npy"))
    assert (found * expected).sum(1).min() > 0.999
