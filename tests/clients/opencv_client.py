"""OpenCV on our files: run by its own Python, which has none of ours.

python opencv_client.py FOLDER [FILE]: FOLDER holds `frame.npy` (BGR), `boxes.npy` and what an
export for OpenCV wrote. Leaves the embeddings of the boxes by FILE (model.onnx) in `found.npy`.
"""

import sys
from pathlib import Path

import cv2
import numpy as np


def main(folder, file="model.onnx"):
    folder = Path(folder)
    frame, boxes = np.load(folder / "frame.npy"), np.load(folder / "boxes.npy").astype(int)
    net = cv2.dnn.readNet(str(folder / file))
    rows = []
    for left, top, right, bottom in boxes:
        blob = cv2.dnn.blobFromImage(
            frame[top:bottom, left:right], 1.0, (128, 256), swapRB=True, crop=False
        )
        net.setInput(blob)
        rows.append(net.forward()[0])
    np.save(folder / "found.npy", rows)
    print(cv2.__version__)


if __name__ == "__main__":
    main(*sys.argv[1:])
