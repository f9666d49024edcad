"""Keys, shapes and recognition: NumPy alone."""

import numpy as np
import pytest

from osnet_tf.architecture import Architecture
from osnet_tf.errors import ArgumentError
from osnet_tf.presets import PRESETS
from osnet_tf.weights.names import LAYOUTS, entries, listed
from tests.weights.reference import reference_shapes


@pytest.mark.parametrize(
    "preset", ["osnet_x1_0", "osnet_x0_25", "osnet_ibn_x1_0", "osnet_ain_x1_0"]
)
def test_the_public_keys_in_their_order_with_their_shapes(preset):
    table = entries(Architecture(preset), 5)
    assert [(entry.key, entry.shape) for entry in table] == list(reference_shapes(preset).items())


@pytest.mark.parametrize("preset", PRESETS)
def test_every_name_is_there_once(preset):
    table = entries(Architecture(preset, 256), 10)
    keys = [entry.key for entry in table]
    paths = [entry.path for entry in table if entry.path is not None]
    assert (
        len(set(keys)) == len(keys) == (552 if "ain" in preset else 568 if "ibn" in preset else 567)
    )
    assert len(set(paths)) == len(paths)
    without = [e.key for e in table if e.path is None]
    assert all(key.endswith(".num_batches_tracked") for key in without)
    assert len(keys) - len(paths) == len(without)


def test_only_the_papers_blocks_have_public_names():
    with pytest.raises(
        ArgumentError, match=r"blocks, pooling and embedding only. Received: .*streams=1"
    ):
        entries(Architecture("osnet_x0_25", streams=1))


def test_layouts_against_loops():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(5, 4, 3, 2))  # out, in, h, w
    keras_kernel = LAYOUTS["convolution"][0](kernel)
    assert keras_kernel.shape == (3, 2, 4, 5)
    assert all(
        keras_kernel[h, w, i, o] == kernel[o, i, h, w] for o, i, h, w in np.ndindex(*kernel.shape)
    )
    kernel = rng.normal(size=(5, 1, 3, 2))
    keras_kernel = LAYOUTS["depthwise"][0](kernel)
    assert keras_kernel.shape == (3, 2, 5, 1)
    assert all(
        keras_kernel[h, w, c, 0] == kernel[c, 0, h, w] for c, _, h, w in np.ndindex(*kernel.shape)
    )
    shapes = {
        "same": (7,),
        "convolution": (5, 4, 3, 2),
        "depthwise": (5, 1, 3, 2),
        "pointwise to dense": (5, 4, 1, 1),
        "linear": (5, 4),
    }
    assert set(shapes) == set(LAYOUTS)
    for layout, (there, back) in LAYOUTS.items():
        array = rng.normal(size=shapes[layout])
        np.testing.assert_array_equal(back(there(array)), array, strict=True)
    assert LAYOUTS["linear"][0](np.zeros((5, 4))).shape == (4, 5)
    assert LAYOUTS["pointwise to dense"][0](np.zeros((5, 4, 1, 1))).shape == (4, 5)


def test_long_lists_are_cut():
    assert listed(["a"]) == "a"
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f, g, h"
    assert listed(list("abcdefghij")).endswith("g, h and 2 more")
    assert listed(["bad\nname"]) == r"'bad\nname'"
