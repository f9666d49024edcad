"""Programs of others load our files. Each runs in an environment of its own: `make clients`."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from osnet_tf import CropEmbedder, convert, embed
from osnet_tf.data import generate_demo
from osnet_tf.export import export_model
from osnet_tf.export.config import export_config
from osnet_tf.export.litert_runtime import run_litert
from osnet_tf.weights import load_embedder
from tests.clients import arm
from tests.conftest import ROOT, SHARED

ENVIRONMENTS = ROOT / ".venv-clients"
WEIGHTS = SHARED / "weights" / "osnet_x0_25_market1501.pth"


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A frame with eight demo people, their boxes, the converted public model and its weights."""
    if not WEIGHTS.exists():
        pytest.skip(f"{WEIGHTS} is not there")
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


def export(scene, client, environment="trackers", **settings):
    """Skips where the client is not installed."""
    installed = ENVIRONMENTS / environment
    if not installed.exists():
        pytest.skip(f"{installed} is not there")
    folder, people = scene
    config = export_config(client=client, latency_rounds=0, evaluate="none", **settings)
    output = folder / client
    export_model(load_embedder(folder / "x.keras"), output, people, config)
    shutil.copytree(output, folder, dirs_exist_ok=True)
    return folder


def run(program, folder, environment="trackers", *arguments):
    python = ENVIRONMENTS / environment / "bin" / "python"
    return run_command([python, Path(__file__).with_name(program), folder, *arguments], folder)


def run_command(command, folder, **variables):
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=600,
        cwd=folder,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return (done.stdout.strip() or "nothing said").splitlines()[-1]


def test_boxmot(scene):
    """Its embeddings of our files are those of its own PyTorch model; BotSORT tracks by them."""
    folder = export(scene, "boxmot", file_name="osnet_x0_25_market1501")
    found = json.loads(run("boxmot_client.py", folder))
    print(found["cosines"])
    assert set(found["cosines"]) == {"onnx", "tflite"}
    assert min(found["cosines"].values()) > 0.9999
    assert found["identities"] == [found["identities"][0]] * 4
    assert len(found["identities"][0]) == 8


@pytest.mark.parametrize(("environment", "version"), [("trackers", "4."), ("opencv5", "5.")])
def test_opencv(scene, environment, version):
    """But for its resize, which is not antialiased."""
    folder = export(scene, "opencv", environment)
    assert run("opencv_client.py", folder, environment).startswith(version)
    ours = CropEmbedder(folder / "x.keras")
    expected = ours(np.load(folder / "boxes.npy"), np.load(folder / "frame.npy"))
    assert smallest_cosine(np.load(folder / "found.npy"), expected) > 0.999


def test_opencv_5_reads_tflite(scene):
    """The plain file of pixels; OpenCV keeps maps in its own order, and the gates follow."""
    folder = export(scene, "opencv", "opencv5", formats="tflite", layout="nhwc", input="uint8")
    assert run("opencv_client.py", folder, "opencv5", "model.tflite").startswith("5.")
    ours = CropEmbedder(folder / "x.keras")
    expected = ours(np.load(folder / "boxes.npy"), np.load(folder / "frame.npy"))
    assert smallest_cosine(np.load(folder / "found.npy"), expected) > 0.999


def test_ultralytics(scene):
    """Its BoT-SORT knows people again by their looks, all of a frame embedded at once."""
    folder = export(scene, "ultralytics", "ultralytics")
    about = json.loads(run("ultralytics_client.py", folder, "ultralytics"))
    frame, boxes = np.load(folder / "frame.npy"), np.load(folder / "boxes.npy")
    sizes = (boxes[:, 2:] - boxes[:, :2]) * 1.02 + 10  # it cuts out more than the box
    centres = (boxes[:, 2:] + boxes[:, :2]) / 2
    grown = np.trunc(np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1))
    expected = CropEmbedder(folder / "x.keras")(grown, frame)
    assert smallest_cosine(np.load(folder / "found.npy"), expected) > 0.9999
    assert (about["size"], about["batches"]) == ([256, 128], [8])
    first, *walked, changed = about["by_looks"]
    assert sorted(first) == list(range(1, 9))
    assert walked == [first, first]
    assert changed == first[::-1]
    assert about["by_place"][-1] == [-1] * 8


