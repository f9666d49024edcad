import json
import os

import pytest

from osnet_tf.errors import FileError, NotFoundError
from osnet_tf.files import read_json, write_json


def test_a_file_is_replaced_as_a_whole_or_left_alone(tmp_path):
    path = tmp_path / "x.json"
    for value in ({"a": [1, None, "é"]}, []):
        write_json(path, value)
        assert json.loads(path.read_text()) == value
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(path, {"path": tmp_path})
    assert path.read_text() == "[]\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b'{"a": "\xff"}', "is no JSON.*utf-8"),
        (b"[" * 100_000, "is no JSON: it is nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is no JSON"),
        (b"null", r"must hold an object\. Received: a NoneType"),
        (b"[1]", r"must hold an object\. Received: a list"),
    ],
    ids=["empty", "half", "not utf-8", "deep", "long number", "null", "list"],
)
def test_what_is_no_json_is_named(tmp_path, contents, message):
    path = tmp_path / "model.json"
    path.write_bytes(contents)
    with pytest.raises(FileError, match=rf"model\.json {message}"):
        read_json(path)


def test_what_is_no_file_is_named_and_never_waited_for(tmp_path):
    with pytest.raises(NotFoundError, match=r"x\.json does not exist"):
        read_json(tmp_path / "x.json")
    with pytest.raises(FileError, match="is a folder, not a regular file"):
        read_json(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="is a pipe, not a regular file"):
        read_json(tmp_path / "pipe")
