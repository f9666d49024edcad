import pytest

from osnet_tf.presets import PRESETS, get_preset

WIDTHS = {
    "x1_0": (64, 256, 384, 512),
    "x0_75": (48, 192, 288, 384),
    "x0_5": (32, 128, 192, 256),
    "x0_25": (16, 64, 96, 128),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("family", "stem", "norms"),
    [
        ("osnet", "batch", [[None, None], [None, None], [None, None]]),
        ("osnet_ibn", "instance", [["output", "output"], [None, None], [None, None]]),
        (
            "osnet_ain",
            "instance",
            [["residual", "residual"], [None, "residual"], ["residual", None]],
        ),
    ],
)
def test_every_family_in_every_width(family, stem, norms, width):
    preset = get_preset(f"{family}_{width}")
    assert preset.name == f"{family}_{width}"
    assert preset.widths == WIDTHS[width]
    assert preset.stem_norm == stem
    assert [list(blocks) for blocks in preset.instance_norms] == norms
    assert preset.source.startswith("arXiv 19")


def test_there_are_no_others():
    assert len(PRESETS) == 12
    assert all(name == preset.name for name, preset in PRESETS.items())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("osnet_x1", r" Did you mean 'osnet_x1_0'\?"),
        ("osnet_x0.25", r" Did you mean 'osnet_x0_25'\?"),
        ("osnet-ain-x0_5", r" Did you mean 'osnet_ain_x0_5'\?"),
        ("vgg", ""),
        ("", ""),
        (None, ""),
        ([], ""),
    ],
)
def test_another_name_gets_the_list_and_the_nearest(name, hint):
    message = rf"`preset` must be one of 'osnet_x1_0', .*\.{hint} Received: preset="
    with pytest.raises(ValueError, match=message) as error:
        get_preset(name)
    assert str(error.value).endswith(f"preset={name!r}")
    assert all(known in str(error.value) for known in PRESETS)
