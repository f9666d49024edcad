"""DESIGN's table, exact, and the counters on models small enough to count by hand."""

import keras
import pytest

from osnet_tf import OSNet, add_classifier
from osnet_tf.complexity import count_multiply_adds, count_parameters

TABLE = {
    "osnet_x1_0": (2_169_508, 978_878_352),
    "osnet_x0_75": (1_285_754, 571_754_536),
    "osnet_x0_5": (630_034, 272_901_064),
    "osnet_x0_25": (201_864, 82_316_000),
    "osnet_ibn_x1_0": (2_170_532, 978_878_352),
    "osnet_ain_x1_0": (2_169_508, 978_878_352),
}


@pytest.mark.parametrize("preset", TABLE)
def test_the_table_of_the_design(preset):
    model = OSNet(preset)
    assert (count_parameters(model), count_multiply_adds(model)) == TABLE[preset]


@pytest.fixture(scope="module")
def open_size():
    return OSNet("osnet_x0_25", input_shape=(None, None, 3))


def test_by_hand():
    image = keras.Input((6, 4, 3))
    x = keras.layers.Conv2D(5, 3, strides=2, padding="same")(image)  # 3 x 2 x 5 x (27 + 1)
    x = keras.layers.ZeroPadding2D(1)(x)
    x = keras.layers.DepthwiseConv2D(3, use_bias=False)(x)
    shared = keras.layers.Dense(5)  # twice 3 x 2 x 5 x (5 + 1)
    x = shared(shared(x))
    x = keras.layers.BatchNormalization()(x)  # 10 trainable parameters, not counted as work
    model = keras.Model(image, x)
    assert count_multiply_adds(model) == 3 * 2 * 5 * (28 + 9 + 6 + 6)
    assert count_parameters(model) == 5 * 28 + 5 * 9 + 5 * 6 + 10


def test_counting_leaves_the_model_as_it_was(open_size):
    calls = [layer.call for layer in open_size._flatten_layers()]
    first = count_multiply_adds(open_size, (64, 32, 3))
    assert count_multiply_adds(open_size, (64, 32, 3)) == first
    assert [layer.call for layer in open_size._flatten_layers()] == calls


def test_an_open_size_must_be_given(open_size):
    assert count_multiply_adds(open_size, (256, 128, 3)) == TABLE["osnet_x0_25"][1]
    with pytest.raises(ValueError, match=r"any size: give `input_shape`. Received: \(None, None"):
        count_multiply_adds(open_size)


def test_the_classifier_counts_when_it_is_there(open_size):
    model = add_classifier(open_size, 10)
    assert count_parameters(model) == TABLE["osnet_x0_25"][0] + 513 * 10
    with_head = count_multiply_adds(model, (64, 32, 3))
    assert with_head == count_multiply_adds(open_size, (64, 32, 3)) + 513 * 10


def test_frozen_parameters_do_not_count(open_size):
    model = keras.models.clone_model(open_size)
    model.get_layer("fc").trainable = False
    assert count_parameters(model) == TABLE["osnet_x0_25"][0] - (128 * 512 + 512)
