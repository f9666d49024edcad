"""Maps over an image as colours: where a model looks."""

import numpy as np
from PIL import Image

from osnet_tf.checks import check_number
from osnet_tf.errors import ArgumentError
from osnet_tf.visualize.figure import require_matplotlib


def enlarged(values, size):
    """A map at an image's size, bilinear, as numbers from 0 (its least value) to 1 (its greatest).

    Args:
        values: real `(h, w)`, finite.
        size: `(height, width)`.

    Returns:
        float32 `(height, width)`; zeros for a map that is the same everywhere.

    Raises ArgumentError for a map of another rank, or one that is not finite.

    Source: the public code's tools/visualize_actmap.py.

    >>> enlarged([[0.0, 8.0]], (1, 4)).tolist()
    [[0.0, 0.25, 0.75, 1.0]]
    """
    values = np.asarray(values, np.float32)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ArgumentError(f"A map must be finite, of two axes. Received: shape={values.shape}")
    picture = Image.fromarray(values).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    grown = np.asarray(picture)
    low, high = float(grown.min()), float(grown.max())
    # What rounding leaves of an even map is no pattern
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        return np.zeros_like(grown)
    return (grown - low) / (high - low)


def heat(shares):
    """Colours of numbers in [0, 1]: dark where low, bright where high, in grey print too.

    Args:
        shares: real `(height, width)`.

    Returns:
        uint8 `(height, width, 3)`.
    """
    return require_matplotlib().colormaps["inferno"](np.asarray(shares), bytes=True)[..., :3]


def overlay(pixels, values, *, weight=0.6):
    """An image with a map over it: brightest where the map is greatest.

    Args:
        pixels: uint8 `(height, width, 3)`.
        values: real `(h, w)` of any size; it is enlarged to the image's.
        weight: Of the map's colours, in [0, 1]; the image has the rest. (The public code's is 0.7,
            with colours whose brightness does not follow the map.)

    Returns:
        uint8 `(height, width, 3)`.
    """
    check_number(0, 1, weight=weight)
    colours = heat(enlarged(values, pixels.shape[:2]))
    return np.round((1 - weight) * pixels + weight * colours).astype(np.uint8)
