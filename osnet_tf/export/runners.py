"""Runs an artefact of any format: uint8 images in, float32 embeddings out."""

import os
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from osnet_tf.errors import ArgumentError, MissingPackageError
from osnet_tf.export.frozen import INPUT_NAME, OUTPUT_NAME, SIGNATURE
from osnet_tf.export.litert_runtime import LiteRTEmbedder
from osnet_tf.export.onnx import onnx_session


class Artefact(NamedTuple):
    """One exported file (for a SavedModel, one folder).

    Attributes:
        path: Where it lies, str.
        format: "saved_model", "litert" or "onnx".
        precision: "fp32", "fp16", "dynamic" or "int8".
        batch_size: The batch it takes, or None for any.
        output: Where the output is integer, its dtype, scale and zero_point; else None.
    """

    path: str
    format: str
    precision: str = "fp32"
    batch_size: int | None = None
    output: Mapping | None = None

    @property
    def name(self):
        """File name, by which reports call it.

        >>> Artefact("saved_models/mine/model_fp16.tflite", "litert", "fp16", 1).name
        'model_fp16.tflite'
        """
        return os.path.basename(self.path)


def runner(format, path, num_threads=1):
    """Opens a model once, to be run many times.

    Args:
        format: "saved_model", "litert", "onnx", or "openvino" (which reads ONNX files too).
        path: The model.
        num_threads: >= 1. TensorFlow has one number of threads for the whole process, so
            SavedModels take no notice of it.

    Returns:
        A function from uint8 images `(n, height, width, 3)`, of the batch size that the model
        takes, to float32 embeddings `(n, dim)`.

    Raises ImportError if the format's runtime is not installed.
    """
    openers = {
        "saved_model": _open_saved_model,
        "litert": LiteRTEmbedder,
        "onnx": _open_onnx,
        "openvino": _open_openvino,
    }
    if format not in openers:
        raise ArgumentError(
            f"`format` must be one of {', '.join(openers)}. Received: format={format!r}"
        )
    return openers[format](os.fspath(path), num_threads)


def in_batches(run, images, batch_size):
    """Runs images through a model that takes `batch_size` at a time (None: any number).

    Where the number of images is no multiple of it, the last one is repeated and cut off again.

    >>> in_batches(lambda pair: pair * 2, np.array([1, 2, 3]), batch_size=2).tolist()
    [2, 4, 6]
    """
    if batch_size is None:
        return run(images)
    missing = -len(images) % batch_size
    padded = np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])
    parts = [run(padded[i : i + batch_size]) for i in range(0, len(padded), batch_size)]
    return np.concatenate(parts)[: len(images)]


def _open_saved_model(path, num_threads):
    import tensorflow as tf

    model = tf.saved_model.load(path)
    serve = model.signatures[SIGNATURE]

    def run(images, _keep=model):
        return serve(**{INPUT_NAME: tf.constant(images)})[OUTPUT_NAME].numpy()

    return run


def _open_onnx(path, num_threads):
    session = onnx_session(path, num_threads)
    return lambda images: session.run([OUTPUT_NAME], {INPUT_NAME: images})[0]


def _open_openvino(path, num_threads):
    try:
        import openvino
    except ImportError as error:
        raise MissingPackageError(
            "OpenVINO is not installed: pip install openvino (it is only compared with)"
        ) from error
    # f32 as the others: OpenVINO takes bfloat16 where the processor has it
    options = {"INFERENCE_NUM_THREADS": num_threads, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(
        path, "CPU", {"PERFORMANCE_HINT": "LATENCY", **options}
    )
    return lambda images: compiled([images])[0]
