"""The same network on the CPU runtimes there are, in one run."""

import importlib.util
import tempfile
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.export.inference_rate import as_if_trained
from osnet_tf.export.latency import KERAS, latencies, save_keras_graph
from osnet_tf.export.litert import export_litert
from osnet_tf.export.onnx import export_onnx
from osnet_tf.models import OSNet, model_size


class RuntimeLatency(NamedTuple):
    """One row of the comparison.

    Attributes:
        name: The runtime and the file.
        milliseconds: Dict from a number of threads to the median for one image.
    """

    name: str
    milliseconds: dict


def compare_preset(preset, *, rounds=30):
    """`compare_runtimes` of a preset with random weights, whose latency is that of any others.

    int8 is calibrated on noise, so that its file is good for nothing but this.
    """
    keras.utils.set_random_seed(0)
    embedder = as_if_trained(OSNet(preset))
    noise = np.random.default_rng(0).integers(0, 256, (8, *model_size(embedder), 3), "uint8")
    return compare_runtimes(embedder, calibration_images=noise, rounds=rounds)


def compare_runtimes(embedder, *, calibration_images=None, threads=(1, 2), rounds=30):
    """Latency of one image: our LiteRT files, plain conversion, ONNX Runtime, OpenVINO, Keras.

    All take turns in one process for each number of threads, so the figures compare with each
    other on a noisy machine too. OpenVINO is left out where it is not installed. Everything
    computes in float32 but int8.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        calibration_images: uint8 crops to calibrate int8 on; without any there is no int8 row.
        threads: Numbers of threads, each >= 1.
        rounds: How often each runs.

    Returns:
        List of `RuntimeLatency`, our fp32 file first.

    Raises MissingPackageError if onnx, tf2onnx or onnxruntime is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        ours = export_litert(embedder, folder / "model.tflite")
        onnx = export_onnx(embedder, folder / "model.onnx")
        models = {
            "LiteRT fp32": ("litert", ours, 1),
            "LiteRT fp32, plain static conversion": (
                "litert",
                convert_plainly(embedder, folder),
                1,
            ),
            "ONNX Runtime fp32": ("onnx", onnx, 1),
        }
        if importlib.util.find_spec("openvino") is not None:
            models["OpenVINO fp32"] = ("openvino", onnx, 1)
        if calibration_images is not None:
            int8 = export_litert(
                embedder,
                folder / "model_int8.tflite",
                precision="int8",
                calibration_images=calibration_images,
            )
            models["LiteRT int8"] = ("litert", int8, 1)
        models["Keras in TensorFlow"] = (
            "saved_model",
            save_keras_graph(embedder, folder / KERAS),
            1,
        )
        found = latencies(models, size=model_size(embedder), threads=threads, rounds=rounds)
    return [RuntimeLatency(name, milliseconds) for name, milliseconds in found.items()]


def convert_plainly(embedder, folder):
    """What Keras's exporter and TensorFlow's converter make of the model at a batch of 1, by
    themselves; returns the file's path."""
    archive = keras.export.ExportArchive()
    archive.track(embedder)
    archive.add_endpoint(
        "serving_default",
        lambda images: {"embeddings": embedder(tf.cast(images, tf.float32), training=False)},
        input_signature=[tf.TensorSpec((1, *model_size(embedder), 3), tf.uint8, name="images")],
    )
    directory = Path(folder) / "plain"
    archive.write_out(str(directory), verbose=False)
    path = Path(folder) / "plain.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(directory)).convert())
    return str(path)
