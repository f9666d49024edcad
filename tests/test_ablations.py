import pytest

from osnet_tf.ablations import cost_table
from osnet_tf.presets import ABLATIONS, PRESETS
from osnet_tf.report import cost_table as as_text
from osnet_tf.training import make_config


def test_resolution_divides_the_convolutions_by_four():
    """Everything but the gates and the fully connected layer scales with the pixels."""
    large, small = cost_table(["osnet_x0_25_128x64", "osnet_x0_25_64x32"])
    assert large.parameters == small.parameters == 201_864
    fixed = 128 * 512 + 512
    for mid, hidden in ((16, 1), (24, 1), (32, 2)):
        fixed += 2 * 4 * (mid * hidden + hidden + hidden * mid + mid)
    assert large.multiply_adds - fixed == 4 * (small.multiply_adds - fixed)


def test_every_row_is_a_recipe_and_names_itself():
    assert {"primary", "concat", "streams_1", "osnet_x0_5_192x96"} <= set(ABLATIONS)
    for name, (about, arguments) in ABLATIONS.items():
        if name == "primary":
            continue
        config = make_config(f"ablation_{name}").model
        assert config.preset == arguments["preset"] in PRESETS
        for key in ("streams", "lite", "gate"):
            if key in arguments:
                assert getattr(config, key) == arguments[key]
        if "input_shape" in arguments:
            assert config.size == arguments["input_shape"][:2]
        assert len(about) > 4
    assert sum("input_shape" in a for _, a in ABLATIONS.values()) == 4 * 4


def test_the_table_shows_what_was_counted():
    rows = cost_table(["osnet_x0_25_64x32"])
    assert "201,864" in as_text(rows)
    assert f"{rows[0].multiply_adds:,}" in as_text(rows)
    with pytest.raises(ValueError, match=r"no such ablation; there are primary.*'x'"):
        cost_table(["x"])
