import copy
import json
import re

import pytest

from osnet_tf.errors import FileError, NotFoundError
from osnet_tf.export.model_json import changed_files, read_manifest
from tests.export.handmade import write_export

#: One file, and a SavedModel of two.
CONTENTS = {"1/saved_model.pb": b"graph", "1/variables/v": b"", "model.tflite": b"weights"}


@pytest.fixture
def record(tmp_path):
    """The right `model.json` in `tmp_path`."""
    return write_export(tmp_path, CONTENTS, reports={"report.md": b"fine"})


def test_changed_files(tmp_path, record):
    assert read_manifest(tmp_path) == json.loads(json.dumps(record))
    assert changed_files(tmp_path) == []
    (tmp_path / "report.md").write_text("no program reads it")
    assert changed_files(tmp_path) == []
    (tmp_path / "model.tflite").write_bytes(b"weighty")
    (tmp_path / "1" / "variables" / "v").unlink()
    assert changed_files(tmp_path) == ["1/variables/v", "model.tflite"]
    (tmp_path / "model.tflite").unlink()
    (tmp_path / "same").write_bytes(b"weights")
    (tmp_path / "model.tflite").symlink_to("same")
    assert changed_files(tmp_path) == ["1/variables/v", "model.tflite"]


def refusal(folder):
    with pytest.raises(FileError) as caught:
        read_manifest(folder)
    assert str(folder / "model.json") in str(caught.value)
    return str(caught.value)


def test_what_is_no_manifest_is_refused_by_name(tmp_path):
    with pytest.raises(NotFoundError, match=r"There is no .*model.json: train/export.py"):
        read_manifest(tmp_path)
    path = tmp_path / "model.json"
    for text, message in [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[]", "must hold"),
        ("null", "must hold"),
        ("[" * 100_000, "is no JSON"),
        ("{}", "format_version=None"),
        ('{"format_version": 1, "files": [{"path": ".."}]}', "has no `name`. Export the model aga"),
        (json.dumps({"format_version": 2}), "must have format_version 1. Received: .*=2"),
        ('{"format_version": true}', "format_version=True"),
        ('{"format_version": 1.0}', "format_version=1.0"),
        (f'{{"format_version": {10**400}}}', "format_version=1000"),
    ]:
        path.write_text(text)
        assert re.search(message, refusal(tmp_path)), text[:80]
    path.write_bytes(b'{"name": "\xff"}')
    assert "is no JSON" in refusal(tmp_path) or "UTF-8" in refusal(tmp_path)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "is a device" in refusal(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["..", ".", "", "/etc", "a/../..", "a/b", "../x", "./a", "a\nb", "\x1b[2J", "\0", "C:", "a\\b"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["files", "reports"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, record, kind, name):
    record[kind][0]["path"] = name
    (tmp_path / "model.json").write_text(json.dumps(record))
    message = refusal(tmp_path)
    assert f"lists a file outside its folder as `{kind}[0].path`" in message
    assert message.isprintable()


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "1/../../x", "model.tflite", "1", "1/", "1//x", "2/x", "1/\x07"]
)
def test_contents_that_lie_elsewhere_are_refused(tmp_path, record, name):
    record["files"][0]["contents"][1]["path"] = name
    (tmp_path / "model.json").write_text(json.dumps(record))
    message = refusal(tmp_path)
    assert "lists a file outside '1' in `files[0].contents`" in message
    assert message.isprintable()


def test_a_name_that_is_there_twice_is_refused(tmp_path, record):
    for name in ("1", "model.json"):
        changed = copy.deepcopy(record)
        changed["reports"][0]["path"] = name
        (tmp_path / "model.json").write_text(json.dumps(changed))
        assert f"lists {name!r} twice, again as `reports[0].path`" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("name",), 3, "must have a text as `name`. Received: 3"),
        (("architecture",), [], "an object as `architecture`"),
        (("input",), None, "an object as `input`"),
        (("input", "height"), 64.5, "an integer >= 0 as `input.height`. Received: 64.5"),
        (("input", "height"), True, "an integer >= 0 as `input.height`"),
        (("input", "width"), 10**400, "an integer >= 0 as `input.width`"),
        (("input", "range"), [0, "x"], "a finite number as `input.range[1]`"),
        (("input", "range"), [10**400], "a finite number as `input.range[0]`"),
        (("embedding", "l2_normalized"), 0, "true or false as `embedding.l2_normalized`"),
        (("thresholds",), [1], "an object as `thresholds[0]`"),
        (("thresholds",), [{"metric": "cosine"}], "has no `thresholds[0].threshold`"),
        (("files",), {}, "a list as `files`"),
        (("files", 1, "bytes"), -1, "an integer >= 0 as `files[1].bytes`"),
        (("files", 1, "sha256"), None, "a text as `files[1].sha256`"),
        (("files", 0, "contents"), "x", "a list as `files[0].contents`"),
        (("reports", 0), None, "an object as `reports[0]`"),
    ],
)
def test_wrong_values_are_told_with_their_place(tmp_path, record, place, value, message):
    *path, last = place
    inner = record
    for key in path:
        inner = inner[key]
    inner[last] = value
    (tmp_path / "model.json").write_text(json.dumps(record))
    assert message in refusal(tmp_path)
