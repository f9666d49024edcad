"""The public OSNets as data: widths and where instance normalisation stands."""

from typing import NamedTuple

from osnet_tf.checks import check_choice

#: Kinds of `LightConv3x3`: the paper's, then its comparisons.
LITE_KINDS = ("pointwise_depthwise", "depthwise_pointwise", "full")
#: Streams of an `OSBlock`: the sixteenth sees 33 pixels, more than stage 2 of 256x128 is wide.
MAX_STREAMS = 16
#: How an `OSBlock` joins its streams: the paper's way, then its comparisons.
GATES = ("shared", "separate", "scalar", "learned", "none", "concat")

#: Stems of an `OSNet`: the paper's, which makes images four times smaller; and one 3x3 convolution
#: of stride 1 without a max-pool, for pictures of some 32x32 pixels.
STEMS = ("7x7", "3x3")

#: How the last maps become a vector: the paper's mean, or `GeneralizedMeanPooling2D`.
POOLINGS = ("average", "generalized_mean")
#: What follows the paper's embedding: nothing, or a batch norm without offset ("BNNeck").
NECKS = ("none", "batch_norm")

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

    Raises ArgumentError, with the nearest name, if there is none.

    >>> get_preset("osnet_x0_25").widths
    (16, 64, 96, 128)
    """
    check_choice(PRESETS, preset=name)
    return PRESETS[name]


def _ablations():
    """The paper's comparisons on Market-1501: the parts of a block, then width by resolution."""
    parts = {
        "primary": ("T = 4, one shared gate: OSNet", {}),
        "depthwise_first": ("Lite 3x3 in the separable order", {"lite": "depthwise_pointwise"}),
        "full_conv": ("T = 4, full 3x3 convolutions", {"lite": "full"}),
        "concat": ("T = 4, concatenation", {"gate": "concat"}),
        "addition": ("T = 4, addition", {"gate": "none"}),
        "separate_gates": ("T = 4, a gate for each stream", {"gate": "separate"}),
        "stream_wise_gate": ("T = 4, one number for each stream", {"gate": "scalar"}),
        "learned_gates": ("T = 4, gates learned, then fixed", {"gate": "learned"}),
        "streams_1": ("T = 1", {"streams": 1, "gate": "none"}),
        "streams_2": ("T = 2, one shared gate", {"streams": 2}),
        "streams_3": ("T = 3, one shared gate", {"streams": 3}),
    }
    for name, (about, arguments) in parts.items():
        yield name, (about, {"preset": "osnet_x1_0", **arguments})
    for width in _WIDTHS:
        for height in (256, 192, 128, 64):
            preset = f"osnet_{width}"
            size = (height, height // 2, 3)
            about = f"width {width[1:].replace('_', '.')} at {height}x{height // 2}"
            yield (
                f"{preset}_{height}x{height // 2}",
                (
                    about,
                    {"preset": preset, "input_shape": size},
                ),
            )


#: The rows of arXiv 1905.00953, section 4.3: name -> (what it is, arguments of `OSNet`).
ABLATIONS = dict(_ablations())
