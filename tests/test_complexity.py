"""DESIGN's table, exact, and the counters on a model small enough to count by hand."""

import keras
import pytest

from osnet_tf import add_classifier
from osnet_tf.complexity import cost_table, count_multiply_adds, count_parameters
from osnet_tf.presets import ABLATIONS, PRESETS
from osnet_tf.report import cost_table as as_text
from osnet_tf.training import make_config

TABLE = {
    "osnet_x1_0": (2_169_508, 978_878_352),
    "osnet_x0_75": (1_285_754, 571_754_536),
    "osnet_x0_5": (630_034, 272_901_064),
    "osnet_x0_25": (201_864, 82_316_000),
    "osnet_ibn_x1_0": (2_170_532, 978_878_352),
    "osnet_ain_x1_0": (2_169_508, 978_878_352),
}


@pytest.mark.parametrize("preset", TABLE)
def test_the_table_of_the_design(preset, preset_model):
    model = preset_model(preset)
    assert (count_parameters(model), count_multiply_adds(model)) == TABLE[preset]


@pytest.fixture(scope="module")
def tiny():
    """Work at 6 x 4 pixels: 3 x 2 x 5 values of 27 + 1, 9, 6 and 6; then 5 of 5 + 1."""
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(5, 3, strides=2, padding="same", name="conv")(image)
    x = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    shared = keras.layers.Dense(5)
    x = shared(shared(x))
    x = keras.layers.BatchNormalization()(x)  # 10 trainable parameters, not counted as work
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(5)(x), name="tiny")


WORK = 3 * 2 * 5 * (28 + 9 + 6 + 6) + 5 * 6
PARAMETERS = 5 * 28 + 5 * 9 + 5 * 6 + 10 + 5 * 6


def test_by_hand(tiny):
    assert count_multiply_adds(tiny, (6, 4, 3)) == WORK
    assert count_multiply_adds(tiny, (12, 4, 3)) == 2 * (WORK - 30) + 30
    assert count_parameters(tiny) == PARAMETERS


def test_counting_leaves_the_model_as_it_was(tiny):
    calls = [layer.call for layer in tiny._flatten_layers()]
    first = count_multiply_adds(tiny, (6, 4, 3))
    assert [layer.call for layer in tiny._flatten_layers()] == calls
    assert count_multiply_adds(tiny, (6, 4, 3)) == first


def test_an_open_size_must_be_given(tiny):
    with pytest.raises(ValueError, match=r"any size: give `input_shape`. Received: \(None, None"):
        count_multiply_adds(tiny)


def test_the_classifier_counts_when_it_is_there(tiny):
    model = add_classifier(tiny, 10)
    assert count_parameters(model) == PARAMETERS + 6 * 10
    assert count_multiply_adds(model, (6, 4, 3)) == WORK + 6 * 10


def test_frozen_parameters_do_not_count(tiny):
    tiny.get_layer("conv").trainable = False
    assert count_parameters(tiny) == PARAMETERS - 5 * 28
    tiny.get_layer("conv").trainable = True


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
    with pytest.raises(ValueError, match=r"`names` must be one of 'primary'.* names='x'"):
        cost_table(["x"])
