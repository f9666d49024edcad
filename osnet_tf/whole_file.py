"""Files that are there as a whole or not at all."""

import contextlib
import os
from pathlib import Path


@contextlib.contextmanager
def whole_file(path):
    """Gives a path beside `path` to write to, which takes its place if the block ends well.

    A reader sees the old file or the new one, never half of either; after an error, such as a full
    disk, the old one is still there and what was written is gone.

    Args:
        path: The file; its folder exists. What lies there is replaced.

    Yields:
        A `pathlib.Path` in the same folder and with the same suffix.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "results.txt")
    >>> with whole_file(path) as new:
    ...     size = new.write_text("mAP 71.8")
    >>> path.read_text()
    'mAP 71.8'
    """
    path = Path(path)
    new = path.with_name(f".new-{path.name}")
    try:
        yield new
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)
