"""BoxMOT on our files: run by its own Python, which has none of ours.

python boxmot_client.py FOLDER: FOLDER holds `frame.npy` (BGR), `boxes.npy`, the public weights as
`osnet_x0_25_market1501.pt` and what an export for BoxMOT wrote. Prints a JSON line: the smallest
cosine of each file's embeddings to those of BoxMOT's own PyTorch model, and what BotSORT tracks.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch


def backends(folder):
    from boxmot.reid.backends.onnx_backend import ONNXBackend
    from boxmot.reid.backends.pytorch_backend import PyTorchBackend
    from boxmot.reid.backends.tflite_backend import TFLiteBackend

    cpu, name = torch.device("cpu"), "osnet_x0_25_market1501"
    return {
        "pytorch": PyTorchBackend(folder / f"{name}.pt", cpu, False),
        "onnx": ONNXBackend(folder / f"{name}.onnx", cpu, False),
        "tflite": TFLiteBackend(folder / f"{name}.tflite", cpu, False),
    }


def tracked(folder, frame, boxes, **reid):
    """The identities that BotSORT gives the people in four frames, in which they walk on."""
    from boxmot.trackers.box.botsort.tracker import BotSort

    tracker = BotSort(use_cmc=False, device=torch.device("cpu"), half=False, **reid)
    identities = []
    for number in range(4):
        moved = np.roll(frame, 5 * number, axis=1)
        rows = np.concatenate(
            [boxes + [5 * number, 0] * 2, np.full((len(boxes), 1), 0.9), np.zeros((len(boxes), 1))],
            axis=1,
        )
        found = np.asarray(tracker.update(rows.astype(np.float32), moved))
        identities.append(sorted({int(row[4]) for row in found}))
    return identities


def main(folder):
    folder = Path(folder)
    frame, boxes = np.load(folder / "frame.npy"), np.load(folder / "boxes.npy")
    found = {name: one.get_features(boxes, frame) for name, one in backends(folder).items()}
    cosines = {
        name: float((rows * found["pytorch"]).sum(1).min())
        for name, rows in found.items()
        if name != "pytorch"
    }
    weights = folder / "osnet_x0_25_market1501.onnx"
    identities = tracked(folder, frame, boxes, reid_weights=weights)
    print(json.dumps({"cosines": cosines, "identities": identities}))


if __name__ == "__main__":
    main(sys.argv[1])
