"""How a person of the demo set is drawn in a pose.

A body is a stick figure in three dimensions (right, up, forward; 1.0 is a person's height) turned
by a yaw and dressed with polygons, so that front, back and side views agree with each other.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from osnet_tf.data.demo_people import Colour, Person


class Pose(NamedTuple):
    """How a person stands: yaw 0 faces the camera, pi/2 faces the picture's right."""

    x: float
    foot_y: float
    scale: float
    yaw: float
    phase: float
    tilt: float


def shade(colour: Colour, factor: float) -> Colour:
    """A darker (factor < 1) or lighter colour."""
    red, green, blue = (max(0, min(255, round(value * factor))) for value in colour)
    return red, green, blue


class _Pen:
    """Draws body coordinates (right, up, forward) onto a transparent picture."""

    def __init__(self, size: tuple[int, int], person: Person, pose: Pose):
        self.person, self.pose = person, pose
        self.image = Image.new("RGBA", (size[1], size[0]))
        self.draw = ImageDraw.Draw(self.image)
        self.unit = pose.scale * person.height
        self.cos, self.sin = math.cos(pose.yaw), math.sin(pose.yaw)

    def depth(self, right: float, forward: float) -> float:
        """How much nearer to the camera than the body's axis."""
        return forward * self.cos + right * self.sin

    def point(self, right: float, up: float, forward: float) -> tuple[float, float]:
        x = -right * self.cos + forward * self.sin
        y = up - self.depth(right, forward) * self.pose.tilt
        return self.pose.x + x * self.unit, self.pose.foot_y - y * self.unit

    def half_width(self, right: float, forward: float) -> float:
        """Half the width of an elliptic cross-section as it is seen."""
        return math.hypot(right * self.cos, forward * self.sin)

    def ball(self, centre, radius_x: float, radius_y: float, colour: Colour):
        (x, y), rx, ry = centre, radius_x * self.unit, radius_y * self.unit
        self.draw.ellipse([x - rx, y - ry, x + rx, y + ry], fill=colour)

    def limb(self, joints, radii, colour: Colour):
        """A chain of tapered segments with round joints."""
        points = [self.point(*joint) for joint in joints]
        for (a, b), (ra, rb) in zip(pairwise(points), pairwise(radii), strict=True):
            length = math.hypot(b[0] - a[0], b[1] - a[1]) or 1.0
            nx, ny = (a[1] - b[1]) / length * self.unit, (b[0] - a[0]) / length * self.unit
            quad = [
                (a[0] + nx * ra, a[1] + ny * ra),
                (b[0] + nx * rb, b[1] + ny * rb),
                (b[0] - nx * rb, b[1] - ny * rb),
                (a[0] - nx * ra, a[1] - ny * ra),
            ]
            self.draw.polygon(quad, fill=colour)
        for point, radius in zip(points, radii, strict=True):
            self.ball(point, radius, radius, colour)

    def outline(self, levels) -> list[tuple[float, float]]:
        """The silhouette of stacked cross-sections (up, half right, half forward)."""
        left, right = [], []
        for up, half_right, half_forward in levels:
            x, y = self.point(0.0, up, 0.0)
            half = self.half_width(half_right, half_forward) * self.unit
            left.append((x - half, y))
            right.append((x + half, y))
        return left + right[::-1]


def draw_person(size: tuple[int, int], person: Person, pose: Pose) -> Image.Image:
    """Draws a person.

    Args:
        size: (height, width) of the picture in pixels.
        person: who.
        pose: where and how, in the same pixels.

    Returns:
        RGBA image, transparent around the person.
    """
    pen = _Pen(size, person, pose)
    facing = pen.cos > 0
    sides = sorted([-1, 1], key=lambda side: pen.depth(side, 0.0))
    if person.bag == "backpack" and facing:
        _backpack(pen)
    if person.hair_style == "long" and facing and person.hat != "hood":
        pen.ball(pen.point(0, 0.87, -0.02), 0.062, 0.09, person.hair)
    far_arms = [side for side in sides if pen.depth(side * person.shoulders, 0.0) < -0.035]
    for side in far_arms:
        _arm(pen, side, 0.74)
    for side, light in zip(sides, [0.82, 1.0], strict=True):
        _leg(pen, side, light)
    _skirt(pen)
    _torso(pen)
    if person.bag == "backpack":
        _straps(pen) if facing else _backpack(pen)
    _head(pen)
    if person.bag == "shoulder":
        _shoulder_bag(pen)
    for side in sides:
        if side not in far_arms:
            _arm(pen, side, 0.9)
    return pen.image


