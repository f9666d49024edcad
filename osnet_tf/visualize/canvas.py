"""A sheet of small pictures with frames and captions, by Pillow."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from osnet_tf.checks import check_int
from osnet_tf.errors import ArgumentError
from osnet_tf.files import printable

FRAME = 3  # width of the coloured frame around a picture
GAP = 6  # between pictures
LINE = 13  # height of a line of text
PAPER, INK = (255, 255, 255), (28, 36, 48)
_LONGEST = 24  # letters of a name


class Cell(NamedTuple):
    """A picture on a sheet.

    Attributes:
        pixels: uint8 `(height, width, 3)` of any size.
        lines: Texts beneath it.
        frame: RGB colour, 0..255, of its frame; None for no frame.
    """

    pixels: np.ndarray
    lines: Sequence[str] = ()
    frame: tuple[int, int, int] | None = None


def cell_sheet(rows, *, size=(128, 64), first_apart=False) -> Image.Image:
    """Puts pictures in rows, all of one size.

    Args:
        rows: Sequence of rows, each a sequence of `Cell`s or None, for a place that stays empty.
        size: `(height, width)` in pixels of each picture, without its frame.
        first_apart: Whether a wider gap sets the first column apart.

    Returns:
        An RGB image on white. `cell_corner` says where in it each picture begins.

    Raises ArgumentError for a size below 1, or without any picture.

    >>> red = np.full((4, 2, 3), (255, 0, 0), "uint8")
    >>> sheet = cell_sheet([[Cell(red, ["a"], (0, 0, 255))]], size=(40, 20))
    >>> left, top = cell_corner(0, 0, size=(40, 20))
    >>> sheet.getpixel((left, top)), sheet.getpixel((left - 1, top))
    ((255, 0, 0), (0, 0, 255))
    """
    height, width = size
    check_int(height=height, width=width)
    cells = [cell for row in rows for cell in row if cell is not None]
    if not cells:
        raise ArgumentError("A sheet takes one picture or more. Received: none")
    lines = max(len(cell.lines) for cell in cells)
    across = max(map(len, rows))
    options = {"size": size, "lines": lines, "first_apart": first_apart}
    right, bottom = cell_corner(len(rows), across, **options)
    sheet = Image.new("RGB", (right - FRAME, bottom - FRAME), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            if cell is None:
                continue
            left, top = cell_corner(number, column, **options)
            if cell.frame is not None:
                box = (
                    left - FRAME,
                    top - FRAME,
                    left + width + FRAME - 1,
                    top + height + FRAME - 1,
                )
                draw.rectangle(box, fill=cell.frame)
            picture = Image.fromarray(cell.pixels)
            sheet.paste(picture.resize((width, height), Image.Resampling.BILINEAR), (left, top))
            for line, text in enumerate(cell.lines):
                at = (left - FRAME, top + height + FRAME + 1 + line * LINE)
                draw.text(at, fitting(text, width + 2 * FRAME), INK, font=font())
    return sheet


def cell_corner(row, column, *, size=(128, 64), lines=1, first_apart=False):
    """`(left, top)` of a picture on a sheet, in pixels, within its frame.

    Args:
        row, column: Which one, from 0.
        size, first_apart: As for `cell_sheet`.
        lines: Of text beneath each picture.

    >>> cell_corner(0, 0), cell_corner(1, 2, size=(40, 20), lines=2)
    ((9, 9), (73, 89))
    """
    height, width = size
    apart = 2 * GAP if first_apart and column else 0
    text = lines * LINE + (2 if lines else 0)
    return (
        GAP + FRAME + column * (width + 2 * FRAME + GAP) + apart,
        GAP + FRAME + row * (height + 2 * FRAME + GAP + text),
    )


def in_columns(cells, columns):
    """Cells, in rows of so many; an almost square sheet where `columns` is None.

    >>> in_columns("abcde", 2), in_columns("abcd", None)
    (['ab', 'cd', 'e'], ['ab', 'cd'])
    """
    columns = columns or math.ceil(math.sqrt(len(cells)))
    return [cells[start : start + columns] for start in range(0, len(cells), columns)]


def short_name(name):
    """A name as a font can draw it, on one line.

    >>> short_name("a" * 30)
    'aaaaaaaaaaaaaaaaaaaaa...'
    """
    name = printable(name)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."


def fitting(text, width):
    """As much of a text as a number of pixels holds, dots in place of the rest."""
    text = printable(text)
    if text_width(text) <= width:
        return text
    while text and text_width(f"{text}..") > width:
        text = text[:-1]
    return f"{text}.."


def font():
    """The font of all sheets; it comes with Pillow."""
    return ImageFont.load_default(10)


def text_width(text):
    """Pixels that a line of text takes."""
    return font().getlength(text)
