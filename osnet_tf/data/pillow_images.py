"""Pictures of Pillow as RGB, by the rules that hold for every file: NumPy and Pillow only."""

import io

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from osnet_tf.data.image_files import MAX_PIXELS, ImageError, image_kind, kind_of

_READERS = {
    "WebP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "PNM": PpmImagePlugin.PpmImageFile,
    "other BMP": BmpImagePlugin.BmpImageFile,
}
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV")


class PictureError(ValueError):
    """A picture that is whole, but not one of these; the message says what it has."""


def to_rgb(image):
    """The pixels of a picture, the same as those of a file that holds it.

    Grey gets three equal channels, alpha is dropped, palettes are looked up, 16 bits a channel
    become 8 (the high ones), EXIF is ignored.

    Args:
        image: A `PIL.Image.Image` of 8 bits a channel, 1 bit, or one channel of 16 bits (modes "I"
            and "I;16").

    Returns:
        uint8 `(height, width, 3)` of 0..255.

    Raises:
        PictureError: it has more than `MAX_PIXELS` pixels, another mode, or, in mode "I", values
            beyond 16 bits.
        OSError: its file is damaged.

    >>> from PIL import Image
    >>> to_rgb(Image.new("I;16", (1, 1), 0x1234)).tolist()
    [[[18, 18, 18]]]
    """
    check_pixels(*image.size)
    if image.mode in ("I", "I;16", "I;16L", "I;16B", "I;16N"):
        values = np.asarray(image)
        if values.size and not 0 <= values.min() <= values.max() <= 0xFFFF:
            raise PictureError(f"has values of {values.min()}..{values.max()}, not of 16 bits")
        return np.repeat((values >> 8).astype(np.uint8)[..., None], 3, axis=-1)
    if image.mode not in _MODES:
        raise PictureError(f"has pixels of mode {image.mode!r}")
    return np.asarray(image.convert("RGB"))


def read_picture(contents):
    """Decodes the bytes of a WebP, TIFF, GIF or PNM, or of a BMP that TensorFlow cannot read.

    Of several frames or pages it is the first.

    Args:
        contents: bytes.

    Returns:
        uint8 `(height, width, 3)` of 0..255, as `to_rgb`.

    Raises:
        ValueError: they are damaged, of another kind, or too large; the message says which.

    >>> read_picture(b"P5 2 1 255 " + bytes([7, 9])).tolist()
    [[[7, 7, 7], [9, 9, 9]]]
    """
    kind = kind_of(contents[:54])
    if kind not in _READERS:
        raise ValueError("is no picture that Pillow reads here")
    try:
        # The reader of this one kind, not Image.open: it tries no other and warns of no size
        with _READERS[kind](io.BytesIO(contents)) as image:
            check_pixels(*image.size)
            return to_rgb(image)
    except PictureError:
        raise
    except Exception as error:  # each of Pillow's readers has exceptions of its own
        raise ValueError(f"is truncated or corrupt ({_first_line(error)})") from None


def read_rgb(path):
    """The pixels of an image file, for a picture of it.

    (What a model sees is decoded by `osnet_tf.data.decoding`.)

    Args:
        path: The file.

    Returns:
        uint8 `(height, width, 3)` of 0..255, as `to_rgb`.

    Raises ImageError, which names the file, if it cannot be read.
    """
    kind = image_kind(path)
    try:
        with Image.open(path, formats=None if kind in ("PNM", "other BMP") else (kind,)) as image:
            check_pixels(*image.size)
            return to_rgb(image)
    except Exception as error:  # each of Pillow's readers has exceptions of its own
        raise ImageError(f"{path} is truncated or corrupt ({error})") from None


def check_pixels(width, height):
    """Raises PictureError for a picture that would fill the memory."""
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"has {width}x{height} pixels, more than the {MAX_PIXELS} that are allowed"
        )


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
