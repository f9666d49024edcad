"""A sheet of one search: the query, and what was found, nearest first."""

import numpy as np

from osnet_tf.data.pillow_images import read_rgb
from osnet_tf.errors import OSNetError
from osnet_tf.files import whole_file
from osnet_tf.search.frames import video_frames
from osnet_tf.visualize.canvas import INK, Cell, cell_sheet, in_columns
from osnet_tf.visualize.ranked import DIFFERENT, SAME

_COLUMNS = 10
_FRAMES = {True: SAME, False: DIFFERENT, None: (150, 150, 150)}
_GONE = np.full((2, 1, 3), 225, np.uint8)


def draw_matches(path, query, matches):
    """Draws a query and its matches, with distance, camera and time, as a picture.

    The frame of a match is green up to the gallery's threshold, red beyond it, grey without one.
    What cannot be read any more is a light grey place.

    Args:
        path: File to write: `.png`, `.jpg` or another kind that Pillow writes; its folder exists.
        query: An image file, or uint8 `(height, width, 3)`.
        matches: A list of `osnet_tf.search.Match`.

    Raises:
        ImageError: the query cannot be read. WriteError: the picture cannot be written.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "sheet.png")
    >>> draw_matches(path, np.zeros((64, 32, 3), "uint8"), [])
    >>> path.read_bytes()[1:4]
    b'PNG'
    """
    pixels = np.asarray(query) if np.ndim(query) == 3 else read_rgb(query)
    cells = [Cell(pixels, ["query"], INK)]
    for match, picture in zip(matches, _pictures(matches), strict=True):
        lines = [f"{match.distance:.3f}", _origin(match)]
        cells.append(Cell(_GONE if picture is None else picture, lines, _FRAMES[match.same_person]))
    with whole_file(path) as new:
        cell_sheet(in_columns(cells, _COLUMNS)).save(new)


def _origin(match):
    camera = f"c{match.camid + 1} " if match.camid >= 0 else ""
    return camera + (f"{match.time:.1f} s" if match.time >= 0 else "")


def _pictures(matches):
    """For each match its pixels, or None if they are not to be had any more."""
    frames = {}
    for match in matches:
        if match.frame >= 0:
            frames.setdefault(match.path, set()).add(match.frame)
    found = {}
    for video, numbers in frames.items():
        try:
            for number, _, pixels in video_frames(video, numbers):
                found[video, number] = pixels
        except OSNetError:  # moved, or PyAV is not installed: the places stay grey
            continue
    return [
        _cut(found.get((match.path, match.frame)), match.box)
        if match.frame >= 0
        else _file(match.path)
        for match in matches
    ]


def _file(path):
    try:
        return read_rgb(path)
    except OSNetError:
        return None


def _cut(pixels, box):
    if pixels is None or not box:
        return pixels
    left, top, right, bottom = (max(int(float(side)), 0) for side in box.split(","))
    return pixels[top:bottom, left:right]
