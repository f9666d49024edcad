"""How long the people in a frame take, by each runtime of `CropEmbedder`."""

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from osnet_tf.crops import CropEmbedder
from osnet_tf.export.litert import export_litert
from osnet_tf.export.onnx import export_onnx
from osnet_tf.export.saved_model import export_saved_model
from osnet_tf.models import OSNet, model_size

PEOPLE = (1, 8, 32)
_WARM_UP = 2


class CropLatency(NamedTuple):
    """One row of the comparison.

    Attributes:
        name: The runtime.
        milliseconds: Dict from a number of people to the median for a frame with so many.
    """

    name: str
    milliseconds: dict


def measure_crops(preset, *, people=PEOPLE, rounds=15, num_threads=1):
    """Latency of `CropEmbedder.get_features` for a frame of 1080x1920 with some people of 200x80.

    Cutting out, resizing and embedding, of a preset with random weights, whose latency is that of
    any others. The runtimes take turns in one process, so the figures compare with each other on a
    noisy machine too. LiteRT's file takes one image at a time.

    Args:
        preset: A name as `OSNet` takes it.
        people: Numbers of people, each >= 1.
        rounds: How often each runs.
        num_threads: Threads of LiteRT and ONNX Runtime; Keras and the SavedModel use all.

    Returns:
        List of `CropLatency`, Keras first.

    Raises MissingPackageError if onnx, tf2onnx or onnxruntime is not installed.
    """
    keras.utils.set_random_seed(0)
    model = OSNet(preset)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        sources = {
            "Keras": model,
            "SavedModel": export_saved_model(model, folder / "1"),
            "LiteRT fp32": export_litert(model, folder / "model.tflite"),
            "ONNX Runtime fp32": export_onnx(model, folder / "model.onnx"),
        }
        embedders = {
            name: CropEmbedder(source, num_threads=num_threads) for name, source in sources.items()
        }
        return _measure(embedders, people, rounds, model_size(model))


def _measure(embedders, people, rounds, size):
    generator = np.random.default_rng(0)
    frame = generator.integers(0, 256, (1080, 1920, 3), np.uint8)
    found = {name: {} for name in embedders}
    for count in people:
        corners = generator.integers(0, (1920 - 80, 1080 - 200), (count, 2))
        boxes = np.concatenate([corners, corners + np.array((80, 200))], axis=1)
        times = {name: [] for name in embedders}
        for number in range(_WARM_UP + rounds):
            for name, embedder in embedders.items():
                start = time.perf_counter()
                embedder.get_features(boxes, frame)
                if number >= _WARM_UP:
                    times[name].append(1000 * (time.perf_counter() - start))
        for name, values in times.items():
            found[name][count] = float(np.median(values))
    return [CropLatency(name, milliseconds) for name, milliseconds in found.items()]
