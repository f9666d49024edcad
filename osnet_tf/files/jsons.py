"""JSON files: written whole, read as what they should be."""

import json
from pathlib import Path
from typing import Any

from osnet_tf.errors import FileError
from osnet_tf.files.kinds import check_regular_file
from osnet_tf.files.whole import whole_file
from osnet_tf.types import PathLike

_KINDS: dict[type, str] = {dict: "an object", list: "a list"}


def write_json(path: PathLike, value: Any) -> None:
    """Writes JSON as a whole or not at all: a reader never sees half a file.

    Args:
        path: The file; its folder exists. What lies there is replaced.
        value: What JSON can hold.

    Raises:
        TypeError: before anything is written, if JSON cannot hold the value.
        WriteError: it cannot be written.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "results.json")
    >>> write_json(path, {"mAP": 0.5})
    >>> read_json(path)
    {'mAP': 0.5}
    """
    text = json.dumps(value, indent=2) + "\n"
    with whole_file(path) as new:
        new.write_text(text, encoding="utf-8")


def read_json(path: PathLike, kind: type = dict) -> Any:
    """Reads a JSON file.

    Args:
        path: The file.
        kind: What its outermost value must be, `dict` or `list`.

    Returns:
        The value. What stands in it is the caller's to check.

    Raises:
        NotFoundError: there is no such file.
        FileError: it is no JSON in UTF-8, nested deeper or with longer numbers than Python reads,
            or of another kind.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "list.json")
    >>> write_json(path, [1, 2])
    >>> read_json(path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    osnet_tf.errors.FileError: ...list.json must hold an object. Received: a list
    """
    check_regular_file(path)
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except RecursionError:
        raise FileError(path, "is no JSON: it is nested too deeply") from None
    except ValueError as error:  # not UTF-8, not JSON, or a number of thousands of digits
        raise FileError(path, f"is no JSON: {error}") from None
    if not isinstance(value, kind):
        found = _KINDS.get(type(value), f"a {type(value).__name__}")
        raise FileError(path, f"must hold {_KINDS[kind]}. Received: {found}")
    return value
