"""MATLAB's files, which come with many datasets: read, or refused by name if they are damaged."""

import io
import os
import zlib
from collections.abc import Collection, Iterator

import numpy as np

from osnet_tf.data.mat5_checks import check_mat5
from osnet_tf.errors import FileError
from osnet_tf.files import check_regular_file

#: What SciPy and h5py raise on damaged files.
_DAMAGE = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError),
    *(OSError, EOFError, RuntimeError, NotImplementedError, MemoryError, zlib.error),
)


def read_mat(path: str | os.PathLike, names: Collection[str]) -> dict:
    """Variables of a MATLAB file of version 5 (what MATLAB writes unless told `-v7.3`).

    Args:
        path: the file.
        names: the variables that are wanted: numbers, texts, cells and structs.

    Returns:
        Name -> value of those of them that are there, as `scipy.io.loadmat` gives it with
        `squeeze_me` and without records: arrays have no axes of length one, structs are objects
        with attributes.

    Raises:
        NotFoundError: it is not there.
        FileError: it is damaged, no such file, or no regular file.

    >>> import pathlib, scipy.io, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "split.mat")
    >>> scipy.io.savemat(path, {"train_idx": [[1], [3]]})
    >>> read_mat(path, ("train_idx", "query_idx"))["train_idx"].tolist()
    [1, 3]
    """
    import scipy.io

    check_regular_file(path)
    try:
        with open(path, "rb") as file:
            data = file.read()
        there = check_mat5(data, names)
        options = {"squeeze_me": True, "struct_as_record": False, "variable_names": there}
        found = scipy.io.loadmat(io.BytesIO(data), **options) if there else {}
        return {name: found[name] for name in there}
    except _DAMAGE as error:
        raise FileError(path, f"cannot be read as a .mat file: {error}") from None


def whole_numbers(values, path: str | os.PathLike, name: str, lowest: int, highest: int):
    """A variable of a file as a list of ints in [lowest, highest].

    Raises FileError, naming file and variable, if it is anything else.

    >>> whole_numbers(np.array([1.0, 2.0]), "split.mat", "train_idx", 1, 9)
    [1, 2]
    >>> whole_numbers([0], "split.mat", "train_idx", 1, 9)
    Traceback (most recent call last):
    osnet_tf.errors.FileError: split.mat must hold whole numbers from 1 to 9 in train_idx
    """
    values = np.ravel(values).tolist()
    good = all(isinstance(v, int | float) and lowest <= v <= highest and v % 1 == 0 for v in values)
    if not good:
        raise FileError(path, f"must hold whole numbers from {lowest} to {highest} in {name}")
    return [int(value) for value in values]


def hdf5_items(path: str | os.PathLike, read) -> Iterator:
    """What a generator reads from a MATLAB file of version 7.3, which is HDF5, one by one.

    Args:
        path: the file.
        read: a generator function of the opened `h5py.File`.

    Raises as `read_mat`, whatever part of the file is damaged; what is done with the items may
    raise what it will.

    >>> import h5py, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "cuhk-03.mat")
    >>> with h5py.File(path, "w") as file:
    ...     file["x"] = [3.0]
    >>> next(hdf5_items(path, lambda file: iter(file["x"][()].tolist())))
    3.0
    """
    import h5py

    check_regular_file(path)
    try:
        with h5py.File(path, "r") as file:
            yield from read(file)
    except FileError:
        raise
    except _DAMAGE as error:
        raise FileError(path, f"is damaged, or no such MATLAB 7.3 (HDF5) file: {error}") from None


def cells(file, name_or_reference) -> np.ndarray:
    """A cell array of an opened HDF5 file: an object array of references, axes as in MATLAB.

    Raises ValueError if it is none, or one of more than a million cells.
    """
    import h5py

    stored = file[name_or_reference]
    if h5py.check_ref_dtype(stored.dtype) is not h5py.Reference or stored.size > 10**6:
        raise ValueError(f"{stored.name} must be a cell array")
    return stored[()].T


def numbers(file, reference, kind: str, most: int) -> np.ndarray:
    """An array of numbers of an opened HDF5 file, axes as in MATLAB.

    Args:
        file: the `h5py.File`.
        reference: its name, or a reference from `cells`.
        kind: letters of NumPy's kinds that it may have, such as "u" or "iuf".
        most: the most elements that it may have.

    Raises ValueError if it is none; arrays kept in other files are refused.
    """
    stored = file[reference]
    elsewhere = stored.external or stored.is_virtual
    if stored.dtype.kind not in kind or stored.size > most or elsewhere:
        raise ValueError(f"{stored.name} must be an array of at most {most} numbers")
    return stored[()].T
