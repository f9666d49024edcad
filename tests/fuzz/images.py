"""Damaged images of every kind: an error that names the file, or the pixels that Pillow reads."""

import io

import numpy as np
from PIL import Image

from osnet_tf.data.decoding import check_images
from osnet_tf.data.image_files import ImageError
from osnet_tf.data.pipeline import image_dataset, naming_bad_images
from osnet_tf.embedding.arrays import pixels_of
from tests.fuzz.weights import damaged

SMALL = 60

_SIZE = (8, 4)
_CASES = [
    *(("JPEG", mode, {"progressive": flag}) for mode in ("RGB", "L", "CMYK") for flag in (0, 1)),
    *(("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *(("BMP", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA")),
    *(("WEBP", mode, {"lossless": flag}) for mode in ("RGB", "RGBA") for flag in (False, True)),
    *(("GIF", mode, {}) for mode in ("L", "P", "RGBA")),
    *(("TIFF", mode, {}) for mode in ("1", "L", "P", "RGB", "CMYK", "F", "I;16")),
    *(("TIFF", "RGB", {"compression": f"tiff_{name}"}) for name in ("lzw", "deflate", "jpeg")),
    *(("PPM", mode, {}) for mode in ("1", "L", "RGB", "I;16")),
]


def trial(rng, folder):
    kind, mode, options = _CASES[rng.integers(len(_CASES))]
    contents = _file(rng, kind, mode, options)
    whole = rng.integers(8) == 0
    path = folder / f"X.{rng.choice(['jpg', 'png', 'tif'])}"
    path.write_bytes(contents if whole else damaged(rng, contents))
    error = _error_of(lambda: check_images([path]))
    assert not error or (error.startswith(f"{path} ") and "\n" not in error), error
    if whole:
        assert bool(error) == (mode == "F"), f"{kind} {mode}: {error}"
    if rng.integers(8):
        return

    def read():  # as training, evaluation and embedding do
        with naming_bad_images([path]):
            images.extend(image_dataset([path], _SIZE, 1))

    images = []
    assert _error_of(read) == error
    if whole and not error:
        picture = Image.open(io.BytesIO(contents))
        np.testing.assert_array_equal(images[0][0], pixels_of([picture])[0])
    assert all(batch.shape == (1, *_SIZE, 3) for batch in images)


def _error_of(read):
    try:
        read()
    except ImageError as error:
        return str(error)
    return ""


def _file(rng, kind, mode, options):
    values = rng.integers(0, 256, (*_SIZE, 3), dtype=np.uint8)
    image = Image.fromarray(values)
    if mode == "I;16":
        image = Image.fromarray(values[..., 0] * np.uint16(257))
    elif mode != "RGB":
        image = image.convert(mode)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
