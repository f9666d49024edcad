"""Running `.tflite` files in LiteRT."""

import os

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.errors import ArgumentError
from osnet_tf.export.frozen import INPUT_NAME, OUTPUT_NAME, SIGNATURE
from osnet_tf.export.input_spec import PIXELS
from osnet_tf.types import PathLike


class LiteRTEmbedder:
    """A `.tflite` embedder, opened once to be run many times.

    Called with uint8 RGB images `(batch_size, height, width, 3)`, it hands over what the file takes
    and gives float32 embeddings `(batch_size, dim)`; integer ones are scaled back.

    Args:
        path: A file that `export_litert` wrote.
        num_threads: >= 1.
        takes: The `InputSpec` of the file's images.

    Attributes:
        image_size: `(height, width)` of the images.
        batch_size: Images that one call takes.
        size: Values of an embedding.
        output: Of integer embeddings the dict `{dtype, scale, zero_point}`, else None.
    """

    def __init__(self, path, num_threads=1, takes=PIXELS):
        self._takes = takes
        self._serve = litert_interpreter(path, num_threads).get_signature_runner(SIGNATURE)
        images = self._serve.get_input_details()[INPUT_NAME]
        shape = tuple(map(int, images["shape"]))
        self.batch_size = shape[0]
        self.image_size = shape[2:] if takes.layout == "nchw" else shape[1:3]
        dtype = np.dtype(images["dtype"]).name
        if shape != takes.shape(shape[0], self.image_size) or dtype != takes.numpy_dtype:
            raise ArgumentError(
                f"{os.fspath(path)} takes {dtype} {shape}, not what was said. "
                f"Received: takes={takes}"
            )
        details = self._serve.get_output_details()[OUTPUT_NAME]
        self.size = int(details["shape"][-1])
        self.output = None
        if details["dtype"] != np.float32:
            scale, zero_point = details["quantization"]
            self.output = {
                "dtype": np.dtype(details["dtype"]).name,
                "scale": float(scale),
                "zero_point": int(zero_point),
            }

    def __call__(self, images):
        embeddings = self._serve(**{INPUT_NAME: self._takes.from_pixels(images)})[OUTPUT_NAME]
        if self.output is None:
            return embeddings
        shifted = embeddings.astype(np.float32) - self.output["zero_point"]
        return np.float32(self.output["scale"]) * shifted


def run_litert(path: PathLike, images: ArrayLike, *, num_threads: int = 1) -> np.ndarray:
    """Runs a `.tflite` embedder on images, batch by batch.

    Args:
        path: A file that `export_litert` wrote.
        images: uint8 RGB `(n, height, width, 3)`, n a multiple of the file's batch size.
        num_threads: >= 1.

    Returns:
        float32 `(n, feature_dim)`; integer embeddings are scaled back.

    Raises ArgumentError if n is no multiple of the file's batch size.
    """
    embedder = LiteRTEmbedder(path, num_threads)
    batch = embedder.batch_size
    if len(images) % batch:
        raise ArgumentError(
            f"The file embeds {batch} images at a time. Received: {len(images)} images"
        )
    parts = [np.empty((0, embedder.size), np.float32)]
    parts += [embedder(images[i : i + batch]) for i in range(0, len(images), batch)]
    return np.concatenate(parts)


def litert_interpreter(path, num_threads=1, **options):
    """An `ai_edge_litert` interpreter of a file, its tensors allocated."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=os.fspath(path), num_threads=num_threads, **options)
    interpreter.allocate_tensors()
    return interpreter
