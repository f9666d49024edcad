"""The public OSNets as data: widths and where instance normalisation stands."""

import difflib
from typing import NamedTuple

_PLAIN = ((None, None),) * 3
_IBN = (("output", "output"), (None, None), (None, None))
_AIN = (("residual", "residual"), (None, "residual"), ("residual", None))

_WIDTHS = {
    "x1_0": (64, 256, 384, 512),
    "x0_75": (48, 192, 288, 384),
    "x0_5": (32, 128, 192, 256),
    "x0_25": (16, 64, 96, 128),
}


class Preset(NamedTuple):
    """One public architecture.

    Attributes:
        name: For instance "osnet_x1_0".
        widths: Channels of the stem and of stages 2, 3 and 4.
        stem_norm: Normalisation of the stem, "batch" or "instance".
        instance_norms: For each stage, `OSBlock(instance_norm=...)` of its two blocks.
        source: The paper that describes it.
    """

    name: str
    widths: tuple[int, int, int, int]
    stem_norm: str
    instance_norms: tuple
    source: str


def _presets():
    for width, channels in _WIDTHS.items():
        yield Preset(f"osnet_{width}", channels, "batch", _PLAIN, "arXiv 1905.00953, table 1")
        yield Preset(f"osnet_ibn_{width}", channels, "instance", _IBN, "arXiv 1910.06827")
        yield Preset(f"osnet_ain_{width}", channels, "instance", _AIN, "arXiv 1910.06827")


PRESETS = {preset.name: preset for preset in _presets()}


def get_preset(name):
    """The preset of that name.

    Raises ValueError, with the nearest name, if there is none.

    >>> get_preset("osnet_x0_25").widths
    (16, 64, 96, 128)
    """
    if name not in PRESETS:
        near = difflib.get_close_matches(str(name), PRESETS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"Unknown preset.{hint} There are: {', '.join(sorted(PRESETS))}. "
            f"Received: preset={name!r}"
        )
    return PRESETS[name]
