"""Export to ONNX, and ONNX Runtime to check it with."""

import contextlib
import importlib
import json
import os
import re
import warnings
from pathlib import Path

import keras
import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import optional_package
from osnet_tf.export.formats import Format, Graph
from osnet_tf.export.frozen import INPUT_NAME, OUTPUT_NAME, Frozen, freeze
from osnet_tf.export.input_spec import PIXELS, InputSpec
from osnet_tf.export.onnx_graph import gates_to_convolutions, simplify
from osnet_tf.files import whole_file
from osnet_tf.types import PathLike

OPSET = 17
# What the layer that carries the graph to the exporter puts before every name
_NESTING = re.compile(r"^.*PartitionedCall(_\d+)?/")


def export_onnx(model: keras.Model | Frozen, path: PathLike) -> str:
    """Writes an `.onnx` file, by Keras's own exporter (tf2onnx), opset 17.

    Batch norms are folded into the convolutions, gates are 1x1 convolutions, and of the transposes
    none is left but that of the pixels.

    Its input `images` is uint8 RGB `(batch, height, width, 3)` of any batch size >= 1, its output
    `embeddings` float32 `(batch, feature_dim)`; normalisation is part of the graph. A `Frozen` that
    takes other images gives a file that takes them. The file's metadata (`metadata_props`) say
    what it is and what it takes.

    Args:
        model: A model as `osnet_tf.OSNet` returns, of a fixed input size, or `freeze` of one.
        path: The file.

    Returns:
        `path` as a string.

    Raises:
        MissingPackageError: onnx, tf2onnx or onnxruntime is not installed.
        ArgumentError: the model takes images of any size.
        WriteError: the file cannot be written.
    """
    onnx = require_onnx()
    frozen = freeze(model)
    takes = frozen.takes
    shape = takes.shape(None, frozen.size)[1:]
    images = keras.Input(shape, dtype=takes.numpy_dtype, name=INPUT_NAME)
    embed = _FrozenLayer(frozen.named_function(), frozen.dim, name="embedder")
    exported = keras.Model(images, {OUTPUT_NAME: embed(images)})

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    signature = keras.InputSpec(shape=images.shape, dtype=takes.numpy_dtype, name=INPUT_NAME)
    with whole_file(path) as new:
        with _quiet():
            exported.export(
                str(new),
                format="onnx",
                input_signature=[signature],
                opset_version=OPSET,
                verbose=False,
            )
        graph = onnx.load(new)
        _make_readable(graph.graph, frozen.name)
        gates_to_convolutions(graph)
        graph = simplify(graph)
        onnx.helper.set_model_props(graph, frozen.metadata())
        onnx.checker.check_model(graph, full_check=True)
        onnx.save(graph, new)
    return str(path)


def require_onnx():
    """The onnx package; raises MissingPackageError if it, tf2onnx or onnxruntime is missing."""
    _optional("tf2onnx")
    _optional("onnxruntime")
    return _optional("onnx")


def _make_readable(graph, name):
    """The batch is called so, and nodes are called by the layers that they come from."""
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    graph.name = name

    def short(text):
        return _NESTING.sub("", text)

    for node in graph.node:
        node.name = short(node.name)
        for names in (node.input, node.output):
            names[:] = [short(value) for value in names]
    for value in (*graph.initializer, *graph.value_info):
        value.name = short(value.name)


class _FrozenLayer(keras.layers.Layer):
    """The frozen graph as a layer, since Keras exports models."""

    def __init__(self, embed, size, **kwargs):
        super().__init__(**kwargs)
        self.embed, self.size = embed, size

    def call(self, images):
        return self.embed(images)[OUTPUT_NAME]

    def compute_output_spec(self, images):
        return keras.KerasTensor((images.shape[0], self.size), "float32")


def onnx_session(path, num_threads=1):
    """An ONNX Runtime session on the CPU.

    Raises MissingPackageError if onnxruntime is not installed.
    """
    runtime = _optional("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    # Idle threads that go on spinning would slow down whatever runs next in this process.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return runtime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])


def run_onnx(
    path: PathLike, images: ArrayLike, *, batch_size: int = 64, num_threads: int = 1
) -> np.ndarray:
    """Runs an `.onnx` embedder on images in ONNX Runtime.

    Args:
        path: A file that `export_onnx` wrote.
        images: uint8 RGB `(n, height, width, 3)`, n >= 1.
        batch_size: Images in a batch; it changes speed and memory, not the result.
        num_threads: >= 1.

    Returns:
        float32 `(n, feature_dim)`.

    Raises MissingPackageError if onnxruntime is not installed.
    """
    run = _open(path, num_threads)
    parts = [run(images[i : i + batch_size]) for i in range(0, len(images), batch_size)]
    return np.concatenate(parts)


def onnx_operators(path):
    """Dict from operator to number of an `.onnx` file."""
    counts = {}
    for node in _optional("onnx").load(os.fspath(path)).graph.node:
        counts[node.op_type] = counts.get(node.op_type, 0) + 1
    return counts


@contextlib.contextmanager
def _quiet():
    """Without tf2onnx's and Keras's warnings about NumPy's future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _optional(package):
    with optional_package(f"ONNX needs {package}", "pip install 'osnet_tf[onnx]'"):
        return importlib.import_module(package)


def onnx_takes(session):
    """The `InputSpec` of a session's file: what its metadata say; pixels, where they say nothing.

    Raises ValueError where they say something else than `export_onnx` writes.
    """
    text = session.get_modelmeta().custom_metadata_map.get("input")
    return InputSpec.of(json.loads(text)) if text else PIXELS


def _open(path, num_threads=1):
    session = onnx_session(path, num_threads)
    takes = onnx_takes(session)
    return lambda images: session.run([OUTPUT_NAME], {INPUT_NAME: takes.from_pixels(images)})[0]


FORMAT = Format(
    write=lambda frozen, path, artefact, crops: export_onnx(frozen, path),
    open=_open,
    describe=lambda path: Graph(operators=onnx_operators(path)),
    require=require_onnx,
)
