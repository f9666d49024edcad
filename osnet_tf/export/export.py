"""All artefacts of a model at once, checked against it."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from osnet_tf.export.litert import export_litert, run_litert
from osnet_tf.export.saved_model import export_saved_model

#: Cosine between an artefact's embedding and the Keras model's below which an export has failed.
MIN_COSINE = 0.9999


class ExportMismatchError(ValueError):
    """An exported model does not give the embeddings of the Keras model."""


def export(embedder, output_dir, images):
    """Writes `<output_dir>/1/` (SavedModel) and `model.tflite`, and checks both on images.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        output_dir: Folder of the artefacts; made if need be.
        images: uint8 RGB `(n, height, width, 3)`, real crops, n >= 1.

    Returns:
        Dict from "saved_model" and "litert" to (path, smallest cosine to the Keras embeddings).

    Raises:
        ExportMismatchError: a cosine is below 0.9999; the message says of which file.
        ValueError: no images, or of another size.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != embedder.input_shape[1:] or not len(images):
        raise ValueError(
            f"`images` must be uint8 of shape (n, *{embedder.input_shape[1:]}). "
            f"Received: {images.dtype} {images.shape}"
        )
    output_dir = Path(output_dir)
    expected = np.asarray(embedder(images.astype("float32"), training=False))

    saved_model = export_saved_model(embedder, output_dir / "1")
    serve = tf.saved_model.load(saved_model).signatures["serving_default"]
    served = np.asarray(serve(images=tf.constant(images))["embeddings"])
    report = {"saved_model": (saved_model, _checked(saved_model, served, expected))}
    litert = export_litert(embedder, output_dir / "model.tflite")
    report["litert"] = (litert, _checked(litert, run_litert(litert, images), expected))
    return report


def _checked(path, actual, expected):
    """The smallest cosine; raises ExportMismatchError if it is too small."""
    cosine = smallest_cosine(expected, actual)
    if not cosine >= MIN_COSINE:
        raise ExportMismatchError(
            f"{path} gives other embeddings than the Keras model: smallest cosine {cosine:.6f} on "
            f"{len(expected)} images, expected at least {MIN_COSINE}"
        )
    return cosine


def smallest_cosine(a, b):
    """The smallest cosine between rows of two `(n, dim)` arrays; two zero rows count as equal.

    >>> smallest_cosine(np.eye(2), np.array([[1.0, 0.0], [0.0, 2.0]]))
    1.0
    """
    a, b = (np.asarray(x, "float64") for x in (a, b))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    both_zero = ~a.any(axis=1) & ~b.any(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.sum(a * b, axis=1) / norms
    return float(np.min(np.where(both_zero, 1.0, np.where(norms > 0, cosines, 0.0))))
