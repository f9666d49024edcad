"""Reading `model.json`: what programs need that use exported files and have no TensorFlow.

What it holds, `osnet_tf.export.manifest.manifest` describes.
"""

import hashlib
import json
from pathlib import Path

from osnet_tf.errors import ArgumentError, NotFoundError

FORMAT_VERSION = 1
NAME = "model.json"


def read_manifest(folder):
    """The dict in `<folder>/model.json`.

    Raises:
        NotFoundError: there is none.
        ValueError: it is no such file, or of another format version; the message names it.

    >>> read_manifest("saved_models/nowhere")
    Traceback (most recent call last):
    osnet_tf.errors.NotFoundError: There is no saved_models/nowhere/model.json: train/export.py \
writes it beside the files it describes
    """
    path = Path(folder) / NAME
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(
            f"There is no {path}: train/export.py writes it beside the files it describes"
        ) from None
    except ValueError as error:
        raise ArgumentError(f"{path} is no JSON: {error}") from error
    version = record.get("format_version") if isinstance(record, dict) else None
    if version != FORMAT_VERSION:
        raise ArgumentError(
            f"{path} must have format_version {FORMAT_VERSION}. Received: format_version={version}"
        )
    return record


def changed_files(folder):
    """The files of `<folder>/model.json` that are missing or differ from their sha256.

    Returns:
        A list of paths relative to the folder; empty where everything is as it was written.

    Raises FileNotFoundError and ValueError as `read_manifest`.
    """
    folder = Path(folder)
    changed = []
    for entry in read_manifest(folder)["files"]:
        for file in entry.get("contents", [entry]):
            path = folder / file["path"]
            if not path.is_file() or sha256(path) != file["sha256"]:
                changed.append(file["path"])
    return changed


def sha256(path):
    """The SHA-256 of a file's contents, in hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
