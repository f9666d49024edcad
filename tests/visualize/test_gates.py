"""Gates: their values against the layers' weights, their statistics, and how they are drawn."""

import keras
import numpy as np
import pytest

from osnet_tf import OSNet
from osnet_tf.errors import ArgumentError
from osnet_tf.layers import OSBlock
from osnet_tf.visualize import gate_pictures
from osnet_tf.visualize.gates import all_gate_values, gate_values, gated_blocks


def small(**options):
    keras.utils.set_random_seed(3)
    return OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=2, **options)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 32, 16, 3)).astype("uint8")


def streams_of(model, images, name):
    """What the two streams of a block make of images, layer by layer."""
    block = model.get_layer(name)
    reduced = block.conv1(keras.Model(model.input, block.input)(images), training=False)
    one = block.streams[0][0](reduced, training=False)
    two = block.streams[1][0](reduced, training=False)
    return block, [one.numpy(), block.streams[1][1](two, training=False).numpy()]


@pytest.fixture(scope="module")
def shared():
    return small()


@pytest.mark.parametrize("gate", ["shared", "scalar", "separate"])
def test_gates_by_hand(images, gate, shared):
    model = shared if gate == "shared" else small(gate=gate)
    for name in ("conv2_0", "conv4_1"):
        found = gate_values(model, images, name)
        block, streams = streams_of(model, images, name)
        assert found.shape == (3, 2, 1 if gate == "scalar" else streams[0].shape[-1])
        for number, x in enumerate(streams):
            layer = block.gates[number] if gate == "separate" else block.gate
            w1, b1, w2, b2 = (np.asarray(w, np.float64) for w in layer.get_weights())
            hidden = np.maximum(x.mean((1, 2)) @ w1 + b1, 0)
            expected = 1 / (1 + np.exp(-(hidden @ w2 + b2)))
            np.testing.assert_allclose(found[:, number], expected, rtol=1e-4)


def test_learned_gates_are_those_of_every_image(images):
    model = small(gate="learned")
    block = model.get_layer("conv3_1")
    block.gates[1].logits.assign(np.linspace(-2, 2, block.gates[1].logits.shape[0]))
    found = gate_values(model, images, "conv3_1")
    np.testing.assert_allclose(found[:, 0], 0.5)
    expected = 1 / (1 + np.exp(-np.linspace(-2, 2, found.shape[-1])))
    np.testing.assert_allclose(found[:, 1], np.tile(expected, (3, 1)), rtol=1e-5)


def test_the_model_scales_its_streams_by_these_gates(images, shared):
    """The block's own output follows from the gates that are shown."""
    model = shared
    block, streams = streams_of(model, images, "conv2_0")
    gates = gate_values(model, images, "conv2_0")
    gated = sum(x * gates[:, t, None, None] for t, x in enumerate(streams))
    inputs = keras.Model(model.input, block.input)(images)
    joined = block.conv3(gated, training=False) + block.downsample(inputs, training=False)
    expected = keras.Model(model.input, block.output)(images)
    np.testing.assert_allclose(np.maximum(joined, 0), expected, rtol=1e-4, atol=1e-5)


def test_batches_and_blocks(images, shared):
    model = shared
    names = ["conv2_0", "conv2_1", "conv3_0", "conv3_1", "conv4_0", "conv4_1"]
    assert gated_blocks(model) == names
    all_at_once = all_gate_values(model, images)
    assert list(all_at_once) == names
    in_parts = all_gate_values(model, iter([images[:2], images[2:]]), ["conv3_0"])["conv3_0"]
    np.testing.assert_allclose(in_parts, all_at_once["conv3_0"], rtol=1e-5)
    with pytest.raises(ArgumentError, match=r"Did you mean 'conv2_1'\? Received: block='conv2_2'"):
        gate_values(model, images, "conv2_2")


def test_blocks_without_gates():
    inputs = keras.Input((8, 4, 16))
    for gate in ("none", "concat"):
        block = OSBlock(64, streams=2, gate=gate, name="sum")
        model = keras.Model(inputs, block(inputs), name="plain")
        with pytest.raises(ArgumentError, match="'plain' has no block with gates"):
            gated_blocks(model)
        with pytest.raises(ArgumentError, match=f"has no gates.*gate='{gate}'"):
            block.gate_values(np.zeros((1, 8, 4, 16), "float32"))


