"""Odd `model.json`s and folders that an export is to go into: nothing of a user's is ever lost."""

import hashlib
import json
import os
import shutil
from pathlib import PurePosixPath

from osnet_tf.errors import OSNetError
from osnet_tf.export.folder import export_folder
from osnet_tf.export.model_json import changed_files, read_manifest
from tests.export.handmade import tree, write_export
from tests.fuzz.json_files import mutated
from tests.fuzz.weights import damaged

SMALL = 60

OLD = {"1/saved_model.pb": b"graph", "1/variables/v": b"", "model.tflite": b"weights"}
REPORTS = {"report.md": b"fine"}
NAMES = (
    *("..", ".", "", "/", "/etc", "a/../..", "../outside.txt", "../theirs", "notes.txt", "data"),
    *("data/x", "1", "1/variables/v", "1/../../outside.txt", "./1", "1/", "1//variables/v"),
    *("model.tflite", "model.json", "\0", "a\nb", "\x1b[2J", "\ud800", "x" * 300, "C:\\x", "~"),
)


def trial(rng, folder):
    place = folder / "models" / "mine"
    record = write_export(place, OLD, reports=REPORTS)
    for name in (
        "outside.txt",
        "theirs/x",
        ".export-theirs/new/x",
        "mine/data/x",
        "mine/notes.txt",
    ):
        (folder / "models" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "models" / name).write_text(f"mine: {name}")
    (place / "model.json").write_bytes(_odd(rng, record))
    for _ in range(rng.integers(3)):
        _change(rng, place)
    before = tree(folder)
    listed = _listed(place)
    _read(place)
    new = _new(rng)
    refused = _export(place, new)
    if refused:
        assert str(place) in refused or str(place.with_name(".export-mine")) in refused
        assert refused.isprintable()
        left = ("models/.export-mine", "models/.export-mine/.lock")  # of a killed one: may go
        after = tree(folder)
        assert {k: v for k, v in before.items() if k not in left or k in after} == after
        return
    after = tree(folder)
    for name, content in before.items():
        inside = PurePosixPath(name).relative_to("models/mine") if "/mine/" in name else None
        if name.startswith("models/.export-mine"):
            continue
        if inside is None or inside.parts[0] not in listed:
            assert after.get(name, "gone") == content, name
    assert {file["path"] for file in read_manifest(place)["files"]} == set(new)
    assert changed_files(place) == []
    assert not (folder / "models" / ".export-mine").exists()


def _export(place, new):
    """Why it was refused; "" if it was not."""
    try:
        with export_folder(place, [*new, *REPORTS, "model.json"]) as written:
            contents = {name + ("/graph" if name == "1" else ""): b"new" for name in new}
            write_export(written, contents, reports=REPORTS)
    except OSNetError as error:
        return str(error)
    return ""


def _new(rng):
    """Names of what is exported now."""
    wanted = [name for name in ("1", "model.tflite", "model.onnx") if rng.random() < 0.5]
    return wanted or ["1"]


def _odd(rng, record):
    """The bytes of a `model.json`: right, or wrong in names, hashes, values or as a file."""
    record = json.loads(json.dumps(record))
    kind = rng.integers(6)
    if kind <= 2:
        for _ in range(rng.integers(1, 3)):
            entries = [*record["files"], *record["reports"], *record["files"][0]["contents"]]
            entry = entries[rng.integers(len(entries))]
            entry["path"] = NAMES[rng.integers(len(NAMES))]
            if rng.random() < 0.3:
                entry["sha256"] = hashlib.sha256(b"mine: mine/notes.txt").hexdigest()
                entry["bytes"] = len("mine: mine/notes.txt")
    elif kind == 3:
        record = mutated(rng, record)
    data = json.dumps(record).encode()
    return damaged(rng, data) if kind == 4 else data


def _change(rng, place):
    """Something a user, or a killed process, may have done to the folder."""
    targets = [place / name for name in (*OLD, *REPORTS, "model.onnx", "model.json")]
    targets = [target for target in targets if target.parent.is_dir()]
    target = targets[rng.integers(len(targets))]
    kind = rng.integers(6)
    if kind == 0:
        target.unlink(missing_ok=True)
        target.symlink_to(place / "notes.txt")
    elif kind == 1:
        target.unlink(missing_ok=True)
        os.mkfifo(target)
    elif kind == 2 and target.is_file() and not target.is_symlink():
        target.write_bytes(b"changed")
    elif kind == 3:
        target.unlink(missing_ok=True)
    elif kind == 4:
        if (place / "1").is_dir():
            shutil.rmtree(place / "1")
        (place / "1").write_text("a file")
    elif not place.with_name(".export-mine").exists():
        left = place.with_name(".export-mine")
        left.mkdir()
        for name in (".lock", "strange.txt"):
            if rng.random() < 0.5:
                (left / name).touch()


def _listed(place):
    """Top-level names that `model.json` lists as they are, found without the code that is tried."""
    if not (place / "model.json").is_file():  # a pipe would never end
        return set()
    try:
        record = json.loads((place / "model.json").read_bytes())
        entries = [*record["files"], *record["reports"]]
    except (ValueError, TypeError, KeyError, RecursionError, OSError):
        return set()
    found = {"model.json"}
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("path") not in os.listdir(place):
            continue
        try:
            files = {file["path"]: file["sha256"] for file in entry.get("contents", [entry])}
            there = {
                path.relative_to(place).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in [place / entry["path"], *(place / entry["path"]).rglob("*")]
                if path.is_file() and not path.is_symlink()
            }
        except (AttributeError, TypeError, KeyError, ValueError, OSError):
            continue
        if there and there == files:
            found.add(entry["path"])
    return found


def _read(place):
    """`read_manifest` gives what can be used, or an error that names the file."""
    try:
        record = read_manifest(place)
    except OSNetError as error:
        problem = str(error)
    else:
        for entry in (*record["files"], *record["reports"]):
            for file in entry.get("contents", [entry]):
                assert (place / os.path.normpath(file["path"])).is_relative_to(place)
        assert isinstance(changed_files(place), list)
        return
    assert str(place / "model.json") in problem
    assert problem.isprintable()
