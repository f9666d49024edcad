"""The four cameras of the demo set: view, light, occlusion and picture quality of each."""

import io
import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from osnet_tf.data.demo_figures import Pose, draw_person, shade
from osnet_tf.data.demo_people import Person

SUPERSAMPLING = 2


class Camera(NamedTuple):
    """What makes one camera's pictures differ from another's.

    Attributes:
        scene: the name of the background.
        yaws: the directions people walk in here (radians, 0 towards the camera).
        tilt: how much the camera looks down.
        gain: brightness of red, green and blue.
        gamma: above 1 darkens the middle tones.
        black: the level black comes out at, 0..1 (haze).
        light: horizontal light, -1 from the left to 1 from the right.
        blur: Gaussian radius as a part of the height.
        noise: standard deviation, 0..255.
        quality: lowest and highest JPEG quality.
        occluders: what may stand in front of people.
    """

    scene: str
    yaws: tuple[float, ...]
    tilt: float
    gain: tuple[float, float, float]
    gamma: float
    black: float
    light: float
    blur: float
    noise: float
    quality: tuple[int, int]
    occluders: tuple[str, ...]


CAMERAS = (
    Camera("street", (0.0, 0.35, -0.35), 0.12, (1.07, 1.01, 0.92), 0.95, 0.02, 0.5, 0.002, 4.0,
           (78, 92), ("post", "person", "edge")),
    Camera("wall", (math.pi, math.pi - 0.4, math.pi + 0.4), 0.18, (0.74, 0.8, 0.93), 1.06, 0.0,
           -0.3, 0.004, 7.0, (55, 75), ("bench", "edge", "person")),
    Camera("park", (math.pi / 2, math.pi / 2 - 0.5, -math.pi / 2), 0.1, (0.96, 1.05, 0.88), 0.88,
           0.08, -0.7, 0.003, 5.0, (65, 85), ("bush", "post", "edge")),
    Camera("hall", (0.5, -math.pi / 2 - 0.4, math.pi + 0.7, -0.8), 0.26, (1.03, 0.91, 0.8), 1.15,
           0.04, 0.2, 0.004, 6.0, (60, 80), ("person", "bench", "post")),
)  # fmt: skip


def take_picture(
    person: Person,
    camera: Camera,
    scene: Image.Image,
    passers_by: list[Person],
    rng: np.random.Generator,
    size: tuple[int, int],
    crop_error: float = 1.0,
) -> bytes:
    """Takes one picture of a person.

    Args:
        person: who.
        camera: which camera.
        scene: its background from `draw_scene`.
        passers_by: at least one other person who may get in the way.
        rng: draws everything that differs from picture to picture.
        size: (height, width) of the picture.
        crop_error: how far the detector's box is off; 1 is usual, 3 is junk.

    Returns:
        A JPEG file.
    """
    height, width = size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING

    def between(low, high):
        return low + (high - low) * rng.random()

    yaw = camera.yaws[rng.integers(len(camera.yaws))] + between(-0.3, 0.3)
    scale = height * between(0.86, 0.97)
    pose = Pose(
        x=width * (0.5 + crop_error * between(-0.08, 0.08)),
        foot_y=height * 0.965 + crop_error * height * between(-0.035, 0.035),
        scale=scale,
        yaw=yaw,
        phase=between(0, 2 * math.pi),
        tilt=camera.tilt,
    )
    occluder = None
    if rng.random() < 0.25:
        occluder = camera.occluders[rng.integers(len(camera.occluders))]
    if occluder == "edge":
        pose = pose._replace(x=width * (0.5 + between(0.14, 0.26) * (-1) ** rng.integers(2)))

    left = rng.integers(scene.width - width + 1)
    image = scene.crop((left, 0, left + width, height))
    sun = camera.light + between(-0.2, 0.2)
    if rng.random() < 0.2:
        other = passers_by[rng.integers(len(passers_by))]
        behind = pose._replace(
            x=width * between(-0.05, 1.05), foot_y=height * between(0.74, 0.84),
            scale=height * between(0.5, 0.66), yaw=yaw + between(-1, 1),
        )  # fmt: skip
        _stand(image, other, behind, sun)
    _stand(image, person, pose, sun)
    if occluder == "person":
        other = passers_by[rng.integers(len(passers_by))]
        front = pose._replace(
            x=pose.x + width * between(0.42, 0.62) * (-1) ** rng.integers(2),
            foot_y=height * between(1.0, 1.06), scale=scale * between(1.0, 1.1),
            phase=between(0, 6.3), yaw=yaw + between(-0.6, 0.6),
        )  # fmt: skip
        _stand(image, other, front, sun)
    elif occluder:
        _occlude(image, occluder, rng)
    return _develop(image, camera, rng)


