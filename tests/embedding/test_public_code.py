"""The published Market-1501 weights on real images, beside what the public code made of them."""

import numpy as np
import pytest
from PIL import Image

from osnet_tf.embedding import embed
from osnet_tf.models import OSNet
from tests.conftest import SHARED

QUERY = SHARED / "data" / "market1501" / "Market-1501-v15.09.15" / "query"
RECORDED = SHARED / "reference" / "query500_osnet_x0_25_market1501.npz"


@pytest.fixture(scope="module")
def recorded():
    """The published Market-1501 weights, by name, and 100 of the 500 recorded query images."""
    for path in (QUERY, RECORDED, SHARED / "weights" / "osnet_x0_25_market1501.pth"):
        if not path.exists():
            pytest.skip(f"{path} is not there")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OSNET_TF_WEIGHTS", str(SHARED / "weights"))
        model = OSNet("osnet_x0_25", weights="market1501")
    with np.load(RECORDED) as file:
        return model, [QUERY / name for name in file["files"][::5]], file["embeddings"][::5]


def cosines(found, expected):
    found, expected = found.astype("float64"), expected.astype("float64")
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return (found * expected).sum(1) / lengths


def test_the_pixels_of_the_public_code_give_its_embeddings(recorded):
    """Pillow decodes and resizes, as it did for the record: what is left is the network's."""
    model, paths, expected = recorded
    images = [Image.open(path).resize((128, 256), Image.Resampling.BILINEAR) for path in paths]
    found = embed(model, np.stack(images), batch_size=50)
    assert len(found) == 100
    assert cosines(found, expected).min() > 0.999999
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_real_files_give_the_embeddings_of_the_public_code(recorded):
    """Decoding and the resize rule included."""
    model, paths, expected = recorded
    found = embed(model, paths, batch_size=50).embeddings
    assert cosines(found, expected).min() > 0.9999
