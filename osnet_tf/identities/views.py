"""When and by which camera each image was taken: what its name tells, or a table says."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from osnet_tf.checks import check_choice
from osnet_tf.data.file_names import frame_of, person_and_camera
from osnet_tf.errors import ArgumentError, FileError
from osnet_tf.files import check_regular_file

#: What two images by one camera cannot be of one person for.
RULES = ("none", "time", "camera")


class Views(NamedTuple):
    """What is known of n images besides how they look; None where nothing is.

    Attributes:
        camids: `(n,)` integers or texts.
        times: float64 `(n,)`; NaN where one is unknown.
        tracklets: `(n,)` texts.
    """

    camids: np.ndarray | None = None
    times: np.ndarray | None = None
    tracklets: np.ndarray | None = None

    def options(self, rule):
        """The arguments of `identify` that cannot-link by a rule.

        Args:
            rule: "none"; "time": two by one camera at the same time are two people; "camera": any
                two by one camera are.

        Raises ArgumentError for another rule, or where what it needs is not known.

        >>> Views(camids=np.array([0, 1])).options("camera")["within_camera"]
        True
        """
        check_choice(RULES, cannot_link=rule)
        options = {"tracklets": self.tracklets}
        if rule == "none":
            return options
        if self.camids is None or (rule == "time" and self.times is None):
            missing = "cameras" if self.camids is None else "times"
            raise ArgumentError(
                f"The {missing} of the images are not known: their names do not tell them all, and "
                f"there is no table that says them. Received: cannot_link={rule!r}",
                argument="cannot_link",
            )
        return options | {
            "camids": self.camids,
            "times": self.times,
            "within_camera": rule == "camera",
        }


def views_of_names(paths, camids=None):
    """The `Views` that the names of files tell (`person_and_camera`, `frame_of`).

    Args:
        paths: The files.
        camids: Their cameras, where they are known.

    >>> views_of_names(["0002_c1s1_000451_03.jpg", "0005_c2s1_000451_01.jpg"]).camids
    array([0, 1])
    >>> views_of_names(["holiday.jpg"])
    Views(camids=None, times=None, tracklets=None)
    """
    if camids is None:
        camids = [person_and_camera(path)[1] for path in paths]
    frames = np.array([frame_of(path) for path in paths], np.float64)
    known = len(camids) and min(camids) >= 0
    return Views(
        np.array(camids) if known else None, frames if known and frames.min() >= 0 else None
    )


def read_views(path, names):
    """The `Views` of a CSV file: UTF-8, `path` and any of `camid`, `time`, `tracklet`.

    Args:
        path: The file. A row is an image; `time` is a number, in whatever unit, or empty.
        names: The images that are asked for, as they stand in the column `path`.

    Raises:
        NotFoundError: there is no such file.
        FileError: it is damaged, a row is wrong, or it lacks one of the images.

    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp(), "views.csv")
    >>> _ = table.write_text("path,camid,time\\na.jpg,door,7.5\\nb.jpg,yard,\\n")
    >>> read_views(table, ["b.jpg", "a.jpg"]).times
    array([nan, 7.5])
    """
    path = Path(path)
    check_regular_file(path)
    rows = {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames or ()
            if "path" not in columns or not {"camid", "time", "tracklet"} & set(columns):
                found = ", ".join(columns) or "none"
                raise FileError(
                    path, f"must have path and camid, time or tracklet. Received: {found}"
                )
            for row in reader:
                if None in row or None in row.values():
                    raise FileError(path, f"row {reader.line_num}: it has another number of values")
                rows[row["path"]] = reader.line_num, row
    except UnicodeDecodeError:
        raise FileError(path, "is not in UTF-8") from None
    except csv.Error as error:
        raise FileError(path, f"is no CSV: {error}") from None
    for name in names:
        if name not in rows:
            raise FileError(path, f"has no row of {name}")
    chosen = [rows[name] for name in names]

    def column(name, read):
        if name not in columns:
            return None
        return np.array([read(path, number, row[name]) for number, row in chosen])

    return Views(column("camid", _text), column("time", _time), column("tracklet", _text))


def _text(path, number, value):
    if not value:
        raise FileError(path, f"row {number}: a camid or tracklet is missing")
    return value


def _time(path, number, value):
    try:
        return float(value or "nan")
    except ValueError:
        raise FileError(path, f"row {number}: time must be a number. Received: {value}") from None
