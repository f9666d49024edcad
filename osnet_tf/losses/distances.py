"""Distances between the embeddings of a batch, in float32, with gradients that stay finite."""

from keras import ops

from osnet_tf.layers.unit_length import unit_length
from osnet_tf.types import Tensor

DISTANCES = ("euclidean", "sqeuclidean", "cosine")


def pairwise_cosines(embeddings: Tensor, others: Tensor) -> Tensor:
    """Cosines between all rows and all others.

    Args:
        embeddings: `(n, dim)` float32.
        others: `(m, dim)` float32.

    Returns:
        `(n, m)` float32; a row of zeros has cosine 0 with all and gets no gradient.

    >>> import numpy as np
    >>> x = np.array([[2.0, 0.0], [0.0, 3.0], [0.0, 0.0]], "float32")
    >>> np.array(pairwise_cosines(x, x)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    return ops.matmul(unit_length(embeddings), ops.transpose(unit_length(others)))


def pairwise_distances(
    embeddings: Tensor, others: Tensor | None = None, kind: str = "euclidean"
) -> Tensor:
    """Distances from all rows to all rows.

    Args:
        embeddings: `(n, dim)` float.
        others: `(m, dim)` float; the embeddings themselves if None.
        kind: "euclidean"; "sqeuclidean"; or "cosine", 1 - cosine (a row of zeros has
            cosine 0 with all).

    Returns:
        `(n, m)` float32, >= 0. Euclidean distances are >= 1e-6: below it the distance and its
        gradient are cut off, since the square root has no finite slope at 0. All kinds go through
        one matrix product, so a distance that is small beside the embeddings' lengths is only as
        exact as their squared lengths, about 1e-7 of them, in its square.

    >>> import numpy as np
    >>> x = np.array([[0.0, 0.0], [3.0, 4.0]], "float32")
    >>> round(float(pairwise_distances(x)[0, 1]), 4)
    5.0
    >>> round(float(pairwise_distances(x, kind="sqeuclidean")[0, 1]), 4)
    25.0
    """
    x = ops.cast(embeddings, "float32")
    y = x if others is None else ops.cast(others, "float32")
    if kind == "cosine":
        return ops.maximum(1.0 - pairwise_cosines(x, y), 0.0)
    x_squares = ops.sum(ops.square(x), axis=1)
    y_squares = ops.sum(ops.square(y), axis=1)
    squared = x_squares[:, None] + y_squares[None, :] - 2.0 * ops.matmul(x, ops.transpose(y))
    if kind == "sqeuclidean":
        return ops.maximum(squared, 0.0)
    return ops.sqrt(ops.where(squared > 1e-12, squared, 1e-12))
