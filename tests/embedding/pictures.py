"""What the tests of embeddings know about their pictures."""

import os

import numpy as np

SIZE = (32, 16)
#: Sorted by path.
NAMES = ["-1_c2s1_1_0.png", "0002_c1s1_000451_03.PNG", "b/0003_c6s2_7_1.png", "b/x.bmp", "z.png"]


def assert_close(found, expected):
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def damage(paths):
    """The second and the last of five: truncated, and gone."""
    with open(paths[1], "r+b") as file:
        file.truncate(100)
    os.remove(paths[4])
