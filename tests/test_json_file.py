import json

import pytest

from osnet_tf.json_file import write_json


def test_a_file_is_replaced_as_a_whole_or_left_alone(tmp_path):
    path = tmp_path / "x.json"
    for value in ({"a": [1, None, "é"]}, []):
        write_json(path, value)
        assert json.loads(path.read_text()) == value
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(path, {"path": tmp_path})
    assert path.read_text() == "[]\n"
    assert list(tmp_path.iterdir()) == [path]
