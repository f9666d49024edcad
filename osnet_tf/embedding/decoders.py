"""What other ways of reading and resizing a picture do to its embedding."""

import importlib.util
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from osnet_tf.data.decoding import naming_bad_images
from osnet_tf.embedding.files import embed_paths
from osnet_tf.embedding.inference import inference_function
from osnet_tf.models import model_size
from osnet_tf.preprocessing import resize

_BATCH = 64


class Difference(NamedTuple):
    """How far embeddings lie from those of the project's own reading.

    Attributes:
        name: The way of reading.
        cosine_min, cosine_mean: Of the cosines between the two embeddings of each image.
    """

    name: str
    cosine_min: float
    cosine_mean: float


def compare_decoders(model, paths, *, progress=None):
    """Embeds JPEG files as other programs would read and resize them, and compares.

    Args:
        model: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        paths: JPEG files, at least one.
        progress: Called with the number of images of each finished batch; may be None.

    Returns:
        List of `Difference`. OpenCV's rows are left out where it is not installed.

    Raises ImageError for a file that cannot be read.
    """
    expected = _unit(embed_paths(model, paths, progress=progress))
    found = []
    for name, read in ways_to_read(model_size(model)).items():
        cosines = (_embed(model, paths, read, progress) * expected).sum(1)
        found.append(Difference(name, float(cosines.min()), float(cosines.mean())))
    return found


def ways_to_read(size):
    """Name -> function from a path to uint8 RGB `(height, width, 3)` of a size.

    >>> sorted(ways_to_read((256, 128)))[0]
    'BGR by mistake'
    """
    height, width = size

    def pillow(path, kind):
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB").resize((width, height), kind))

    def tensorflow(path, **options):
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return np.round(tf.image.resize(image, size, **options)).clip(0, 255).astype(np.uint8)

    def keras_(path, kind):
        image = keras.utils.load_img(path, target_size=size, interpolation=kind)
        return np.asarray(image)

    ways = {
        "Pillow, bilinear": lambda path: pillow(path, Image.Resampling.BILINEAR),
        "Pillow, bicubic": lambda path: pillow(path, Image.Resampling.BICUBIC),
        "Pillow, nearest": lambda path: pillow(path, Image.Resampling.NEAREST),
        "tf.io.decode_jpeg, tf.image.resize": tensorflow,
        "tf.io.decode_jpeg, tf.image.resize(antialias=True)": lambda path: tensorflow(
            path, antialias=True
        ),
        "tf.io.decode_jpeg, the project's resize": lambda path: resize(
            tf.io.decode_jpeg(tf.io.read_file(path), channels=3), size
        ).numpy(),
        "keras.utils.load_img, as it stands (nearest)": lambda path: keras_(path, "nearest"),
        "keras.utils.load_img, bilinear": lambda path: keras_(path, "bilinear"),
        "BGR by mistake": lambda path: pillow(path, Image.Resampling.BILINEAR)[..., ::-1],
    }
    if importlib.util.find_spec("cv2") is not None:
        ways |= _of_opencv(size)
    return ways


def _of_opencv(size):
    import cv2

    def read(path, kind):
        image = cv2.resize(cv2.imread(path), size[::-1], interpolation=kind)
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)

    return {
        "cv2.imread, cv2.resize": lambda path: read(path, cv2.INTER_LINEAR),
        "cv2.imread, cv2.resize(INTER_AREA)": lambda path: read(path, cv2.INTER_AREA),
    }


def _embed(model, paths, read, progress):
    run, rows = inference_function(model), []
    with naming_bad_images(paths):
        for start in range(0, len(paths), _BATCH):
            images = np.stack([read(path) for path in paths[start : start + _BATCH]])
            rows.append(run(images).numpy())
            if progress is not None:
                progress(len(images))
    return _unit(np.concatenate(rows))


def _unit(rows):
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)
