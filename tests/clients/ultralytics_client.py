"""Ultralytics on our files: run by its own Python, which has none of ours.

python ultralytics_client.py FOLDER: FOLDER holds `frame.npy` (BGR), `boxes.npy` and what an export
for Ultralytics wrote. Leaves the embeddings of the boxes in `found.npy` and prints a JSON line: its
version, how many images it gave the file at once, and whom BoT-SORT sees in each frame, with and
without the file.
"""

import json
import os
import sys
from pathlib import Path

os.environ |= {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}
os.environ["YOLO_CONFIG_DIR"] = sys.argv[1]  # it keeps settings; not in the home of who runs this

import numpy as np
import ultralytics
from ultralytics.engine.results import Boxes
from ultralytics.trackers.bot_sort import BOTSORT
from ultralytics.utils import YAML, IterableSimpleNamespace
from ultralytics.utils.checks import check_yaml


def tracker(**changes):
    """BoT-SORT by its own `botsort.yaml`, but for these changes."""
    settings = YAML.load(check_yaml("botsort.yaml"))
    return BOTSORT(IterableSimpleNamespace(**settings | {"device": "cpu"} | changes))


def detections(boxes, shape):
    certain, person = np.full((len(boxes), 1), 0.9), np.zeros((len(boxes), 1))
    return Boxes(np.concatenate([boxes, certain, person], 1).astype(np.float32), shape)


def scenes(frame, boxes):
    """Frames in which the people walk on, and then stand below, the other way round."""
    height = len(frame)
    crops = [frame[top:bottom, left:right] for left, top, right, bottom in boxes.astype(int)]
    for step in (0, 5, 10):
        tall = np.full((2 * height, *frame.shape[1:]), 90, np.uint8)
        tall[:height] = np.roll(frame, step, axis=1)
        yield tall, boxes + np.array([step, 0, step, 0])
    below = boxes + np.array([0, height, 0, height])
    tall = np.full((2 * height, *frame.shape[1:]), 90, np.uint8)
    for crop, (left, top, right, bottom) in zip(crops[::-1], below.astype(int), strict=True):
        tall[top:bottom, left:right] = crop
    yield tall, below


def tracked(frame, boxes, **changes):
    """For each frame the identities of the boxes, -1 for one that it does not know yet."""
    by, identities = tracker(gmc_method="none", proximity_thresh=0.0, **changes), []
    for seen, where in scenes(frame, boxes):
        row = [-1] * len(where)
        for found in by.update(detections(where, seen.shape[:2]), seen):
            row[int(found[7])] = int(found[4])
        identities.append(row)
    return identities


def main(folder):
    folder = Path(folder)
    frame, boxes = np.load(folder / "frame.npy"), np.load(folder / "boxes.npy")
    reid = {"with_reid": True, "model": str(folder / "model.onnx")}
    encoder = tracker(**reid).encoder
    session, batches = encoder.model.backend.session, []

    class Counting:
        def run(self, names, feed):
            batches.extend(len(images) for images in feed.values())
            return session.run(names, feed)

        def __getattr__(self, name):
            return getattr(session, name)

    encoder.model.backend.session = Counting()
    np.save(folder / "found.npy", encoder(frame, detections(boxes, frame.shape[:2]).xywh))
    about = {
        "version": ultralytics.__version__,
        "size": encoder.imgsz,
        "batches": batches,
        "by_looks": tracked(frame, boxes, **reid),
        "by_place": tracked(frame, boxes),
    }
    print(json.dumps(about))


if __name__ == "__main__":
    main(sys.argv[1])
