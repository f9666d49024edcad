"""Rows of length one, with a gradient that is finite everywhere."""

from keras import ops

# Shorter than this, a row has no direction worth the name.
_SHORTEST = 1e-6


def unit_length(x, axis=-1):
    """Divides vectors by their Euclidean length, in float32.

    A vector shorter than 1e-6, which has no direction, becomes zeros and passes no gradient on:
    its slope would be infinite.

    Args:
        x: Float tensor.
        axis: The axis along which the vectors lie.

    Returns:
        float32, of the same shape.

    >>> import numpy as np
    >>> np.array(unit_length(np.array([[3.0, 4.0], [0.0, 0.0]], "float32"))).round(4).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    x = ops.cast(x, "float32")
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    has_direction = squares > _SHORTEST**2
    scale = ops.rsqrt(ops.where(has_direction, squares, 1.0))
    return x * ops.where(has_direction, scale, 0.0)
