"""Looks at an HDF5 file of weights before Keras does: whether what it claims can be true."""

import math
import os

import h5py
import numpy as np

from osnet_tf.weights.errors import WeightsError


def check_hdf5(file, path: str | os.PathLike, size: int) -> bool:
    """Checks the arrays of a `.weights.h5` file, or of the one inside a `.keras` file.

    Keras stores every array as it is, so together they are no larger than the file; arrays that
    are compressed, filled in, kept in other files or under links are none of Keras's.

    Args:
        file: a path, or a binary file object.
        path: the file as the user knows it, for messages.
        size: bytes of `file`.

    Returns:
        Whether the OS blocks in it say of which kind they are, as `OSBlock` writes it.

    Raises WeightsError, naming the array, if it is no such file.
    """
    try:
        with h5py.File(file, "r") as opened:
            arrays = dict(_arrays(opened, path))
            claimed = sum(
                math.prod(array.shape) * array.dtype.itemsize for array in arrays.values()
            )
            if claimed > size:
                raise WeightsError(path, f"its arrays claim {claimed} bytes of a file of {size}")
            for name, array in arrays.items():
                if array.dtype.kind == "f" and not np.isfinite(array[()]).all():
                    raise WeightsError(path, f"{name} holds numbers that are NaN or infinite")
            return any(name.endswith("/vars/kind") for name in arrays)
    except WeightsError:
        raise
    # h5py's errors on damaged files are of these kinds
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, OverflowError) as error:
        raise WeightsError(path, f"damaged HDF5 weights: {error}") from error


def _arrays(group, path, name="", depth=0):
    """(name, dataset) of all datasets; refuses what leads elsewhere."""
    if depth > 16:
        raise WeightsError(path, f"{name} is nested too deeply")
    for key in group:
        inner = f"{name}/{key}" if name else key
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise WeightsError(path, f"{inner} is a link")
        item = group[key]
        if isinstance(item, h5py.Group):
            yield from _arrays(item, path, inner, depth + 1)
        elif item.chunks or item.is_virtual or item.external or not _is_number(item):
            raise WeightsError(path, f"{inner} is no array as Keras stores it")
        else:
            yield inner, item


def _is_number(item):
    # HDF5 has no bfloat16: Keras says it in an attribute
    return item.dtype.kind in "fiub" or item.attrs.get("dtype") == "bfloat16"
