"""The people of the demo set: what each one looks like in every picture."""

from typing import NamedTuple

import numpy as np

Colour = tuple[int, int, int]

SKINS = [(241, 205, 177), (224, 176, 138), (188, 134, 96), (133, 88, 60), (88, 58, 42)]
HAIRS = [(28, 24, 22), (62, 42, 30), (104, 70, 42), (190, 150, 92), (150, 148, 146), (130, 58, 34)]
# Few colours for many people: what somebody wears is rarely a colour of their own.
CLOTHES = [
    (34, 34, 38),
    (120, 122, 126),
    (226, 226, 222),
    (38, 52, 96),
    (168, 40, 44),
    (48, 104, 70),
    (206, 176, 72),
    (108, 160, 206),
    (206, 130, 158),
    (120, 84, 58),
]
CLOTHES_WEIGHTS = [0.17, 0.13, 0.15, 0.14, 0.1, 0.08, 0.06, 0.07, 0.05, 0.05]
LOWERS = [
    (30, 30, 34),
    (52, 66, 104),
    (92, 116, 152),
    (104, 104, 108),
    (176, 158, 124),
    (86, 66, 50),
]
LOWERS_WEIGHTS = [0.26, 0.24, 0.16, 0.14, 0.12, 0.08]
SHOES = [(24, 24, 26), (232, 232, 230), (104, 72, 48), (176, 48, 48)]


class Person(NamedTuple):
    """Everything that stays the same from picture to picture. Lengths are parts of the height."""

    height: float
    girth: float
    shoulders: float
    hips: float
    skin: Colour
    hair: Colour
    hair_style: str
    hat: str
    hat_colour: Colour
    upper: Colour
    second: Colour
    pattern: str
    sleeves: str
    hem: float
    lower_kind: str
    lower: Colour
    side_stripe: bool
    shoes: Colour
    bag: str
    bag_colour: Colour
    bag_side: int


def random_person(rng: np.random.Generator) -> Person:
    """Draws a person. Colours come from short shared palettes, with a little jitter."""

    def pick(options, weights=None):
        edges = np.cumsum(weights if weights else [1 / len(options)] * len(options))
        index = int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))
        return options[min(index, len(options) - 1)]

    def colour(palette, weights=None):
        jitter = rng.integers(-9, 10, 3)
        return tuple(
            int(v) for v in np.clip(np.array(pick(palette, weights)) + jitter, 0, 255).tolist()
        )

    def between(low, high):
        return float(low + (high - low) * rng.random())

    upper = colour(CLOTHES, CLOTHES_WEIGHTS)
    second = colour(CLOTHES, CLOTHES_WEIGHTS)
    while sum(abs(a - b) for a, b in zip(upper, second, strict=True)) < 140:
        second = colour(CLOTHES)
    return Person(
        height=between(0.93, 1.03),
        girth=between(0.82, 1.28),
        shoulders=between(0.098, 0.132),
        hips=between(0.076, 0.104),
        skin=colour(SKINS),
        hair=colour(HAIRS, [0.34, 0.24, 0.14, 0.12, 0.1, 0.06]),
        hair_style=pick(["short", "bald", "long", "bun", "tail"], [0.42, 0.08, 0.24, 0.1, 0.16]),
        hat=pick(["none", "cap", "beanie", "hood"], [0.7, 0.12, 0.1, 0.08]),
        hat_colour=colour(CLOTHES, CLOTHES_WEIGHTS),
        upper=upper,
        second=second,
        pattern=pick(
            ["plain", "stripes", "bars", "check", "two-tone", "open", "logo"],
            [0.26, 0.15, 0.08, 0.12, 0.14, 0.15, 0.1],
        ),
        sleeves=pick(["long", "short", "none"], [0.5, 0.4, 0.1]),
        hem=pick([0.47, 0.43, 0.36], [0.55, 0.3, 0.15]),
        lower_kind=pick(["trousers", "shorts", "skirt", "long skirt"], [0.58, 0.2, 0.14, 0.08]),
        lower=colour(LOWERS, LOWERS_WEIGHTS),
        side_stripe=bool(rng.random() < 0.15),
        shoes=colour(SHOES),
        bag=pick(["none", "backpack", "handbag", "shoulder"], [0.34, 0.28, 0.18, 0.2]),
        bag_colour=colour(CLOTHES, CLOTHES_WEIGHTS),
        bag_side=1 if rng.random() < 0.5 else -1,
    )
