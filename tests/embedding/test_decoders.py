"""Other ways to read a picture, beside the project's own."""

import keras
import numpy as np
import pytest
from PIL import Image

from osnet_tf import OSNet
from osnet_tf.embedding.decoders import compare_decoders, ways_to_read
from osnet_tf.report import pixel_table

SIZE = (32, 16)


@pytest.fixture
def paths(tmp_path):
    rng = np.random.default_rng(0)
    found = []
    for number in range(3):
        coarse = rng.integers(0, 256, (8, 4, 3), np.uint8)
        image = Image.fromarray(coarse).resize((24, 48), Image.Resampling.BILINEAR)
        found.append(str(tmp_path / f"{number}.jpg"))
        image.save(found[-1], quality=90)
    return found


def test_each_way_reads_the_picture(paths):
    with Image.open(paths[0]) as image:
        expected = np.asarray(image.resize(SIZE[::-1], Image.Resampling.BILINEAR)).astype(int)
    for name, read in ways_to_read(SIZE).items():
        found = read(paths[0])
        assert found.shape == (*SIZE, 3), name
        assert found.dtype == np.uint8, name
        mistaken = name == "BGR by mistake"
        difference = np.abs((found[..., ::-1] if mistaken else found) - expected).mean()
        assert difference < 20, name
    np.testing.assert_array_equal(ways_to_read(SIZE)["Pillow, bilinear"](paths[0]), expected)


def test_how_far_each_is_from_our_own(paths):
    keras.utils.set_random_seed(0)
    model = OSNet("osnet_x0_25", input_shape=(*SIZE, 3), streams=1)
    rows = {row.name: row for row in compare_decoders(model, paths)}
    assert rows["Pillow, bilinear"].cosine_min > 0.99999
    assert rows["keras.utils.load_img, bilinear"].cosine_min > 0.99999
    assert rows["BGR by mistake"].cosine_mean < rows["Pillow, nearest"].cosine_mean < 1
    for row in rows.values():
        assert row.cosine_min <= row.cosine_mean
    assert len(pixel_table(list(rows.values())).splitlines()) == 1 + len(rows)
