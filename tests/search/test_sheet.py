"""The sheet of a search: the pictures stand where they belong, in the colour of the verdict."""

import numpy as np
import pytest
from PIL import Image

from osnet_tf.data import ImageError
from osnet_tf.search import Crop, Match
from osnet_tf.search.sheet import draw_matches
from osnet_tf.visualize.canvas import INK, cell_corner
from osnet_tf.visualize.ranked import DIFFERENT, SAME
from tests.search.test_video import write_folder


def test_pictures_colours_and_places(tmp_path):
    colours = {"query": (10, 20, 200), "same": (200, 100, 0), "other": (0, 120, 120)}
    for name, colour in colours.items():
        Image.new("RGB", (16, 32), colour).save(tmp_path / f"{name}.png")
    frame = np.full((1, 40, 40, 3), 255, "uint8")
    frame[0, 4:36, 10:26] = (90, 0, 90)
    video = str(write_folder(tmp_path / "V", frame))
    crops = [
        (Crop("same", str(tmp_path / "same.png"), camid=1), True),
        (Crop("other", str(tmp_path / "other.png")), False),
        (Crop("video", video, frame=0, box="10,4,26,36"), None),
        (Crop("gone", str(tmp_path / "gone.png")), False),
    ]
    matches = [Match(*crop, distance=0.1, same_person=same) for crop, same in crops * 3]
    output = tmp_path / "sheet.png"
    draw_matches(output, tmp_path / "query.png", matches)
    with Image.open(output) as image:
        sheet = np.asarray(image)
    inside = [colours["query"], colours["same"], colours["other"], (90, 0, 90), (225, 225, 225)]
    edges = [INK, SAME, DIFFERENT, (150, 150, 150), DIFFERENT]
    for number in range(13):
        left, top = cell_corner(number // 10, number % 10, lines=2)
        kind = number if number == 0 else (number - 1) % 4 + 1
        assert tuple(sheet[top + 64, left + 32]) == inside[kind]
        assert tuple(sheet[top + 64, left - 2]) == edges[kind]
        text = sheet[top + 132 : top + 145, left : left + 64]
        assert (text < 100).any()  # something is written beneath


def test_a_query_that_is_no_image(tmp_path):
    (tmp_path / "a.png").write_bytes(b"none")
    with pytest.raises(ImageError, match=r"a\.png is not a JPEG"):
        draw_matches(tmp_path / "sheet.png", tmp_path / "a.png", [])
    assert not (tmp_path / "sheet.png").exists()
