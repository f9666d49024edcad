import hashlib
import json

import pytest

from osnet_tf.export.model_json import FORMAT_VERSION, NAME, changed_files, read_manifest
from osnet_tf.files import write_json


def test_changed_files(tmp_path):
    """One file, and a SavedModel of two."""
    contents = {"1/saved_model.pb": b"graph", "1/variables/v": b"", "model.tflite": b"weights"}
    entries = []
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
        entries.append({"path": name, "sha256": hashlib.sha256(content).hexdigest()})
    *saved_model, model = entries
    files = [{"path": "1", "sha256": None, "contents": saved_model}, model]
    write_json(tmp_path / NAME, {"format_version": FORMAT_VERSION, "files": files})
    assert changed_files(tmp_path) == []
    (tmp_path / "model.tflite").write_bytes(b"weighty")
    (tmp_path / "1" / "variables" / "v").unlink()
    assert changed_files(tmp_path) == ["1/variables/v", "model.tflite"]


def test_what_is_no_manifest_is_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no .*model.json: train/export.py"):
        read_manifest(tmp_path)
    path = tmp_path / "model.json"
    for text, message in [
        ("{", "is no JSON"),
        ("[]", "format_version=None"),
        (json.dumps({"format_version": 2}), "must have format_version 1. Received: .*=2"),
    ]:
        path.write_text(text)
        with pytest.raises(ValueError, match=message) as caught:
            read_manifest(tmp_path)
        assert str(path) in str(caught.value)
