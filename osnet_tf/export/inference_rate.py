"""How long batches of several sizes take on the CPU runtimes there are, in one run."""

import importlib.util
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from osnet_tf.export.latency import KERAS, latency_quartiles, save_keras_graph
from osnet_tf.export.litert import export_litert
from osnet_tf.export.onnx import export_onnx
from osnet_tf.export.saved_model import export_saved_model
from osnet_tf.models import OSNet, model_size
from osnet_tf.public_code import save_public

BATCHES = (1, 8, 32)


class BatchLatency(NamedTuple):
    """One row of the comparison.

    Attributes:
        name: The runtime.
        milliseconds: Dict from a batch size to the three quartiles of what a batch takes.
    """

    name: str
    milliseconds: dict


def measure_inference(
    preset, *, public_code=None, batches=BATCHES, threads=1, rounds=15, size=(256, 128)
):
    """The same network from uint8 pixels to embeddings: our SavedModel and the other runtimes.

    All of one batch size take turns in one process, so the figures compare with each other on a
    noisy machine too. Everything computes in float32. OpenVINO is left out where it is not
    installed, PyTorch without `public_code`.

    Args:
        preset: A name as `OSNet` takes it; its weights are random.
        public_code: A checkout of KaiyangZhou/deep-person-reid, for PyTorch, eager and compiled.
        batches: Batch sizes, each >= 1.
        threads: Of every runtime, >= 1.
        rounds: How often each runs.
        size: `(height, width)` of the images.

    Returns:
        List of `BatchLatency`, the SavedModel first.

    Raises MissingPackageError if onnx, tf2onnx or onnxruntime is not installed.
    """
    model = as_if_trained(OSNet(preset, input_shape=(*size, 3)))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        onnx = export_onnx(model, folder / "model.onnx")
        kinds = {
            "SavedModel": ("saved_model", export_saved_model(model, folder / "1")),
            "Keras in TensorFlow": ("saved_model", save_keras_graph(model, folder / KERAS)),
            "ONNX Runtime": ("onnx", onnx),
        }
        if importlib.util.find_spec("openvino") is not None:
            kinds["OpenVINO"] = ("openvino", onnx)
        if public_code:
            public = save_public(model, public_code, preset, folder)
            kinds["PyTorch"] = ("pytorch", public)
            kinds["PyTorch, compiled"] = ("pytorch_compiled", public)
        for batch in batches:
            file = export_litert(model, folder / f"{batch}.tflite", batch_size=batch)
            models = {**kinds, "LiteRT": ("litert", file)}
            models = {name: (*how, batch) for name, how in models.items()}
            measured = latency_quartiles(
                models, size=model_size(model), threads=(threads,), rounds=rounds
            )
            for name, quartiles in measured.items():
                found.setdefault(name, {})[batch] = quartiles[threads]
    return [BatchLatency(name, milliseconds) for name, milliseconds in found.items()]


def as_if_trained(model, seed=0):
    """The model with batch norms and gates that do something, in place.

    Those of a new model add nothing, which graphs leave out: it would be faster than any trained.
    """
    generator = np.random.default_rng(seed)
    for variable in model.variables:
        name = variable.path.rsplit("/", 1)[-1]
        if name in ("gamma", "moving_variance"):
            variable.assign(generator.uniform(0.5, 1.5, variable.shape))
        elif name in ("beta", "moving_mean", "bias"):
            variable.assign(generator.normal(0.0, 0.2, variable.shape))
    return model
