"""What the chief asks of other hosts, and what it does without them. (Real hosts: test_workers.)"""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from osnet_tf import OSNet
from osnet_tf.data import ImageError
from osnet_tf.embedding import embed_paths
from osnet_tf.training.shared_embedding import SharedEmbedding


class Hosts:
    """One of two hosts; the other does what a test has written down."""

    count = 2

    def __init__(self, rank, says=(), meanwhile=lambda: None):
        self.rank = rank
        self._says = iter(says)
        self._meanwhile = meanwhile

    def from_chief(self, value):
        return value if self.rank == 0 else next(self._says)

    def wait(self):
        self._meanwhile()


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)


@pytest.fixture
def paths(tmp_path):
    rng = np.random.default_rng(0)
    found = [str(tmp_path / f"{number}.png") for number in range(5)]
    for path in found:
        Image.fromarray(rng.integers(0, 256, (32, 16, 3), np.uint8)).save(path)
    return found


def shared(rank, folder, model, **options):
    hosts = SharedEmbedding(Hosts(rank, **options), folder)
    hosts.know(embedder=model, predictor=None)
    return hosts


def test_a_chief_and_another_make_one(model, paths, tmp_path):
    folder = tmp_path / "shares"
    other = shared(1, folder, model, says=[1, 0])
    embedded = []
    chief = shared(0, folder, model, meanwhile=lambda: embedded.append(other.assist()))
    found = embed_paths(model, paths, batch_size=3, strategy=chief)
    assert embedded == [2]
    np.testing.assert_allclose(found, embed_paths(model, paths), rtol=1e-5, atol=1e-6)
    chief.done()
    assert not folder.exists()


def test_what_the_other_has_not_done_the_chief_does(model, paths, tmp_path):
    """It leaves nothing, or what it left is of another time, or of another number of images."""
    folder = tmp_path / "shares"
    folder.mkdir()
    expected = embed_paths(model, paths)
    chief = shared(0, folder, model)
    np.testing.assert_allclose(embed_paths(model, paths, strategy=chief), expected, rtol=1e-5)
    for job, rows in (("another", 2), (None, 1)):

        def leave(job=job, rows=rows):
            of = job or json.loads((folder / "job.json").read_text())["job"]
            np.savez(folder / "share-1.npz", job=[of], rows=np.zeros((rows, 512), "float32"))

        chief = shared(0, folder, model, meanwhile=leave)
        found = embed_paths(model, paths, strategy=chief)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    (folder / "share-1.npz").write_bytes(b"half")
    chief = shared(0, folder, model)
    np.testing.assert_allclose(embed_paths(model, paths, strategy=chief), expected, rtol=1e-5)


def test_an_image_that_cannot_be_read_is_named_by_the_chief(model, paths, tmp_path):
    """It is of the other's share, who cannot say so."""
    with open(paths[1], "wb"):
        pass
    folder = tmp_path / "shares"
    other = shared(1, folder, model, says=[1, 0])
    chief = shared(0, folder, model, meanwhile=other.assist)
    with pytest.raises(ImageError, match=r"1.png is empty"):
        embed_paths(model, paths, strategy=chief)


def test_a_predictor_is_known_by_its_layers(model, paths, tmp_path):
    """A task makes a new one each time; a model that the others do not have is not shared."""
    head = keras.layers.Dense(3, name="head")(model.output)

    def predictor():
        return keras.Model(model.input, keras.ops.softmax(head))

    folder = tmp_path / "shares"
    chief, asked = SharedEmbedding(Hosts(0, meanwhile=lambda: asked.append(1)), folder), []
    chief.know(embedder=model, predictor=predictor())
    embed_paths(predictor(), paths, strategy=chief)
    assert json.loads((folder / "job.json").read_text())["model"] == "predictor"
    embed_paths(model, paths, strategy=chief)
    assert json.loads((folder / "job.json").read_text())["model"] == "embedder"
    assert len(asked) == 2
    own = keras.Model(model.input, keras.layers.Dense(3)(model.output))
    embed_paths(own, paths, strategy=chief)
    assert len(asked) == 2
