"""The backgrounds of the demo set: a street, a wall, a park and a hall."""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from osnet_tf.data.demo_figures import shade


def draw_scene(name: str, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Draws a camera's whole background, eight pictures wide.

    Args:
        name: "street", "wall", "park" or "hall".
        size: (height, width) of one picture in supersampled pixels.
        rng: draws where things are.

    Returns:
        RGB image.
    """
    height, width = size[0], size[1] * 8
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    _SCENES[name](draw, width, height, rng)
    # Background is out of focus, and no surface has one flat colour.
    image = image.filter(ImageFilter.GaussianBlur(height * 0.004))
    grain = rng.standard_normal((height // 4 + 1, width // 4 + 1)) * 6
    grain = np.kron(grain, np.ones((4, 4)))[:height, :width, None]
    grain = grain + rng.standard_normal((height, width, 1)) * 6
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def _street(draw, width: int, height: int, rng):
    horizon = int(height * 0.42)
    x = 0
    while x < width:
        wide = int(height * (0.35 + 0.5 * rng.random()))
        base = shade([(168, 150, 130), (140, 110, 92), (186, 182, 170)][rng.integers(3)], 0.9)
        draw.rectangle([x, 0, x + wide, horizon], fill=base)
        step = height * 0.13
        for row in range(3):
            for column in range(int(wide / step)):
                left, top = x + (column + 0.25) * step, (row + 0.2) * step
                glass = shade((84, 98, 112), 0.7 + 0.6 * rng.random())
                draw.rectangle([left, top, left + step * 0.5, top + step * 0.65], fill=glass)
        x += wide
    draw.rectangle([0, horizon, width, height * 0.6], fill=(84, 84, 88))
    for x in range(0, width, int(height * 0.9)):
        x += int(rng.random() * height * 0.4)
        paint = [(150, 36, 36), (44, 60, 110), (214, 214, 210), (40, 40, 44)][rng.integers(4)]
        top, long, corner = height * 0.36, height * 0.55, height * 0.035
        draw.rounded_rectangle(
            [x, top + height * 0.07, x + long, height * 0.55], corner, fill=paint
        )
        roof = [x + long * 0.2, top, x + long * 0.78, top + height * 0.12]
        draw.rounded_rectangle(roof, corner, fill=shade(paint, 0.6))
        for wheel in (0.2, 0.8):
            cx, r = x + long * wheel, height * 0.04
            draw.ellipse([cx - r, height * 0.55 - r, cx + r, height * 0.55 + r], fill=(24, 24, 24))
    draw.rectangle([0, height * 0.6, width, height * 0.64], fill=(190, 186, 176))
    draw.rectangle([0, height * 0.64, width, height], fill=(152, 146, 138))
    for x in range(-height, width, int(height * 0.3)):
        draw.line([x, height * 0.64, x - height * 0.2, height], fill=(120, 116, 110), width=2)


def _wall(draw, width: int, height: int, rng):
    ground = height * 0.72
    brick_h, brick_w = height * 0.035, height * 0.1
    for row in range(int(ground / brick_h) + 1):
        for column in range(-1, int(width / brick_w) + 1):
            left, top = (column + 0.5 * (row % 2)) * brick_w, row * brick_h
            tone = shade((150, 100, 84), 0.8 + 0.35 * rng.random())
            draw.rectangle([left, top, left + brick_w * 0.92, top + brick_h * 0.78], fill=tone)
    for x in range(0, width, int(height * 0.8)):
        left = x + int(rng.random() * height * 0.4)
        paint = [(60, 96, 84), (190, 60, 50), (220, 214, 200), (60, 70, 120)][rng.integers(4)]
        box = [left, height * 0.1, left + height * 0.24, height * (0.35 + 0.37 * rng.random())]
        draw.rectangle(box, fill=paint)
        rim = height * 0.03
        inner = [box[0] + rim, box[1] + rim, box[2] - rim, box[3] - rim]
        draw.rectangle(inner, outline=shade(paint, 0.6))
    draw.rectangle([0, ground, width, height], fill=(128, 128, 132))
    for row in range(1, 4):
        y = ground + (height - ground) * row * row / 12
        draw.line([0, y, width, y], fill=(100, 100, 104), width=2)
    for x in range(0, width, int(height * 0.22)):
        draw.line([x, ground, x, height], fill=(104, 104, 108), width=2)


def _park(draw, width: int, height: int, rng):
    draw.rectangle([0, 0, width, height * 0.3], fill=(178, 202, 222))
    draw.rectangle([0, height * 0.3, width, height], fill=(112, 140, 88))
    for _ in range(90):
        x, y = rng.random() * width, height * (0.12 + 0.28 * rng.random())
        r = height * (0.04 + 0.08 * rng.random())
        leaf = shade((62, 104, 50), 0.6 + 0.6 * rng.random())
        draw.ellipse([x - r, y - r, x + r, y + r], fill=leaf)
    for x in range(0, width, int(height * 0.5)):
        x += int(rng.random() * height * 0.4)
        trunk = height * (0.025 + 0.02 * rng.random())
        draw.rectangle([x - trunk, 0, x + trunk, height * 0.5], fill=(92, 70, 52))
    path = [(0, height * 0.82), (width, height * 0.74), (width, height * 0.97), (0, height)]
    draw.polygon(path, fill=(196, 178, 142))
    for _ in range(260):
        x, y = rng.random() * width, height * (0.42 + 0.58 * rng.random())
        blade = shade((98, 132, 76), 0.7 + 0.6 * rng.random())
        draw.line([x, y, x + height * 0.015, y - height * 0.03], fill=blade, width=2)


def _hall(draw, width: int, height: int, rng):
    ground = height * 0.5
    draw.rectangle([0, 0, width, ground], fill=(206, 200, 186))
    draw.rectangle([0, ground - height * 0.05, width, ground], fill=(120, 104, 84))
    for x in range(0, width, int(height * 0.55)):
        left = x + int(rng.random() * height * 0.2)
        if rng.random() < 0.5:
            box = [left, 0, left + height * 0.13, ground + height * 0.06]
            draw.rectangle(box, fill=(176, 170, 160))
            draw.rectangle([box[0], 0, box[0] + height * 0.04, box[3]], fill=(226, 222, 212))
        else:
            box = [left, height * 0.06, left + height * 0.22, height * 0.36]
            tone = [(188, 90, 40), (52, 96, 128), (70, 70, 74), (206, 190, 80)][rng.integers(4)]
            draw.rectangle(box, fill=tone)
            rim = height * 0.05
            disc = [box[0] + rim, box[1] + rim, box[2] - rim, box[3] - rim * 1.5]
            draw.ellipse(disc, fill=shade(tone, 1.5))
    rows = [ground + (height - ground) * t for t in (0, 0.08, 0.2, 0.36, 0.58, 0.85, 1.15)]
    centre, tile = width / 2, height * 0.16
    for index, (top, bottom) in enumerate(pairwise(rows)):
        near, far = bottom / height, top / height
        for column in range(-int(width / tile), int(width / tile)):
            colour = (196, 188, 172) if (index + column) % 2 else (142, 132, 120)
            a, b = column * tile, (column + 1) * tile
            quad = [
                (centre + a * far * 1.3, top),
                (centre + b * far * 1.3, top),
                (centre + b * near * 1.3, bottom),
                (centre + a * near * 1.3, bottom),
            ]
            draw.polygon(quad, fill=colour)


_SCENES = {"street": _street, "wall": _wall, "park": _park, "hall": _hall}