def test_a_row_for_each_image(drawn, images, tmp_path):
    values = np.random.default_rng(1).random((3, 2, 8)).astype("float32")
    gate_pictures.draw_gates(tmp_path / "gates.png", images, values, block="conv4_1")
    assert len(drawn) == 9
    for row in range(3):
        picture, strip, means = drawn[3 * row : 3 * row + 3]
        np.testing.assert_array_equal(picture.images[0].get_array(), images[row])
        np.testing.assert_array_equal(strip.images[0].get_array(), values[row])
        assert strip.images[0].get_clim() == (0, 1)
        assert [label.get_text() for label in strip.get_yticklabels()] == ["3x3", "5x5"]
        [line] = means.get_lines()
        np.testing.assert_allclose(line.get_xdata(), values[row].mean(axis=1))
        np.testing.assert_array_equal(line.get_ydata(), [0, 1])
        assert means.yaxis_inverted()  # the points stand beside their lines
        assert means.get_xlim() == drawn[2].get_xlim()  # rows can be compared
    assert "conv4_1" in drawn[1].get_title()
    with pytest.raises(ArgumentError, match="2 images and gates of 3"):
        gate_pictures.draw_gates(tmp_path / "a.png", images[:2], values)


def test_statistics(drawn, tmp_path):
    values = {"conv2_0": np.random.default_rng(1).random((50, 3, 8)) ** 3, "b": np.ones((4, 1, 2))}
    table = gate_pictures.gate_statistics(values)
    assert table["block"] == ["conv2_0"] * 3 + ["b"]
    assert table["receptive_field"] == [3, 5, 7, 3]
    for t in range(3):
        gates = values["conv2_0"][:, t]
        assert table["mean"][t] == pytest.approx(sum(gates.ravel()) / gates.size)
        of_images = [sum(row) / len(row) for row in gates]
        assert table["std_images"][t] == pytest.approx(np.std(of_images))
        of_channels = [sum(column) / len(column) for column in gates.T]
        assert table["std_channels"][t] == pytest.approx(np.std(of_channels))
        assert table["shut"][t] == np.sum(gates < 0.1) / gates.size > 0
        assert table["open"][t] == np.sum(gates > 0.9) / gates.size
    assert (table["open"][3], table["shut"][3], table["std_images"][3]) == (1, 0, 0)
    gate_pictures.draw_gate_statistics(tmp_path / "s.png", values)
    medians = [line.get_ydata()[0] for line in drawn[0].get_lines() if len(line.get_ydata()) == 2]
    for t in range(3):
        expected = np.median(values["conv2_0"][:, t].mean(axis=1))
        assert any(abs(found - expected) < 1e-9 for found in medians)


def test_images_of_like_gates(drawn, images, tmp_path):
    pytest.importorskip("sklearn", reason="scikit-learn (pip install -r requirements-test.txt)")
    rng = np.random.default_rng(0)
    kinds = np.array([0, 1, 1, 0, 1, 1, 1, 0])
    middles = np.array([[[0.2, 0.2], [0.8, 0.8]], [[0.9, 0.9], [0.1, 0.1]]])
    values = middles[kinds] + 0.01 * rng.standard_normal((8, 2, 2))
    chosen, found = gate_pictures.gate_clusters(values, clusters=2, members=4)
    for kind, members, middle in zip((1, 0), chosen, found, strict=True):  # the larger one first
        own = np.flatnonzero(kinds == kind)
        expected = values[own].mean(axis=0)
        np.testing.assert_allclose(middle, expected, atol=1e-6)
        away = np.linalg.norm((values[own] - expected).reshape(len(own), -1), axis=1)
        np.testing.assert_array_equal(members, own[np.argsort(away)][:4])
    with pytest.raises(ArgumentError, match="<= the 8 images"):
        gate_pictures.gate_clusters(values, clusters=9)
    [everyone], middle = gate_pictures.gate_clusters(np.ones((8, 2, 2)), clusters=3)
    np.testing.assert_array_equal(everyone, np.arange(8))  # no image differs: one cluster
    np.testing.assert_array_equal(middle, np.ones((1, 2, 2)))
    shown = [[images[0], images[1]], [images[2]]]
    gate_pictures.draw_gate_clusters(tmp_path / "c.png", shown, found, block="conv4_1")
    assert len(drawn) == 6
    for row, members in enumerate(shown):
        means, *places = drawn[3 * row : 3 * row + 3]
        np.testing.assert_allclose(means.get_lines()[0].get_xdata(), found[row].mean(axis=1))
        for place, pixels in zip(places, members, strict=False):
            np.testing.assert_array_equal(place.images[0].get_array(), pixels)
    assert not drawn[5].images
