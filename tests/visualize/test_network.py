"""The pictures of the network say what the model is."""

import re

import pytest

from osnet_tf import OSBlock, OSNet
from osnet_tf.complexity import count_multiply_adds, count_parameters
from osnet_tf.errors import ArgumentError
from osnet_tf.visualize.network import draw_block, draw_network


def texts(path):
    return re.findall(r"<!-- (.*?) -->", path.read_text(), re.S)


@pytest.mark.parametrize("stem", ["7x7", "3x3"])
def test_the_stages_add_up(stem, tmp_path):
    model = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=2, stem=stem)
    rows = draw_network(model, tmp_path / "network.svg")
    assert [row[0] for row in rows] == ["stem", "stage 2", "stage 3", "stage 4", "conv5", "fc"]
    assert sum(row[2] for row in rows) == count_parameters(model)
    assert sum(row[3] for row in rows) == count_multiply_adds(model)
    assert rows[0][1] == ((8, 4, 16) if stem == "7x7" else (32, 16, 16))
    drawn = texts(tmp_path / "network.svg")
    assert f"{rows[3][2] / 1e3:,.1f}" in drawn
    assert "stage 4" in drawn


@pytest.mark.parametrize(("streams", "layers"), [(1, 1), (3, 6)])
def test_a_block_shows_its_streams(streams, layers, tmp_path):
    block = OSBlock(64, streams=streams, gate="shared" if streams > 1 else "none")
    block.build((None, 8, 4, 16))
    fields = draw_block(block, tmp_path / "block.svg")
    assert fields == [3, 5, 7][:streams]
    drawn = texts(tmp_path / "block.svg")
    assert drawn.count("Lite 3x3") == layers
    assert [f"{field} x {field}" for field in fields] == [t for t in drawn if " x " in t]
    assert ("one channel gate for all streams" in drawn) == (streams > 1)
    assert {"1x1, 16", "sum, 1x1, 64"} <= set(drawn)


def test_what_is_not_one_is_refused(tmp_path):
    import keras

    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(ArgumentError, match="must be an OSNet"):
        draw_network(other, tmp_path / "x.svg")
    with pytest.raises(ArgumentError, match="must be a built OSBlock"):
        draw_block(OSBlock(32), tmp_path / "x.svg")
    assert not list(tmp_path.iterdir())
