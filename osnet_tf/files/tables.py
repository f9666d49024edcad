"""Files of tables: CSV, NumPy's .npz, Parquet; each is there as a whole or not at all."""

import csv
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from osnet_tf.checks import optional_package
from osnet_tf.errors import ArgumentError, FileError
from osnet_tf.files.kinds import check_regular_file, printable
from osnet_tf.files.whole import whole_file
from osnet_tf.types import PathLike

#: What NumPy and the zip reader raise for bytes that are not what they should be.
_DAMAGES = (
    OSError,
    ValueError,
    EOFError,
    TypeError,
    AttributeError,
    NotImplementedError,
    MemoryError,
)
_DAMAGES += (RuntimeError, OverflowError, SyntaxError, struct.error, zipfile.BadZipFile, zlib.error)


def table_writer(
    path: PathLike, suffixes: Sequence[str], *, name: str = "path"
) -> Callable[[Mapping[str, Any]], None]:
    """A function that writes a table to a file, after a check that it will be able to.

    Args:
        path: The file. `.csv`: UTF-8, one header line, NaN left empty. `.npz`: the columns as NumPy
            arrays. `.parquet`: a table, NaN in a column of single values as null, rows of an array
            `(n, dim)` as lists; needs pyarrow.
        suffixes: Those of the three that are allowed.
        name: What the caller calls `path`, for the message.

    Returns:
        A function of a dict from a column's name to its n values: a sequence, or an array `(n,)`
        or (not in CSV) `(n, dim)`. It replaces what lies at `path`.

    Raises:
        ArgumentError: another suffix.
        MissingPackageError: Parquet without pyarrow.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "table.csv")
    >>> write = table_writer(path, (".csv", ".parquet"))
    >>> write({"name": ["a", "b"], "share": [0.5, float("nan")]})
    >>> print(path.read_text().strip())
    name,share
    a,0.5
    b,
    """
    suffix = Path(path).suffix.lower()
    if suffix not in suffixes:
        raise ArgumentError(
            f"`{name}` must end in {' or '.join(suffixes)}. Received: {name}={os.fspath(path)!r}",
            argument=name,
        )
    if suffix == ".parquet":
        others = " or ".join(other for other in suffixes if other != suffix)
        _require_pyarrow(path, others)
    kinds = {".csv": _write_csv, ".npz": _write_npz, ".parquet": _write_parquet}
    return partial(_write, Path(path), kinds[suffix])


def check_texts(path: PathLike, texts: Iterable[str]) -> None:
    """Refuses texts that a file of a table cannot hold: those of CSV and Parquet are UTF-8.

    Names of files are bytes, and those that are no UTF-8 have lone surrogates in Python.

    Args:
        path: The file that is to be written.
        texts: Iterable of str.

    Raises FileError, which names the text.

    >>> check_texts("table.npz", [os.fsdecode(b"caf\\xe9.jpg")])
    >>> check_texts("table.csv", [os.fsdecode(b"caf\\xe9.jpg")])
    Traceback (most recent call last):
    osnet_tf.errors.FileError: caf\\udce9.jpg is no UTF-8, as a .csv file needs it: choose .npz, \
or rename it
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".npz":
        return
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            problem = f"is no UTF-8, as a {suffix} file needs it: choose .npz, or rename it"
            raise FileError(printable(text), problem) from None


def read_arrays(path: PathLike, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Columns of an `.npz` file, as a dict from their names to arrays.

    Raises:
        NotFoundError: there is no such file.
        FileError: it is no such file, a damaged one, or one without these columns.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "table.npz")
    >>> table_writer(path, (".npz",))({"pid": [3, 5]})
    >>> read_arrays(path, ["pid"])
    {'pid': array([3, 5])}
    """
    check_regular_file(path)
    content = io.BytesIO(Path(path).read_bytes())  # an OSError from here on is of its content
    try:
        with np.load(content, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except KeyError as error:
        raise FileError(path, f"lacks a column: {error.args[0]}") from None
    except _DAMAGES as error:
        raise FileError(path, f"is no whole .npz file: {error}") from None


def _require_pyarrow(path, others):
    with optional_package(
        f"Writing {os.fspath(path)} needs pyarrow", f"pip install pyarrow, or choose {others}"
    ):
        import pyarrow.parquet  # noqa: F401


def _write(path, write, columns):
    for values in columns.values():
        if np.ndim(values) and getattr(values, "dtype", np.dtype("U")).kind == "U":
            check_texts(path, (value for value in values if isinstance(value, str)))
    with whole_file(path) as new:
        write(new, columns)


def _write_csv(path, columns):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow(_cell(value) for value in row)


def _cell(value):
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return ""
        return int(value) if float(value).is_integer() else float(value)
    return value


def _write_npz(path, columns):
    with open(path, "wb") as file:
        np.savez(file, **columns)


def _write_parquet(path, columns):
    import pyarrow
    import pyarrow.parquet

    arrays = {name: _parquet_column(values) for name, values in columns.items()}
    pyarrow.parquet.write_table(pyarrow.table(arrays), os.fspath(path))


def _parquet_column(values):
    import pyarrow

    if np.ndim(values) == 2:
        flat = pyarrow.array(values.reshape(-1))
        return pyarrow.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return pyarrow.array(values, from_pandas=True)
