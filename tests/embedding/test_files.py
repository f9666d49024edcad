import numpy as np
import pytest
from PIL import Image, ImageOps

from osnet_tf.data import ImageError
from osnet_tf.embedding import embed_paths
from osnet_tf.models import OSNet


@pytest.fixture(scope="module")
def embedder():
    return OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)


@pytest.fixture
def paths(tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.png" for i in range(5)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (40, 20, 3), "uint8")).save(path)
    return [str(path) for path in paths]


def test_embeddings_follow_the_paths_whatever_the_batch(embedder, paths):
    counted = []
    all_at_once = embed_paths(embedder, paths)
    in_twos = embed_paths(embedder, paths, batch_size=2, progress=counted.append)
    assert counted == [2, 2, 1]
    np.testing.assert_allclose(in_twos, all_at_once, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        embed_paths(embedder, paths[::-1]), all_at_once[::-1], rtol=1e-4, atol=1e-6
    )


def test_a_bad_image_is_named(embedder, paths):
    open(paths[3], "wb").close()
    with pytest.raises(ImageError, match=r"3\.png is empty"):
        embed_paths(embedder, paths)


def test_the_flip_test_averages_with_the_mirrored_image(embedder, paths):
    mirrored = [path.replace(".png", "_mirrored.png") for path in paths]
    for path, other in zip(paths, mirrored, strict=True):
        Image.open(path).resize((16, 32)).save(path)
        ImageOps.mirror(Image.open(path)).save(other)
    expected = (embed_paths(embedder, paths) + embed_paths(embedder, mirrored)) / 2
    np.testing.assert_allclose(
        embed_paths(embedder, paths, flip_test=True), expected, rtol=1e-4, atol=1e-6
    )
