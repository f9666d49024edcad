"""A small embedder, pictures for it as arrays and as files, and the embeddings they must get."""

import numpy as np
import pytest
from PIL import Image

from osnet_tf.models import OSNet
from tests.embedding.pictures import NAMES, SIZE


@pytest.fixture(scope="session")
def embedder():
    """Its embeddings have both signs before the last ReLU, so they differ from image to image."""
    return OSNet("osnet_x0_25", input_shape=(*SIZE, 3))


@pytest.fixture(scope="session")
def pictures():
    """Of several sizes, among them the model's own, one smaller and one larger."""
    rng = np.random.default_rng(0)
    sizes = [(32, 16), (40, 20), (16, 8), (32, 16), (70, 90)]
    return [rng.integers(0, 256, (*size, 3), "uint8") for size in sizes]


@pytest.fixture
def folder(tmp_path, pictures):
    """Sorted by path: the pictures in their order."""
    root = tmp_path / "images"
    (root / "b").mkdir(parents=True)
    (root / ".hidden").mkdir()
    for name, picture in zip(NAMES, pictures, strict=True):
        Image.fromarray(picture).save(root / name)
    for name in ("notes.txt", "b/Thumbs.db", "b/._x.png", ".hidden/y.png"):
        (root / name).write_bytes(b"no image")
    return root, [str(root / name) for name in NAMES]


@pytest.fixture(scope="session")
def expected(embedder, pictures):
    """Independent of the code under test but for the resize rule, tested on its own."""
    from osnet_tf.preprocessing import resize

    batch = np.stack([resize(picture, SIZE).numpy() for picture in pictures])
    return embedder.predict(batch, verbose=0)
