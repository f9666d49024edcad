"""JSON files that are there as a whole or not at all."""

import json

from osnet_tf.whole_file import whole_file


def write_json(path, value):
    """Writes JSON as a whole or not at all: a reader never sees half a file.

    Args:
        path: The file; its folder exists. What lies there is replaced.
        value: What JSON can hold.

    Raises TypeError, before anything is written, if JSON cannot hold the value.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "results.json")
    >>> write_json(path, {"mAP": 0.5})
    >>> json.loads(path.read_text())
    {'mAP': 0.5}
    """
    text = json.dumps(value, indent=2) + "\n"
    with whole_file(path) as new:
        new.write_text(text, encoding="utf-8")
