"""ONNX files beside PyTorch's own export of the public code's network, in one run.

    python -m tests.export.public_code CHECKOUT --weights=osnet_x0_25_market1501.pth

CHECKOUT is a checkout of KaiyangZhou/deep-person-reid; PyTorch is needed. One thread of ONNX
Runtime, one image, all files in turn.
"""

import argparse
import importlib.util
import tempfile
import time
from pathlib import Path

import numpy as np

from osnet_tf.export.frozen import freeze
from osnet_tf.export.input_spec import InputSpec
from osnet_tf.export.onnx import OPSET, export_onnx, onnx_session

_SIZE = (256, 128)


def compare(checkout, weights, rounds):
    """A row for each file: its name, nodes, and the fastest, 10th percentile and median in ms.

    Raises AssertionError where the files' embeddings differ.
    """
    import onnx

    pixels = np.random.default_rng(0).integers(0, 256, (1, *_SIZE, 3), np.uint8)
    outside = InputSpec("nchw", "float", "outside")
    planes = np.ascontiguousarray(outside.from_pixels(pixels))
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "osnet_tf, uint8, NHWC": (_ours(folder, weights, "a.onnx"), pixels),
            "osnet_tf, float32, NCHW, normalised outside": (
                _ours(folder, weights, "b.onnx", outside),
                planes,
            ),
            "torch.onnx.export of the public code": (_public(folder, checkout, weights), planes),
        }
        nodes = [len(onnx.load(path).graph.node) for path, _ in files.values()]
        runs = []
        for path, images in files.values():
            session = onnx_session(path)
            runs.append((session, {session.get_inputs()[0].name: images}))
    found = [session.run(None, given)[0] for session, given in runs]
    for embedding in found:
        np.testing.assert_allclose(embedding, found[-1], atol=1e-4)
    times = [[] for _ in runs]
    for _ in range(rounds):
        for (session, given), own in zip(runs, times, strict=True):
            start = time.perf_counter()
            session.run(None, given)
            own.append(1e3 * (time.perf_counter() - start))
    return [
        (name, number, min(own), float(np.percentile(own, 10)), float(np.median(own)))
        for name, number, own in zip(files, nodes, times, strict=True)
    ]


def _ours(folder, weights, name, takes=None):
    from osnet_tf import OSNet

    model = OSNet("osnet_x0_25", weights=weights, input_shape=(*_SIZE, 3))
    return export_onnx(model if takes is None else freeze(model, takes), Path(folder, name))


def _public(folder, checkout, weights):
    import torch

    path = Path(checkout, "torchreid/models/osnet.py")
    spec = importlib.util.spec_from_file_location("public_osnet", path)
    public = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(public)
    state = torch.load(weights, map_location="cpu", weights_only=False)
    state = {key.removeprefix("module."): v for key, v in state.get("state_dict", state).items()}
    classes = len(state["classifier.bias"])
    model = public.osnet_x0_25(num_classes=classes, pretrained=False).eval()
    model.load_state_dict(state)
    file = str(Path(folder, "public.onnx"))
    images = torch.zeros(1, 3, *_SIZE)
    options = {"input_names": ["images"], "dynamic_axes": {"images": {0: "batch"}}}
    torch.onnx.export(model, images, file, opset_version=OPSET, dynamo=False, **options)
    return file


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.export.public_code")
    parser.add_argument("checkout")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--rounds", type=int, default=300)
    given = parser.parse_args()
    rows = compare(given.checkout, given.weights, given.rounds)
    print("nodes  fastest    10 %   median  ratio  file")
    for name, nodes, fastest, low, median in rows:
        print(
            f"{nodes:>5}  {fastest:>7.2f}  {low:>6.2f}  {median:>7.2f}  "
            f"{median / rows[-1][-1]:>5.2f}  {name}"
        )


if __name__ == "__main__":
    main()
