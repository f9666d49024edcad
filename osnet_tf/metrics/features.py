"""Checks of what every measure takes: features and labels."""

import numpy as np

from osnet_tf.errors import ArgumentError


def check_features(features, name, paths=None):
    """Returns `features` as a C-contiguous float32 array `(N, D)`, refusing what cannot be ranked.

    Args:
        features: array-like `(N, D)` of real numbers, `N >= 1` and `D >= 1`.
        name: the argument's name, for the error.
        paths: optional sequence of N image paths, named in the error about NaN or infinity.

    Raises:
        TypeError: if the features are not real numbers.
        ArgumentError: if the shape is not `(N, D)`, or a value is NaN or infinite as float32.
    """
    array = np.asarray(features)
    if array.dtype.kind not in "fiu" and array.dtype.name != "bfloat16":  # whose kind is "V"
        raise TypeError(f"{name} must hold real numbers. Received: dtype={array.dtype}")
    if array.ndim != 2 or 0 in array.shape:
        raise ArgumentError(
            f"{name} must be a non-empty array of shape (N, D). Received: shape={array.shape}"
        )
    if paths is not None and len(paths) != len(array):
        raise ArgumentError(
            f"{name} needs one path for each of its {len(array)} rows. Received: {len(paths)} paths"
        )
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, dtype=np.float32)
    # A row's sum is finite in float64 exactly if each of its float32 values is.
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(array.sum(axis=1, dtype=np.float64))
    if not finite.all():
        row = int(np.argmin(finite))
        where = f"row {row}" if paths is None else f"row {row} ({paths[row]})"
        raise ArgumentError(
            f"{name} must be finite: {where} holds NaN or infinity "
            f"({int((~finite).sum())} of {len(array)} rows do)."
        )
    return array


def check_same_width(first, second, first_name, second_name):
    """Raises ArgumentError unless both `(N, D)` arrays have the same D."""
    if first.shape[1] != second.shape[1]:
        raise ArgumentError(
            f"{first_name} and {second_name} must have the same number of columns. "
            f"Received: {first_name} shape={first.shape}, {second_name} shape={second.shape}"
        )


def check_labels(labels, name, length):
    """Returns `labels` (integers or strings) as a 1-D array of the given length.

    Raises:
        TypeError: if the labels are neither integers nor strings.
        ArgumentError: if the shape is not `(length,)`.
    """
    array = np.asarray(labels)
    if array.dtype.kind not in "iuU":
        raise TypeError(f"{name} must hold integers or strings. Received: dtype={array.dtype}")
    if array.shape != (length,):
        raise ArgumentError(
            f"{name} must have shape ({length},), one label a row of features. "
            f"Received: shape={array.shape}"
        )
    return array


def check_same_kind(first, second, first_name, second_name):
    """Raises TypeError when one array of labels holds integers and the other strings."""
    if (first.dtype.kind == "U") != (second.dtype.kind == "U"):
        raise TypeError(
            f"{first_name} and {second_name} must be of one kind, integers or strings. "
            f"Received: {first_name} dtype={first.dtype}, {second_name} dtype={second.dtype}"
        )