def crops_of(folder):
    """The people of the scene at the model's size, and the Keras model's embeddings of them."""
    frame, boxes = np.load(folder / "frame.npy"), np.load(folder / "boxes.npy").astype(int)
    people = [frame[top:bottom, left:right, ::-1] for left, top, right, bottom in boxes]
    crops = np.stack([Image.fromarray(one).resize((128, 256)) for one in people])
    return crops, embed(load_embedder(folder / "x.keras"), crops, normalize=True)


def smallest_cosine(found, expected):
    """Printed too: `make clients` shows it, for the table of docs/clients.md."""
    found = np.asarray(found) / np.linalg.norm(found, axis=1, keepdims=True)
    cosine = (found * expected).sum(1).min()
    print(f"smallest cosine {cosine:.8f}")
    return cosine


def test_mediapipe(scene):
    folder = export(scene, "mediapipe", "mediapipe", precisions="fp32,int8")
    crops, expected = crops_of(folder)
    np.save(folder / "crops.npy", crops)
    run("mediapipe_client.py", folder, "mediapipe", "model.tflite", "model_int8.tflite")
    found = np.load(folder / "found.npy")
    assert smallest_cosine(found[:8], expected) > 0.9999
    assert smallest_cosine(found[8:], expected) > 0.9


def test_mediapipe_takes_a_file_of_integers_alone(scene):
    folder = export(scene, "mediapipe", "mediapipe", precisions="int8", gates="int8")
    crops, expected = crops_of(folder)
    np.save(folder / "crops.npy", crops)
    run("mediapipe_client.py", folder, "mediapipe", "model_int8.tflite")
    assert smallest_cosine(np.load(folder / "found.npy"), expected) > 0.9


def test_coreml(scene):
    """It converts into plain operators; it runs on Apple's systems only."""
    folder = export(scene, "coreml", "coreml")
    found = json.loads(run("coreml_client.py", folder, "coreml"))
    assert found["image"] == [256, 128]
    assert found["embedding"] == [1, 512]
    operators = found["operators"]
    assert (operators["conv"], operators["linear"]) == (79 + 60, 49)  # as in the ONNX file
    assert not {"shape", "concat", "fill", "cast", "gather"} & set(operators)


def test_tfjs(scene):
    folder = export(scene, "tfjs", "tfjs")
    crops, expected = crops_of(folder)
    (folder / "crops.json").write_text(
        json.dumps({"shape": crops[:2].shape, "values": crops[:2].ravel().tolist()})
    )
    converter = ENVIRONMENTS / "tfjs" / "bin" / "tensorflowjs_converter"
    options = ["--input_format=tf_saved_model", "--signature_name=convert"]
    run_command([converter, *options, "1", "tfjs"], folder)
    script, modules = Path(__file__).with_name("tfjs_client.js"), ENVIRONMENTS / "node/node_modules"
    found = json.loads(run_command(["node", script, folder], folder, NODE_MODULES=str(modules)))
    assert smallest_cosine(found, expected[:2]) > 0.9999


@pytest.mark.parametrize("gates", ["float", "int8"])
def test_a_phones_processor_says_what_this_one_says(scene, gates):
    """LiteRT's other kernels: fp32 to the last bits, int8 but for how these round."""
    folder = export(scene, "mediapipe", "arm", precisions="fp32,int8", gates=gates)
    crops, expected = crops_of(folder)
    np.save(folder / "crops.npy", crops)
    files = ("model.tflite", "model_int8.tflite")
    script = Path(__file__).with_name(arm.CLIENT)
    done = arm.run(ENVIRONMENTS / "arm", "cortex-a76", script, folder, *files)
    assert done.stdout.strip() == "aarch64"
    fp32, int8 = np.load(folder / "found.npy").reshape(2, 8, -1)
    assert smallest_cosine(fp32, expected) > 0.999999
    here = run_litert(folder / "model_int8.tflite", crops)
    here /= np.linalg.norm(here, axis=1, keepdims=True)
    assert smallest_cosine(int8, here) > 0.99
    assert smallest_cosine(int8, expected) > smallest_cosine(here, expected) - 0.01
