"""What a format of export is, and which there are: a new one is a module with a `FORMAT` and a line
here.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from osnet_tf.checks import check_choice
from osnet_tf.export.input_spec import PIXELS, InputSpec

#: Names on the command line of what can be written -> the module of `osnet_tf.export` with the
#: format, which is also its name in `model.json`.
WRITTEN = {
    "saved_model": "saved_model",
    "tflite": "litert",
    "onnx": "onnx",
    "openvino": "openvino",
}
PRECISIONS = ("fp32", "fp16", "dynamic", "int8")
#: What the gates of an int8 file are.
GATES = ("float", "int8")


class Artefact(NamedTuple):
    """One file of an export (of a SavedModel and OpenVINO, one folder): its name and what it is.

    Attributes:
        name: Its name in the export's folder.
        format: "saved_model", "litert", "onnx" or "openvino".
        precision: "fp32", "fp16", "dynamic" or "int8".
        batch_size: The batch it takes, or None for any.
        integer_io: Whether its embeddings are integers.
        gates: Of an int8 file, "float" or "int8".
        takes: The `InputSpec` of its images.
    """

    name: str
    format: str
    precision: str = "fp32"
    batch_size: int | None = None
    integer_io: bool = False
    takes: InputSpec = PIXELS
    gates: str = "float"


class Graph(NamedTuple):
    """What a file is made of.

    Attributes:
        operators: Dict from operator to number, or None where a format does not tell.
        partitions: Of a LiteRT file, the parts that the XNNPACK delegate takes over; else None.
        undelegated: Of a LiteRT file, a dict of the operators that it leaves out; else None.
        output: Where embeddings are integers, their dtype, scale and zero_point; else None.
    """

    operators: Mapping | None = None
    partitions: int | None = None
    undelegated: Mapping | None = None
    output: Mapping | None = None


NOTHING_TOLD = Graph()


def nothing_more():
    """What a format requires that needs no package but TensorFlow."""


@dataclass(frozen=True)
class Format:
    """How files of one format are made, run and read.

    Attributes:
        write: `write(frozen, path, artefact, crops)` writes what an `Artefact` names. `frozen` is a
            `osnet_tf.export.frozen.Frozen` that takes what the artefact does; `crops()` gives uint8
            images `(n, height, width, 3)` to calibrate with.
        open: `open(path, num_threads)` gives a function from uint8 images `(n, height, width, 3)`,
            of the batch size that the file takes and whatever it takes otherwise, to float32
            embeddings `(n, dim)`.
        describe: `describe(path)` gives the `Graph`.
        require: Raises MissingPackageError if a package is not installed that any of it needs.
    """

    write: Callable
    open: Callable
    describe: Callable = lambda path: Graph()
    require: Callable = nothing_more


def get_format(name: str) -> Format:
    """The `Format` that `model.json` calls so.

    Raises ArgumentError for any other name.
    """
    check_choice(tuple(WRITTEN.values()), format=name)
    return importlib.import_module(f"osnet_tf.export.{name}").FORMAT


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
