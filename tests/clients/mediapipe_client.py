"""MediaPipe on our files: run by its own Python, which has none of ours.

python mediapipe_client.py FOLDER FILE...: FOLDER holds `crops.npy`, uint8 RGB of the model's size,
and what an export for MediaPipe wrote. Leaves the embeddings by each file in `found.npy`.
"""

import sys
from pathlib import Path

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import ImageEmbedder, ImageEmbedderOptions


def main(folder, *files):
    folder, found = Path(folder), []
    for name in files:
        base = BaseOptions(model_asset_path=str(folder / name))
        with ImageEmbedder.create_from_options(ImageEmbedderOptions(base_options=base)) as embedder:
            for crop in np.load(folder / "crops.npy"):
                image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=crop)
                found.append(embedder.embed(image).embeddings[0].embedding)
    np.save(folder / "found.npy", found)
    print(mediapipe.__version__)


if __name__ == "__main__":
    main(*sys.argv[1:])
