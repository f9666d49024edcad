"""How fast images come out of the pipeline."""

import time
from typing import NamedTuple

import numpy as np

from osnet_tf.data.augmentation import Augmentation
from osnet_tf.data.pipeline import DecodedImages, training_dataset
from osnet_tf.errors import ArgumentError

_BATCH = 64


class Throughput(NamedTuple):
    """One row of `measure_throughput`.

    Attributes:
        name: What was done to each image.
        images_per_second: Best of the repeats.
    """

    name: str
    images_per_second: float


def measure_throughput(paths, size, *, repeats=3):
    """Images per second through the pipeline, from files and from memory, all in one run.

    Args:
        paths: Image files, at least 64.
        size: `(height, width)` that they are resized to.
        repeats: Epochs timed for each row, >= 1; the best counts, since machines are noisy.

    Returns:
        List of `Throughput`, from the cheapest work to the dearest.

    Raises ValueError for fewer than 64 images.
    """
    paths = list(paths)
    if len(paths) < _BATCH:
        raise ArgumentError(f"At least {_BATCH} images are needed. Received: {len(paths)}")
    order = np.random.default_rng(0).permutation(len(paths))
    batches = order[: len(paths) // _BATCH * _BATCH].reshape(-1, _BATCH)
    flip = Augmentation(flip=True)
    everything = Augmentation(flip=True, pad=8, erase=0.5, brightness=0.2, contrast=0.15)
    files, memory = DecodedImages(paths, size, budget=0), DecodedImages(paths, size)
    rows = [
        ("from memory: flip", memory, flip),
        ("from memory: flip, crop, erase, jitter", memory, everything),
        ("from files: decode, resize, flip", files, flip),
    ]

    def seconds(images, augmentation):
        start = time.perf_counter()
        for _ in training_dataset(images, {}, batches, augmentation=augmentation):
            pass
        return time.perf_counter() - start

    return [
        Throughput(name, batches.size / min(seconds(*what) for _ in range(repeats)))
        for name, *what in rows
    ]