def _swing(pen: _Pen, side: int) -> float:
    return side * math.sin(pen.pose.phase)


def _arm(pen: _Pen, side: int, light: float):
    person, swing = pen.person, -_swing(pen, side)
    thick = 0.027 * (0.6 + 0.4 * person.girth)
    shoulder = (side * (person.shoulders * 0.97), 0.805, 0.0)
    elbow = (side * (person.shoulders + 0.018), 0.645, 0.05 * swing - 0.01)
    wrist = (side * (person.shoulders + 0.022), 0.5, 0.12 * swing + 0.03)
    middle = tuple((a + b) / 2 for a, b in zip(shoulder, elbow, strict=True))
    if person.bag == "handbag" and side == person.bag_side and light < 0.8:
        _handbag(pen, wrist)
    pen.limb(
        [shoulder, elbow, wrist], [thick, thick * 0.8, thick * 0.62], shade(person.skin, light)
    )
    pen.ball(pen.point(wrist[0], 0.482, wrist[2]), 0.02, 0.026, shade(person.skin, light))
    cloth = person.second if person.pattern == "two-tone" else person.upper
    cloth = shade(cloth, light)
    if person.sleeves == "long":
        widths = [thick * 1.18, thick, thick * 0.88]
        pen.limb([shoulder, elbow, wrist], widths, cloth)
    elif person.sleeves == "short":
        pen.limb([shoulder, middle], [thick * 1.18, thick * 1.2], cloth)
    if person.bag == "handbag" and side == person.bag_side and light > 0.8:
        _handbag(pen, wrist)


def _handbag(pen: _Pen, wrist):
    colour = pen.person.bag_colour
    x, y = pen.point(wrist[0], wrist[1] - 0.03, wrist[2])
    half = max(0.03, pen.half_width(0.035, 0.075)) * pen.unit
    top, bottom = y + 0.06 * pen.unit, y + 0.17 * pen.unit
    width = max(1, round(0.011 * pen.unit))
    pen.draw.line([(x - half * 0.6, top), (x, y), (x + half * 0.6, top)], shade(colour, 0.7), width)
    pen.draw.polygon(
        [(x - half * 0.8, top), (x + half * 0.8, top), (x + half, bottom), (x - half, bottom)],
        fill=colour,
    )
    pen.draw.line(
        [(x - half * 0.85, top + half * 0.3), (x + half * 0.85, top + half * 0.3)],
        shade(colour, 0.6),
        width,
    )


def _leg(pen: _Pen, side: int, light: float):
    person, swing = pen.person, _swing(pen, side)
    girth = 0.55 + 0.45 * person.girth
    lift = 0.035 * max(0.0, -swing)
    hip = (side * person.hips * 0.52, 0.5, 0.0)
    knee = (side * person.hips * 0.5, 0.275, 0.065 * swing + 0.015)
    ankle = (side * person.hips * 0.46, 0.045 + lift, 0.13 * swing)
    toe = (ankle[0], 0.012 + lift, ankle[2] + 0.07)
    heel = (ankle[0], 0.014 + lift, ankle[2] - 0.012)
    skin, lower = shade(person.skin, light), shade(person.lower, light)
    bare = [0.05 * girth, 0.034 * girth, 0.022]
    pen.limb([hip, knee, ankle], bare, skin)
    pen.limb([ankle, heel, toe], [0.022, 0.023, 0.021], shade(person.shoes, light))
    if person.lower_kind == "trousers":
        widths = [0.056 * girth, 0.042 * girth, 0.034]
        pen.limb([hip, knee, ankle], widths, lower)
        if person.side_stripe and pen.depth(side, 0.0) > -0.3:
            out = side * 0.036 * girth
            line = [pen.point(j[0] + out, j[1], j[2]) for j in (hip, knee, ankle)]
            pen.draw.line(line, shade(person.second, light), max(1, round(0.014 * pen.unit)))
    elif person.lower_kind == "shorts":
        end = (knee[0], 0.3, knee[2] * 0.9)
        pen.limb([hip, end], [0.057 * girth, 0.044 * girth], lower)


