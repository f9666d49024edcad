"""Embeddings of people in the frames of a video, by their boxes: what trackers ask for."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_int
from osnet_tf.errors import ArgumentError, FileError, NotFoundError, OSNetError
from osnet_tf.weights.hub import is_preset_folder
from osnet_tf.weights.registry import is_remote


class CropEmbedder:
    """Embeds boxes of a frame; any tracker that takes an object with `get_features` can hold it.

    Crops are cut out of the frame, brought to the model's size by `osnet_tf.preprocessing.resize`
    and embedded together, so the result is that of `osnet_tf.embed` on the same crops.

    Args:
        model: A model as `osnet_tf.OSNet` returns, or what `osnet_tf.weights.load_embedder` takes:
            a `.keras` file of one, or a published one; or an exported file of it, run without
            Keras: `.tflite` (LiteRT), `.onnx` (ONNX Runtime), `.xml` (OpenVINO), whatever images
            they take, or the folder of a SavedModel.
        normalize: Whether each embedding is divided by its Euclidean length.
        bgr: Whether frames are blue, green, red, as OpenCV reads them; else red, green, blue.
        num_threads: Threads of LiteRT, ONNX Runtime or OpenVINO.

    Attributes:
        size: `(height, width)` that crops are brought to.
        dim: Values of an embedding.

    Raises:
        NotFoundError: there is no such file.
        FileError: it is damaged.
        ArgumentError: it is of none of these kinds.
        MissingPackageError: onnxruntime or openvino is not installed.

    >>> from osnet_tf import OSNet
    >>> embedder = CropEmbedder(OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1))
    >>> frame = np.zeros((480, 640, 3), "uint8")
    >>> embedder.get_features([[10, 20, 50, 120], [600.5, 0, 700, 200]], frame).shape
    (2, 512)
    """

    def __init__(
        self, model: Any, *, normalize: bool = True, bgr: bool = True, num_threads: int = 1
    ) -> None:
        check_int(num_threads=num_threads)
        self._run, self.size, self.dim = _open(model, num_threads)
        self._normalize = normalize
        self._bgr = bgr

    def get_features(self, boxes: ArrayLike, frame: ArrayLike) -> np.ndarray:
        """Embeds the people in some boxes.

        Args:
            boxes: real `(n, 4)`: left, top, right, bottom in pixels of the frame, the right and
                bottom ones not included; n may be 0. Fractions are cut off, and so is what lies
                outside the frame.
            frame: uint8 `(height, width, 3)`, 0..255.

        Returns:
            float32 `(n, dim)`; zeros for a box that has no pixel in the frame.

        Raises ArgumentError for boxes or a frame of another kind, or a box that is not finite.
        """
        frame = _checked_frame(frame)
        boxes = _checked_boxes(boxes)
        features = np.zeros((len(boxes), self.dim), np.float32)
        corners = np.trunc(boxes).clip(0, np.tile(frame.shape[1::-1], 2)).astype(int)
        seen = (corners[:, 2:] > corners[:, :2]).all(1)
        if not seen.any():
            return features
        found = self._run(self._crops(frame, corners[seen]))
        if self._normalize:
            lengths = np.linalg.norm(found, axis=1, keepdims=True)
            found = found / np.where(lengths > 0, lengths, 1)
        features[seen] = found
        return features

    __call__ = get_features

    def _crops(self, frame, corners):
        """uint8 RGB `(m, height, width, 3)` of the model's size."""
        import tensorflow as tf

        from osnet_tf.preprocessing import resize

        crops = np.empty((len(corners), *self.size, 3), np.uint8)
        with tf.device("CPU:0"):
            for crop, (left, top, right, bottom) in zip(crops, corners, strict=True):
                crop[:] = resize(frame[top:bottom, left:right], self.size)
        return crops[..., ::-1] if self._bgr else crops


def _checked_frame(frame):
    frame = np.asarray(frame)
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ArgumentError(
            "`frame` must be uint8 (height, width, 3). "
            f"Received: shape={frame.shape}, dtype={frame.dtype}",
            argument="frame",
        )
    return frame


def _checked_boxes(boxes):
    boxes = np.asarray(boxes, dtype=None if len(boxes) else float)
    if not len(boxes):
        return np.empty((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "uif":
        raise ArgumentError(
            "`boxes` must be real (n, 4): left, top, right, bottom. "
            f"Received: shape={boxes.shape}, dtype={boxes.dtype}",
            argument="boxes",
        )
    finite = np.isfinite(boxes).all(1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ArgumentError(
            f"`boxes` must be finite. Received: {boxes[row].tolist()} in row {row}",
            argument="boxes",
        )
    return boxes.astype(np.float64)


def _open(model, num_threads):
    """(function from uint8 images to float32 embeddings, their size, how long these are)."""
    if not isinstance(model, str | os.PathLike):
        return _of_keras(model)
    path = Path(model)
    if not is_remote(model) and not path.exists():
        raise NotFoundError(f"There is no model {path}")
    if is_remote(model) or path.suffix == ".keras" or is_preset_folder(path):
        from osnet_tf.weights import load_embedder

        return _of_keras(load_embedder(model))
    try:
        if path.suffix == ".tflite":
            return _of_litert(path, num_threads)
        if path.suffix == ".onnx":
            return _of_onnx(path, num_threads)
        if path.suffix == ".xml":
            return _of_openvino(path, num_threads)
        if (path / "saved_model.pb").is_file():
            return _of_saved_model(path)
    except OSNetError:
        raise
    except Exception as error:  # each of the runtimes has exceptions of its own
        raise FileError(path, f"cannot be opened: {error}") from error
    raise ArgumentError(
        "The model must be a .keras, .tflite, .onnx or .xml file, or the folder of a SavedModel or "
        "of a published model. "
        f"Received: model={os.fspath(path)!r}",
        argument="model",
    )


def _of_keras(model):
    from osnet_tf.embedding import inference_function
    from osnet_tf.models import model_size

    infer = inference_function(model)
    return lambda images: infer(images).numpy(), model_size(model), model.output_shape[-1]


def _of_litert(path, num_threads):
    from osnet_tf.export.formats import get_format, in_batches

    run = get_format("litert").open(path, num_threads)
    return lambda images: in_batches(run, images, run.batch_size), run.image_size, run.size


def _of_onnx(path, num_threads):
    from osnet_tf.export.onnx import onnx_session, onnx_takes

    session = onnx_session(path, num_threads)
    takes = onnx_takes(session)
    [images], [embeddings] = session.get_inputs(), session.get_outputs()
    shape = images.shape[2:] if takes.layout == "nchw" else images.shape[1:3]

    def run(pixels):
        return session.run([embeddings.name], {images.name: takes.from_pixels(pixels)})[0]

    return run, tuple(shape), embeddings.shape[-1]


def _of_openvino(path, num_threads):
    from osnet_tf.export.openvino import OpenVINOEmbedder

    run = OpenVINOEmbedder(path, num_threads)
    return run, run.image_size, run.size


def _of_saved_model(path):
    import tensorflow as tf

    from osnet_tf.export.frozen import INPUT_NAME, OUTPUT_NAME, SIGNATURE
    from osnet_tf.export.saved_model import open_saved_model

    serve = tf.saved_model.load(os.fspath(path)).signatures[SIGNATURE]
    shape = serve.structured_input_signature[1][INPUT_NAME].shape
    dim = serve.structured_outputs[OUTPUT_NAME].shape[-1]
    return open_saved_model(path), (int(shape[1]), int(shape[2])), int(dim)
