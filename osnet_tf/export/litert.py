"""Export to LiteRT (TensorFlow Lite)."""

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from osnet_tf.export.saved_model import export_with_batch


def export_litert(embedder, path, *, batch_size=1):
    """Writes a float32 `.tflite` file.

    Its signature `serving_default` takes `images`, uint8 RGB `(batch_size, height, width, 3)`, and
    gives `embeddings`, float32 `(batch_size, feature_dim)`; normalisation is part of the graph. The
    batch is static: with a dynamic one the gates drag shape arithmetic into the graph, which then
    falls into many delegate partitions and runs several times slower.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        path: The file.
        batch_size: >= 1.

    Returns:
        `path` as a string.

    Raises ValueError if the model takes images of any size or `batch_size` < 1.

    >>> import tempfile, pathlib
    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> file = export_litert(model, pathlib.Path(tempfile.mkdtemp()) / "model.tflite")
    >>> run_litert(file, np.zeros((2, 64, 32, 3), "uint8")).shape
    (2, 512)
    """
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(
            f"`batch_size` must be a positive integer. Received: batch_size={batch_size!r}"
        )
    with tempfile.TemporaryDirectory() as folder:
        export_with_batch(embedder, folder, batch_size)
        content = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return str(path)


def run_litert(path, images, *, num_threads=1):
    """Runs a `.tflite` embedder on images, batch by batch.

    Args:
        path: A file that `export_litert` wrote.
        images: uint8 RGB `(n, height, width, 3)`, n a multiple of the file's batch size.
        num_threads: >= 1.

    Returns:
        float32 `(n, feature_dim)`.

    Raises ValueError if n is no multiple of the file's batch size.
    """
    interpreter = _interpreter(path, num_threads=num_threads)
    serve = interpreter.get_signature_runner("serving_default")
    batch = int(serve.get_input_details()["images"]["shape"][0])
    if len(images) % batch:
        raise ValueError(
            f"The file embeds {batch} images at a time. Received: {len(images)} images"
        )
    parts = [
        serve(images=images[i : i + batch])["embeddings"] for i in range(0, len(images), batch)
    ]
    return np.concatenate(parts)


class LiteRTGraph(NamedTuple):
    """What a `.tflite` file is made of.

    Attributes:
        operators: Counter from operator name to number.
        partitions: Parts that the XNNPACK delegate takes over; 1 is best.
    """

    operators: Counter
    partitions: int


def inspect_litert(path):
    """The operators and delegate partitions of a `.tflite` file.

    Returns:
        `LiteRTGraph`.
    """
    from ai_edge_litert.interpreter import OpResolverType

    plain = _interpreter(path, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    delegated = _interpreter(path)
    return LiteRTGraph(
        Counter(op["op_name"] for op in plain._get_ops_details()),
        sum(op["op_name"] == "DELEGATE" for op in delegated._get_ops_details()),
    )


def _interpreter(path, resolver=None, num_threads=1):
    from ai_edge_litert.interpreter import Interpreter

    arguments = {} if resolver is None else {"experimental_op_resolver_type": resolver}
    interpreter = Interpreter(model_path=os.fspath(path), num_threads=num_threads, **arguments)
    interpreter.allocate_tensors()
    return interpreter