def _skirt(pen: _Pen):
    person = pen.person
    hips, girth = person.hips, person.girth
    if "skirt" in person.lower_kind:
        end = 0.31 if person.lower_kind == "skirt" else 0.15
        flare = 1.35 if person.lower_kind == "skirt" else 1.25
        levels = [
            (0.57, hips * 0.95, 0.055 * girth),
            (0.48, hips * 1.08, 0.075 * girth),
            (end, hips * flare, 0.1 * girth),
        ]
        pen.draw.polygon(pen.outline(levels), fill=person.lower)
    else:
        levels = [(0.56, hips, 0.06 * girth), (0.46, hips * 1.02, 0.07 * girth)]
        pen.draw.polygon(pen.outline(levels), fill=shade(person.lower, 0.92))


def _torso(pen: _Pen):
    person = pen.person
    girth, wide, hips = person.girth, person.shoulders, person.hips
    belly = 0.062 * girth
    levels = [
        (0.862, 0.034, 0.034),
        (0.838, wide * 0.72, 0.045),
        (0.81, wide, 0.056),
        (0.72, wide * 0.93, 0.07 * (0.5 + 0.5 * girth)),
        (0.6, (wide * 0.45 + hips * 0.45) * (0.45 + 0.55 * girth), belly * 1.05),
        (0.52, hips * (0.55 + 0.5 * girth), belly * 1.12),
        (person.hem, hips * (0.6 + 0.52 * girth), belly * 1.15),
    ]
    texture = Image.new("RGB", pen.image.size, person.upper)
    brush = ImageDraw.Draw(texture)
    _paint_pattern(pen, brush, wide, belly)
    mask = Image.new("L", pen.image.size)
    ImageDraw.Draw(mask).polygon(pen.outline(levels), fill=255)
    pen.image.paste(texture, (0, 0), mask)


def _paint_pattern(pen: _Pen, brush: ImageDraw.ImageDraw, wide: float, belly: float):
    person, unit = pen.person, pen.unit
    x0 = pen.pose.x
    edge = 0.2 * unit

    def y_at(up):
        return pen.point(0.0, up, 0.0)[1]

    def x_at(angle):
        """Where a vertical line of the cloth, at an angle around the body, is seen."""
        return x0 + (-wide * math.sin(angle) * pen.cos + belly * math.cos(angle) * pen.sin) * unit

    if person.pattern in ("stripes", "check"):
        step = 0.062 if person.pattern == "stripes" else 0.085
        for up in np.arange(0.34, 0.86, step):
            brush.rectangle(
                [x0 - edge, y_at(up + step * 0.42), x0 + edge, y_at(up)], fill=person.second
            )
    if person.pattern in ("bars", "check"):
        for angle in np.arange(0, 2 * math.pi, math.pi / 6):
            if pen.depth(wide * math.sin(angle), belly * math.cos(angle)) > 0:
                a, b = sorted([x_at(angle), x_at(angle + 0.2)])
                mixed = person.second if person.pattern == "bars" else shade(person.second, 0.8)
                brush.rectangle([a, 0, b, pen.image.height], fill=mixed)
    if person.pattern == "two-tone":
        brush.rectangle([x0 - edge, y_at(1.0), x0 + edge, y_at(0.7)], fill=person.second)
    if person.pattern == "open" and pen.cos > -0.25:
        a, b = sorted([x_at(-0.45), x_at(0.45)])
        brush.rectangle([a, 0, b, pen.image.height], fill=person.second)
    if person.pattern == "logo" and pen.cos > 0.1:
        a, b = sorted([x_at(-0.5), x_at(0.5)])
        brush.ellipse([a, y_at(0.77), b, y_at(0.67)], fill=person.second)


def _straps(pen: _Pen):
    person = pen.person
    width = max(1, round(0.02 * pen.unit))
    for side in (-1, 1):
        joints = [(side * 0.06, 0.84, 0.0), (side * 0.068, 0.76, 0.07), (side * 0.09, 0.63, 0.05)]
        pen.draw.line([pen.point(*joint) for joint in joints], shade(person.bag_colour, 0.8), width)


