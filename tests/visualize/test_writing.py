"""`train/visualize.py`: which files are written, of whom, and what is refused."""

import csv

import keras
import numpy as np
import pytest
from PIL import Image

from osnet_tf import OSNet
from osnet_tf.commands import visualize
from osnet_tf.data import generate_demo
from osnet_tf.errors import ArgumentError
from osnet_tf.visualize import writing
from osnet_tf.visualize.canvas import INK, cell_corner
from osnet_tf.visualize.gates import gate_values


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a small model and the demo people."""
    folder = tmp_path_factory.mktemp("pictures")
    keras.utils.set_random_seed(0)
    OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=2).save(folder / "any.keras")
    generate_demo(folder, train_identities=1, test_identities=4, images_per_camera=2, size=(32, 16))
    return folder


def write(place, what, **options):
    source = {"model": place / "any.keras", "dataset": "demo", "data_dir": place}
    return writing.write_pictures(what, **{**source, **options})


def test_every_picture(place):
    sheet = write(place, "ranked", worst=3, k=4)[0]
    assert sheet == place / "any_evaluation" / "demo_ranked.png"
    with Image.open(sheet) as image:
        # As high as three rows and as wide as a query and four others
        at = {"lines": 2, "first_apart": True}
        assert image.size == tuple(n - 3 for n in cell_corner(3, 5, **at))
        left, top = cell_corner(2, 0, **at)
        assert image.getpixel((left - 1, top)) == INK
    [activation] = write(place, "activation", count=2)
    [alike] = write(place, "similarity", count=2)
    [people] = write(place, "map", count=0)
    for path in (activation, alike, people):
        with Image.open(path) as image:
            assert len(set(image.convert("RGB").get_flattened_data())) > 100  # not empty
    gates, means, table, clusters = write(place, "gates", count=2, clusters=2, block="conv3_0")
    assert [path.name for path in (gates, means, table, clusters)] == [
        *("demo_gates.png", "demo_gate_means.png", "demo_gates.csv", "demo_gate_clusters.png")
    ]
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["block"] for row in rows[:3]] == ["conv2_0", "conv2_0", "conv2_1"]
    model = writing.load_embedder(place / "any.keras")
    queries = sorted((place / "demo" / "query").glob("*.jpg"))
    pixels = np.stack([np.asarray(Image.open(path)) for path in queries])
    expected = gate_values(model, pixels, "conv3_0").mean(axis=(0, 2))
    of_block = [float(row["mean"]) for row in rows if row["block"] == "conv3_0"]
    np.testing.assert_allclose(of_block, expected, rtol=1e-3)


def test_images_of_ones_own(place, tmp_path):
    images = sorted((place / "demo" / "query").glob("*.jpg"))[:2]
    options = {"dataset": None, "output_dir": tmp_path, "clusters": 0}
    [path] = write(place, "similarity", images=images, **options)
    assert path.name == "images_similarity.png"
    with Image.open(path) as image:
        left, top = cell_corner(0, 0, size=(128, 64))
        shown = np.asarray(image.crop((left, top, left + 64, top + 128)), int)
    with Image.open(images[0]) as image:
        expected = np.asarray(image.resize((64, 128), Image.Resampling.BILINEAR), int)
    assert abs(shown - expected).max() <= 2
    with pytest.raises(ArgumentError, match="Pairs of images are compared"):
        write(place, "similarity", images=images[:1], **options)
    with pytest.raises(ArgumentError, match="A dataset is needed, not images, for 'ranked'"):
        write(place, "ranked", images=images)


def test_curves(place, tmp_path):
    (tmp_path / "config.json").write_text('{"config": {}}')
    (tmp_path / "metrics.csv").write_text("epoch,loss\n1,2\n2,1\n")
    [path] = writing.write_pictures("curves", run_dir=tmp_path)
    assert path == tmp_path / "metrics.png"
    with pytest.raises(ArgumentError, match="Give the run"):
        write(place, "curves")


def test_what_is_refused(place):
    with pytest.raises(ArgumentError, match="Did you mean 'ranked'"):
        write(place, "rankd")
    with pytest.raises(ArgumentError, match="`count` must be an integer >= 1"):
        write(place, "ranked", count=0)
    with pytest.raises(ArgumentError, match="`block` must be one of 'conv2_0'"):
        write(place, "gates", block="conv9")
    with pytest.raises(ArgumentError, match="<= the 16 images"):
        write(place, "gates", clusters=17)
    with pytest.raises(ArgumentError, match="One dataset is drawn at a time"):
        write(place, "ranked", dataset="demo,market1501")


def test_the_command_knows_every_picture():
    assert visualize._DO == writing.PICTURES
