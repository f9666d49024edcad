"""Export to OpenVINO's IR, and OpenVINO to check it with; it reads ONNX files too."""

import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import tensorflow as tf

from osnet_tf.checks import optional_package
from osnet_tf.errors import FileError
from osnet_tf.export.formats import Format, Graph
from osnet_tf.export.frozen import INPUT_NAME, SIGNATURE, Frozen, freeze, save_module
from osnet_tf.export.input_spec import PIXELS, InputSpec
from osnet_tf.files import whole_folder
from osnet_tf.types import PathLike

_OURS = "osnet_tf"  # what our entries of a file's `rt_info` stand under


def export_openvino(model: Any | Frozen, directory: PathLike, name: str = "model") -> str:
    """Writes a folder with `NAME.xml` and `NAME.bin`, by OpenVINO's own converter, in float32.

    Its input `images` is uint8 RGB `(batch, height, width, 3)` of any batch size >= 1, its output
    `embeddings` float32 `(batch, feature_dim)`; normalisation is part of the graph. A `Frozen` that
    takes other images gives a file that takes them. Its `rt_info` says what it is and what it
    takes.

    Args:
        model: A model as `osnet_tf.OSNet` returns, of a fixed input size, or `freeze` of one.
        directory: Where to write; its parents are made if need be, and nothing may lie there.
        name: Of the two files.

    Returns:
        `directory` as a string.

    Raises:
        MissingPackageError: openvino is not installed.
        ArgumentError: the model takes images of any size.
        WriteError: something lies there already, or it cannot be written.
    """
    openvino = require_openvino()
    frozen, directory = freeze(model), Path(directory)
    module = tf.Module()
    module.serve = frozen.named_function()
    with tempfile.TemporaryDirectory() as folder:
        save_module(module, folder, {SIGNATURE: module.serve})
        graph = openvino.convert_model(folder)
    for key, value in frozen.metadata().items():
        graph.set_rt_info(value, [_OURS, key])
    directory.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(directory) as new:
        openvino.save_model(graph, os.fspath(Path(new) / f"{name}.xml"), compress_to_fp16=False)
    return str(directory)


def require_openvino():
    """The openvino package; raises MissingPackageError if it is not installed."""
    with optional_package("OpenVINO's files need openvino", "pip install 'osnet_tf[openvino]'"):
        import openvino
    return openvino


class OpenVINOEmbedder:
    """An embedder in OpenVINO on the CPU, opened once to be run many times.

    Called with uint8 RGB images `(n, height, width, 3)`, n >= 1, it hands over what the file takes
    and gives float32 embeddings `(n, dim)`.

    Args:
        path: What `export_openvino` wrote: the folder or its `.xml` file; or an `.onnx` file that
            takes pixels.
        num_threads: >= 1.

    Attributes:
        image_size: `(height, width)` of the images.
        size: Values of an embedding.

    Raises:
        MissingPackageError: openvino is not installed.
        FileError: a folder without one `.xml` file.
    """

    def __init__(self, path, num_threads=1):
        core = require_openvino().Core()
        graph = core.read_model(os.fspath(_file_of(path)))
        told = graph.has_rt_info([_OURS, "input"])
        text = graph.get_rt_info([_OURS, "input"]).astype(str) if told else None
        self._takes = InputSpec.of(json.loads(text)) if text else PIXELS
        shape = graph.input(INPUT_NAME).partial_shape
        sides = (2, 3) if self._takes.layout == "nchw" else (1, 2)
        self.image_size = tuple(shape[side].get_length() for side in sides)
        self.size = graph.output(0).partial_shape[1].get_length()
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": num_threads,
            # f32 as the others: OpenVINO takes bfloat16 where the processor has it
            "INFERENCE_PRECISION_HINT": "f32",
        }
        self._serve = core.compile_model(graph, "CPU", options)

    def __call__(self, images):
        return self._serve([self._takes.from_pixels(images)])[0].copy()


def _file_of(path):
    path = Path(path)
    if not path.is_dir():
        return path
    found = sorted(path.glob("*.xml"))
    if len(found) != 1:
        raise FileError(path, f"must hold one .xml file of OpenVINO. Received: {len(found)}")
    return found[0]


def openvino_operators(path):
    """Dict from operator to number of what `export_openvino` wrote, without the constants."""
    graph = require_openvino().Core().read_model(os.fspath(_file_of(path)))
    kinds = (node.get_type_name() for node in graph.get_ordered_ops())
    return dict(Counter(kind for kind in kinds if kind not in ("Constant", "Parameter", "Result")))


FORMAT = Format(
    write=lambda frozen, path, artefact, crops: export_openvino(
        frozen, path, path.name.removesuffix("_openvino_model")
    ),
    open=OpenVINOEmbedder,
    describe=lambda path: Graph(operators=openvino_operators(path)),
    require=require_openvino,
)