def _backpack(pen: _Pen):
    person = pen.person
    x, y = pen.point(0.0, 0.7, -0.1)
    half = pen.half_width(0.1, 0.065) * pen.unit
    tall = 0.13 * pen.unit
    radius = 0.045 * pen.unit
    box = [x - half, y - tall, x + half, y + tall]
    pen.draw.rounded_rectangle(box, radius, fill=person.bag_colour)
    dark = shade(person.bag_colour, 0.68)
    pocket = [x - half * 0.72, y + tall * 0.15, x + half * 0.72, y + tall * 0.82]
    pen.draw.rounded_rectangle(pocket, radius * 0.6, fill=dark)


def _shoulder_bag(pen: _Pen):
    person, side = pen.person, pen.person.bag_side
    width = max(1, round(0.016 * pen.unit))
    colour = person.bag_colour
    front = 0.07 if pen.cos > 0 else -0.07
    bag = (side * (person.hips + 0.03), 0.5, 0.0)
    strap = [(-side * 0.05, 0.845, 0.0), (side * 0.02, 0.68, front), bag]
    pen.draw.line([pen.point(*joint) for joint in strap], shade(colour, 0.7), width)
    if pen.depth(bag[0], 0.0) > -0.06:
        x, y = pen.point(*bag)
        half, tall = pen.half_width(0.035, 0.085) * pen.unit, 0.055 * pen.unit
        pen.draw.rounded_rectangle(
            [x - half, y - tall, x + half, y + tall], tall * 0.4, fill=colour
        )
        flap = [x - half, y - tall, x + half, y]
        pen.draw.rounded_rectangle(flap, tall * 0.4, fill=shade(colour, 0.75))


def _head(pen: _Pen):
    person = pen.person
    hair, skin = person.hair, person.skin
    pen.limb([(0, 0.85, 0.0), (0, 0.89, 0.01)], [0.028, 0.026], shade(skin, 0.85))
    rx, ry = pen.half_width(0.05, 0.058), 0.066
    centre = pen.point(0, 0.928, 0.01)
    if person.hair_style == "tail":
        pen.limb([(0, 0.94, -0.06), (0, 0.88, -0.085), (0, 0.82, -0.07)], [0.02, 0.022, 0.01], hair)
    if person.hair_style == "bun":
        pen.ball(pen.point(0, 0.972, -0.045), 0.028, 0.028, hair)
    pen.ball(centre, rx, ry, skin if person.hair_style == "bald" else hair)
    if pen.cos > -0.45:
        x, y = pen.point(0, 0.915, 0.026)
        turn = max(0.0, pen.cos)
        pen.ball((x, y), 0.034 + 0.01 * turn, 0.052, skin)
        for side in (-1, 1):
            if pen.depth(side * 0.02, 0.05) > 0:
                pen.ball(pen.point(side * 0.019, 0.925, 0.052), 0.005, 0.005, shade(skin, 0.3))
        pen.ball(pen.point(0, 0.895, 0.055), 0.012 * turn + 0.004, 0.004, shade(skin, 0.62))
    if person.hair_style == "long" and pen.cos <= 0 and person.hat != "hood":
        pen.ball(pen.point(0, 0.885, -0.02), 0.06, 0.1, hair)
    _hat(pen, centre, rx, ry)


def _hat(pen: _Pen, centre, rx: float, ry: float):
    person, colour = pen.person, pen.person.hat_colour
    (x, y), unit = centre, pen.unit
    wide, tall = rx * 1.1 * unit, ry * 1.1 * unit
    if person.hat in ("cap", "beanie"):
        pen.draw.pieslice([x - wide, y - tall * 1.06, x + wide, y + tall], 180, 360, fill=colour)
        band = [x - wide, y - tall * 0.2, x + wide, y + tall * 0.02]
        pen.draw.rectangle(band, fill=shade(colour, 0.8 if person.hat == "beanie" else 1.0))
        if person.hat == "cap" and pen.cos > -0.3:
            bx, by = pen.point(0, 0.945, 0.075)
            pen.ball((bx, by), max(0.03, pen.half_width(0.045, 0.03)), 0.013, shade(colour, 0.75))
    elif person.hat == "hood":
        hood = shade(person.upper, 0.85)
        width = max(2, round(0.022 * unit))
        box = [x - wide * 1.1, y - tall * 1.12, x + wide * 1.1, y + tall * 1.25]
        if pen.cos > -0.2:
            pen.draw.arc(box, 130, 410, fill=hood, width=width)
        else:
            pen.draw.ellipse(box, fill=hood)
