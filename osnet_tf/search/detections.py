"""The boxes of a detector or tracker in the frames of a video, from their files.

MOTChallenge's files are those of arXiv 1603.00831, section 3.3: frames, ids and pixels are counted
from 1, boxes are left, top, width, height.
"""

import csv
import math
from typing import NamedTuple

from osnet_tf.errors import FileError
from osnet_tf.files import check_regular_file

_OWN = ("frame", "left", "top", "right", "bottom")
_PEDESTRIAN = 1


class Detection(NamedTuple):
    """A person in a frame.

    Attributes:
        frame: Number of the frame, from 0.
        box: `(left, top, right, bottom)` in pixels, from 0; right and bottom are not included.
        pid: The person or track; -1 if unknown.
        confidence: The detector's; 1.0 if it tells none.

    >>> Detection(0, (10.0, 20.0, 50.0, 120.0)).pid
    -1
    """

    frame: int
    box: tuple[float, float, float, float]
    pid: int = -1
    confidence: float = 1.0


def read_detections(path, *, min_confidence=None):
    """Reads boxes.

    Args:
        path: A file of comma-separated values in UTF-8.

            - With a header line that names `frame,left,top,right,bottom` and, if they are known,
              `pid` and `confidence`, in any order: counted from 0, as in `Detection`.
            - Without one, MOTChallenge's. `det.txt`, of 7 or 10 columns: frame, id, left, top,
              width, height, confidence, and a place in the world, which is passed over. `gt.txt`,
              of 8 or 9: the 7th column is 0 where a box is to be ignored, the 8th a class, of which
              1, pedestrians, are read.
        min_confidence: Boxes with less are left out; None for all. A `gt.txt` has no confidences.

    Returns:
        A list of `Detection`, sorted by frame, otherwise in the file's order.

    Raises:
        NotFoundError: there is no such file.
        FileError: a line is none of these; the message tells its number.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "det.txt")
    >>> chars = path.write_text("1,-1,11,21,40,100,0.9,-1,-1,-1\\n")
    >>> read_detections(path)
    [Detection(frame=0, box=(10.0, 20.0, 50.0, 120.0), pid=-1, confidence=0.9)]
    """
    check_regular_file(path)
    found = []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, skipinitialspace=True)
            read = None
            for row in rows:
                if not any(cell.strip() for cell in row):
                    continue
                if read is None:
                    read = _reader(row)
                    if read is not _mot:
                        continue
                try:
                    one = read(row)
                except (ValueError, OverflowError, IndexError) as error:
                    raise FileError(path, f"has no box in line {rows.line_num}: {error}") from None
                if one and (min_confidence is None or one.confidence >= min_confidence):
                    found.append(one)
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(path, f"is no file of comma-separated values: {error}") from None
    except _NoHeader as error:
        raise FileError(path, str(error)) from None
    return sorted(found, key=lambda one: one.frame)


class _NoHeader(Exception):
    pass


def _reader(first):
    """What reads the rows of a file that begins with this one."""
    try:
        float(first[0])
        return _mot
    except ValueError:
        names = [name.strip().lower() for name in first]
    missing = [name for name in _OWN if name not in names]
    if missing:
        raise _NoHeader(
            f"has a header without {', '.join(missing)}: it must name {', '.join(_OWN)}"
        )
    return lambda row: _own(dict(zip(names, row, strict=True)))


def _own(row):
    box = tuple(_number(row[name], name) for name in _OWN[1:])
    pid = _whole(row["pid"], "pid") if row.get("pid", "").strip() else -1
    confidence = _number(row["confidence"], "confidence") if row.get("confidence") else 1.0
    return _checked(Detection(_whole(row["frame"], "frame"), box, pid, confidence), first=0)


def _mot(row):
    """A Detection, or None for a line of ground truth that is none."""
    if len(row) not in (7, 8, 9, 10):
        raise ValueError(f"it has {len(row)} columns, not 7 to 10")
    frame, pid = _whole(row[0], "frame"), _whole(row[1], "id")
    left, top, width, height = (_number(cell, "box") for cell in row[2:6])
    confidence = _number(row[6], "confidence")
    if len(row) in (8, 9):
        if confidence == 0 or _whole(row[7], "class") != _PEDESTRIAN:
            return None
        confidence = 1.0
    box = (left - 1, top - 1, left - 1 + width, top - 1 + height)
    return _checked(Detection(frame - 1, box, max(pid, -1), confidence), first=1)


def _checked(one, first):
    if one.frame < 0:
        raise ValueError(f"frames are counted from {first}. Received: frame={one.frame + first}")
    left, top, right, bottom = one.box
    if not (left < right and top < bottom):
        raise ValueError(f"the box has no size. Received: {one.box}")
    return one


def _number(text, name):
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite. Received: {text}")
    return value


def _whole(text, name):
    value = _number(text, name)
    if not value.is_integer():
        raise ValueError(f"{name} must be an integer. Received: {text}")
    return int(value)
