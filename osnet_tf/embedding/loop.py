"""The one loop in which a model meets batches of images, wherever they come from."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from osnet_tf.data.image_files import ImageError
from osnet_tf.embedding.replicas import over_replicas
from osnet_tf.types import Progress


def embed_batches(
    model: Any,
    batches: Iterable[Any],
    name_of: Callable[[int], str],
    *,
    flip_test: bool = False,
    normalize: bool = False,
    progress: Progress | None = None,
    strategy: Any | None = None,
) -> np.ndarray:
    """Embeds batches of images of the model's size.

    Args:
        model: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        batches: Iterable of uint8 tensors or arrays `(batch, height, width, 3)`, n images in all.
        name_of: Function from an image's number, 0..n-1, to what it is called in an error.
        flip_test: Whether each embedding is averaged with that of the mirrored image.
        normalize: Whether each embedding is divided by its Euclidean length (one of zeros stays).
        progress: Called with the number of images of each finished batch; may be None.
        strategy: A `tf.distribute.Strategy` on whose replicas each batch is spread; may be None.

    Returns:
        float32 `(n, dim)`.

    Raises:
        ImageError: an embedding is not finite; the message names the image.
        ArgumentError: as `osnet_tf.embedding.inference_function`.

    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)
    >>> embed_batches(model, [np.zeros((2, 32, 16, 3), "uint8")], str).shape
    (2, 512)
    """
    run = over_replicas(model, strategy)
    parts, done = [np.empty((0, model.output_shape[-1]), np.float32)], 0
    for images in batches:
        vectors = run(images).numpy()
        if flip_test:
            vectors = (vectors + run(images[:, :, ::-1]).numpy()) / 2
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            name = name_of(done + int(np.argmin(finite)))
            raise ImageError(
                f"{name} gets an embedding that is not finite: the model's weights are damaged, "
                "or its numbers overflow"
            )
        parts.append(_of_unit_length(vectors) if normalize else vectors)
        done += len(vectors)
        if progress is not None:
            progress(len(vectors))
    return np.concatenate(parts)


def _of_unit_length(vectors):
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