def _stand(image: Image.Image, person: Person, pose: Pose, sun: float):
    """Draws a lit person and the shadow on the ground."""
    width, height = image.size
    shadow = Image.new("L", image.size)
    rx, ry = pose.scale * 0.17, pose.scale * 0.035
    cx = pose.x - sun * rx * 0.9
    box = [cx - rx, pose.foot_y - ry * 1.4, cx + rx, pose.foot_y + ry * 0.8]
    ImageDraw.Draw(shadow).ellipse(box, fill=105)
    shadow = shadow.filter(ImageFilter.BoxBlur(ry * 0.5))
    image.paste((20, 20, 26), (0, 0), shadow)

    figure = draw_person((height, width), person, pose)
    across = (np.arange(width) - pose.x) / (pose.scale * 0.16)
    light = 1.0 + 0.24 * sun * np.clip(across, -1, 1) - 0.05 * np.clip(across, -1, 1) ** 2
    down = np.linspace(1.05, 0.93, height)
    lighting = (light[None, :, None] * down[:, None, None]).astype(np.float32)
    pixels = np.asarray(figure)[..., :3] * lighting
    lit = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    image.paste(lit, (0, 0), figure.getchannel("A"))


def _occlude(image: Image.Image, kind: str, rng: np.random.Generator):
    """Puts a thing of the scene in front of whoever stands there."""
    draw = ImageDraw.Draw(image)
    width, height = image.size
    if kind == "post":
        x, half = width * (0.25 + 0.5 * rng.random()), width * (0.04 + 0.05 * rng.random())
        tone = [(90, 92, 96), (60, 84, 70), (150, 140, 60)][rng.integers(3)]
        draw.rectangle([x - half, 0, x + half, height], fill=tone)
        draw.rectangle([x - half, 0, x - half * 0.4, height], fill=shade(tone, 1.25))
    elif kind == "bench":
        top = height * (0.6 + 0.15 * rng.random())
        for row in range(3):
            y = top + row * height * 0.055
            draw.rectangle([0, y, width, y + height * 0.038], fill=(120, 84, 52))
        for x in (width * 0.1, width * 0.88):
            draw.rectangle([x, top, x + width * 0.06, height], fill=(50, 50, 54))
    elif kind == "bush":
        top = height * (0.62 + 0.15 * rng.random())
        for _ in range(45):
            x, y = width * rng.random(), top + (height - top) * (0.15 + 0.9 * rng.random())
            r = width * (0.06 + 0.09 * rng.random())
            leaf = shade((58, 100, 46), 0.65 + 0.6 * rng.random())
            draw.ellipse([x - r, y - r, x + r, y + r], fill=leaf)


def _develop(image: Image.Image, camera: Camera, rng: np.random.Generator) -> bytes:
    """From the drawn scene to the file: lens, exposure, colour, sensor noise, JPEG."""
    image = image.reduce(SUPERSAMPLING)
    blur = camera.blur * (0.6 + 0.8 * rng.random()) * image.height
    image = image.filter(ImageFilter.GaussianBlur(blur))
    pixels = np.asarray(image, np.float32) / 255
    exposure = math.exp(0.09 * rng.standard_normal())
    cast = np.exp(0.03 * rng.standard_normal(3))
    pixels = pixels ** (camera.gamma * math.exp(0.05 * rng.standard_normal()))
    pixels = pixels * np.float32(np.array(camera.gain) * cast * exposure)
    pixels = camera.black + (1 - camera.black) * pixels
    pixels = pixels * 255 + camera.noise * rng.standard_normal(pixels.shape, np.float32)
    result = Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    file = io.BytesIO()
    low, high = camera.quality
    result.save(file, "JPEG", quality=int(rng.integers(low, high + 1)))
    return file.getvalue()
