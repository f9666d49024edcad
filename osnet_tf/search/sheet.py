"""A sheet of one search: the query, and what was found, nearest first."""

from PIL import Image, ImageDraw, ImageFont

from osnet_tf.data.pillow_images import read_rgb
from osnet_tf.errors import OSNetError
from osnet_tf.files import whole_file
from osnet_tf.search.frames import video_frames

_HEIGHT, _WIDTH, _GAP, _TEXT = 128, 64, 4, 26
_COLUMNS = 10
_FRAMES = {True: (46, 160, 67), False: (200, 60, 50), None: (150, 150, 150)}


def draw_matches(path, query, matches):
    """Draws the query and its matches, with distance and camera, as a picture.

    The frame of a match is green up to the gallery's threshold, red beyond it, grey without one.
    What cannot be read any more is a grey place.

    Args:
        path: File to write: `.png`, `.jpg` or another kind that Pillow writes; its folder exists.
        query: An image file; or an array of pixels or a Pillow image.
        matches: A list of `osnet_tf.search.Match`.

    Raises:
        ImageError: the query cannot be read. WriteError: the picture cannot be written.

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> path = pathlib.Path(tempfile.mkdtemp(), "sheet.png")
    >>> draw_matches(path, np.zeros((64, 32, 3), "uint8"), [])
    >>> Image.open(path).size
    (72, 158)
    """
    first = read_rgb(query) if isinstance(query, str) or hasattr(query, "__fspath__") else query
    pictures = [first, *_pictures(matches)]
    texts = ["query", *(f"{match.distance:.3f}\n{_origin(match)}" for match in matches)]
    colours = [(30, 90, 200), *(_FRAMES[match.same_person] for match in matches)]
    rows = -(-len(pictures) // _COLUMNS)
    size = (_WIDTH + 2 * _GAP, _HEIGHT + _GAP + _TEXT)
    sheet = Image.new("RGB", (min(len(pictures), _COLUMNS) * size[0], rows * size[1]), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for number, (picture, text, colour) in enumerate(zip(pictures, texts, colours, strict=True)):
        left, top = number % _COLUMNS * size[0] + _GAP, number // _COLUMNS * size[1] + _GAP
        draw.rectangle(
            (left - 3, top - 3, left + _WIDTH + 2, top + _HEIGHT + 2), outline=colour, width=3
        )
        if picture is None:
            draw.rectangle((left, top, left + _WIDTH - 1, top + _HEIGHT - 1), fill=(225, 225, 225))
        else:
            image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
            sheet.paste(image.convert("RGB").resize((_WIDTH, _HEIGHT)), (left, top))
        draw.multiline_text((left, top + _HEIGHT + 2), text, "black", font=font, spacing=1)
    with whole_file(path) as new:
        sheet.save(new)


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
