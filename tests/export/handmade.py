"""Exports made by hand: right in all their parts, of a model that is not there."""

import copy
import functools
import os
from types import SimpleNamespace

from osnet_tf.architecture import Architecture
from osnet_tf.export.exported import Exported, stored_files
from osnet_tf.export.formats import Artefact
from osnet_tf.export.manifest import manifest
from osnet_tf.files import write_json

FROZEN = SimpleNamespace(
    size=(64, 32),
    dim=512,
    name="osnet",
    architecture=Architecture("osnet_x0_25", streams=1),
    fingerprint="0" * 64,
)


def manifest_of(files, reports=()):
    """`manifest` of entries of `files` and `reports`."""
    return {**copy.deepcopy(_blank()), "files": list(files), "reports": list(reports)}


@functools.cache
def _blank():
    return manifest(FROZEN, "mine", [])  # once: it asks git for the commit


def write_export(folder, contents, reports=None):
    """An export's folder.

    Args:
        folder: Made if need be.
        contents: Dict from a file's name to its bytes; "1/..." are of a SavedModel.
        reports: The same of reports.

    Returns:
        The manifest.
    """
    for name, content in {**contents, **(reports or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    files = []
    for name in sorted({name.split("/")[0] for name in contents}):
        artefact = Artefact(name, "saved_model" if name == "1" else "litert")
        files.append(Exported(artefact, stored_files(folder / name)).entry())
    listed = [file for name in reports or () for file in stored_files(folder / name)]
    record = manifest_of(files, reports=listed)
    write_json(folder / "model.json", record)
    return record


def tree(place):
    """Everything below a folder, hidden files too: name -> bytes, link's target, or None."""
    found = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        else:
            found[name] = path.read_bytes() if path.is_file() else None
    return found
