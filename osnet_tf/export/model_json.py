"""Reading `model.json`: what programs need that use exported files and have no TensorFlow.

What it holds, `osnet_tf.export.manifest.manifest` describes.
"""

import hashlib
import os
import reprlib
import stat
from pathlib import Path, PurePosixPath
from typing import Any

from osnet_tf.checks import is_int, is_number
from osnet_tf.errors import FileError, NotFoundError
from osnet_tf.files import read_json
from osnet_tf.types import PathLike

FORMAT_VERSION = 1
NAME = "model.json"

#: What must stand in `model.json`: a type (`float` is any finite number, `int` one >= 0), a dict of
#: keys, a list of one such for each of its items, or a tuple of choices.
_CONTENT = [{"path": str, "bytes": int, "sha256": str}]
_FORM = {
    "name": str,
    "architecture": (dict, None),
    "fingerprint": str,
    "input": {
        "name": str,
        "height": int,
        "width": int,
        "channels": int,
        "dtype": str,
        "layout": str,
        "color_order": str,
        "range": [float],
        "normalization": str,
        "resize": str,
    },
    "embedding": {"name": str, "size": int, "dtype": str, "l2_normalized": bool},
    "thresholds": [{"metric": str, "threshold": float, "fpr": float, "tpr": float, "dataset": str}],
    "files": [
        {
            "path": str,
            "format": str,
            "precision": str,
            "batch_size": (int, None),
            "bytes": int,
            "sha256": (str, None),
            "passed": bool,
        }
    ],
    "reports": _CONTENT,
    "versions": dict,
    "commit": (str, None),
    "date": str,
}


def read_manifest(folder: PathLike) -> dict[str, Any]:
    """The dict in `<folder>/model.json`, every key of it there and of its type.

    The names in it are plain relative ones that lead nowhere but into the folder.

    Raises:
        NotFoundError: there is none.
        FileError: it is no such file, or of another format version; the message names it and what
            is wrong.

    >>> read_manifest("saved_models/nowhere")
    Traceback (most recent call last):
    osnet_tf.errors.NotFoundError: There is no saved_models/nowhere/model.json: train/export.py \
writes it beside the files it describes
    """
    path = Path(folder) / NAME
    try:
        record = read_json(path)
    except NotFoundError:
        raise NotFoundError(
            f"There is no {path}: train/export.py writes it beside the files it describes"
        ) from None
    version = record.get("format_version")
    if not is_int(version) or version != FORMAT_VERSION:
        raise FileError(
            path,
            f"must have format_version {FORMAT_VERSION}. "
            f"Received: format_version={reprlib.repr(version)}",
        )
    _check(path, "", record, _FORM)
    _check_files(path, record)
    return record


def changed_files(folder: PathLike) -> list[str]:
    """The files of `<folder>/model.json` that are missing or differ from their sha256.

    Reports are not among them: no program reads them.

    Returns:
        A list of paths relative to the folder; empty where everything is as it was written.

    Raises NotFoundError and FileError as `read_manifest`.
    """
    folder = Path(folder)
    return [
        file["path"]
        for entry in read_manifest(folder)["files"]
        for file in contents(entry)
        if not is_unchanged(folder / file["path"], file)
    ]


def contents(entry):
    """The single files, each {path, bytes, sha256}, of an entry of `files` or `reports`."""
    return entry.get("contents", [entry])


def is_unchanged(path, file):
    """Whether a regular file, not a link, lies at `path` that is the one described."""
    try:
        found = os.lstat(path)
        return (
            stat.S_ISREG(found.st_mode)
            and found.st_size == file["bytes"]
            and sha256(path) == file["sha256"]
        )
    except OSError:
        return False


def sha256(path):
    """The SHA-256 of a file's contents, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(path, where, value, form):
    """Raises FileError unless a value is as the form says."""
    if isinstance(form, dict):
        _require(path, where, value, isinstance(value, dict), "an object")
        for key, inner in form.items():
            name = f"{where}.{key}" if where else key
            if key not in value:
                raise FileError(path, f"has no `{name}`. Export the model again")
            _check(path, name, value[key], inner)
    elif isinstance(form, list):
        _require(path, where, value, isinstance(value, list), "a list")
        for index, item in enumerate(value):
            _check(path, f"{where}[{index}]", item, form[0])
    elif isinstance(form, tuple):
        if value is not None:
            _check(path, where, value, form[0])
    else:
        good, words = _TYPES[form](value)
        _require(path, where, value, good, words)


_TYPES = {
    str: lambda value: (isinstance(value, str), "a text"),
    bool: lambda value: (isinstance(value, bool), "true or false"),
    dict: lambda value: (isinstance(value, dict), "an object"),
    int: lambda value: (is_int(value) and 0 <= value < 2**63, "an integer >= 0"),
    float: lambda value: (_is_float(value), "a finite number"),
}


def _is_float(value):
    try:
        return is_number(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def _require(path, where, value, good, words):
    if not good:
        raise FileError(path, f"must have {words} as `{where}`. Received: {reprlib.repr(value)}")


def _check_files(path, record):
    """Names that lead nowhere else, each once, and folders with their contents."""
    seen = {NAME}
    for kind in ("files", "reports"):
        for index, entry in enumerate(record[kind]):
            where, name = f"{kind}[{index}]", entry["path"]
            if not _is_plain(name) or "/" in name:
                raise FileError(
                    path, f"lists a file outside its folder as `{where}.path`: {reprlib.repr(name)}"
                )
            if name in seen:
                raise FileError(path, f"lists {name!r} twice, again as `{where}.path`")
            seen.add(name)
            if "contents" not in entry:
                _check(path, f"{where}.sha256", entry["sha256"], str)
                continue
            _check(path, f"{where}.contents", entry["contents"], _CONTENT)
            for file in entry["contents"]:
                inner = file["path"]
                if not _is_plain(inner) or PurePosixPath(inner).parts[0] != name or inner == name:
                    raise FileError(
                        path, f"lists a file outside {name!r} in `{where}.contents`: {inner!r:.80}"
                    )


def _is_plain(name):
    """Whether a name is a relative one, without `..` and what some system reads as special."""
    parts = name.split("/")
    return all(
        part not in ("", ".", "..") and part.isprintable() and not set(part) & set('\\:*?"<>|')
        for part in parts
    )
