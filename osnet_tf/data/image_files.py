"""Which files are images: by their names in a folder, and by their first bytes when they are read.

NumPy only. What the bytes become is `osnet_tf.data.decoding`'s and `osnet_tf.data.pillow_images`'s.
"""

import os
from collections import Counter
from typing import NamedTuple

from osnet_tf.errors import ArgumentError, NotFoundError, OSNetError
from osnet_tf.files import check_regular_file
from osnet_tf.types import PathLike

#: Names of files that are taken for images. Which kind each is, its content decides.
IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib"),
    *(".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"),
)
#: The kinds of content that are read, as a message names them.
KINDS = "JPEG, PNG, BMP, WebP, TIFF, GIF or PNM"
#: Kinds that TensorFlow decodes in its graph; Pillow reads the others.
IN_GRAPH = frozenset({"JPEG", "PNG", "BMP"})
#: What a picture may have: beyond it lies no camera's, but what fills the memory (3 bytes a pixel).
MAX_PIXELS = 2**26
MAX_BYTES = 2**29

_CLUTTER = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir")
_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    **{b"P%d" % number + space: "PNM" for number in range(1, 7) for space in (b"\n", b" ", b"\r")},
}


class ImageError(OSNetError, ValueError):
    """An image that cannot be used; the message is its path and what is wrong with it.

    Example:

    >>> try:
    ...     raise ImageError("photo.jpg is empty (0 bytes)")
    ... except ValueError as error:
    ...     print(error)
    photo.jpg is empty (0 bytes)
    """


class ImageListing(NamedTuple):
    """The files below a folder.

    Attributes:
        paths: list of str, the files with an image's name, sorted.
        left_out: dict from a suffix in lower case ("" for none) to the number of other files that
            have it, sorted; clutter of operating systems and hidden files are not counted.

    >>> ImageListing(["photos/a.jpg"], {".heic": 2}).left_out
    {'.heic': 2}
    """

    paths: list[str]
    left_out: dict[str, int]


def is_image_name(name):
    """Whether a file of this name is taken for an image.

    >>> is_image_name("0002_c1s1_000451_03.JPG"), is_image_name("._a.jpg"), is_image_name("a.txt")
    (True, False, False)
    """
    return not is_clutter(name) and name.lower().endswith(IMAGE_SUFFIXES)


def is_clutter(name):
    """Whether a file or folder is hidden, or one that operating systems leave behind.

    >>> is_clutter("Thumbs.db"), is_clutter("__MACOSX"), is_clutter("._a.jpg"), is_clutter("a.jpg")
    (True, True, True, False)
    """
    return name.startswith(".") or name.lower() in _CLUTTER


def images_below(folder: PathLike) -> ImageListing:
    """Finds the images below a folder by their names.

    Args:
        folder: The folder. Hidden files and folders and clutter such as `Thumbs.db` are passed
            over; links to folders are not followed.

    Returns:
        An `ImageListing`.

    Raises:
        NotFoundError: there is no such folder.
        ArgumentError: there is no image below it.

    >>> images_below("nowhere")
    Traceback (most recent call last):
    osnet_tf.errors.NotFoundError: There is no folder nowhere
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        hint = ": it is a file, so give a list" if os.path.exists(folder) else ""
        raise NotFoundError(f"There is no folder {folder}{hint}")
    paths, left_out = [], Counter()
    for directory, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not is_clutter(name)]
        for name in names:
            if is_image_name(name):
                paths.append(os.path.join(directory, name))
            elif not is_clutter(name):
                left_out[os.path.splitext(name)[1].lower()] += 1
    if not paths:
        raise ArgumentError(
            f"There are no images ({KINDS}) below {folder}{in_words(left_out, ', but ')}"
        )
    return ImageListing(sorted(paths), dict(sorted(left_out.items())))


def in_words(left_out, before=""):
    """The files of a listing that are no images, in words; "" where there are none.

    >>> in_words({".heic": 2, "": 1})
    '2 of .heic, 1 without a suffix'
    """
    parts = [
        f"{count} of {suffix}" if suffix else f"{count} without a suffix"
        for suffix, count in left_out.items()
    ]
    return before + ", ".join(parts) if parts else ""


def image_kind(path):
    """The kind of image that a file's first bytes tell, whatever its name is.

    Nothing else of the file is read, so this is cheap, and safe for pipes and devices too.

    Args:
        path: The file.

    Returns:
        "JPEG", "PNG", "BMP", "WebP", "TIFF", "GIF" or "PNM"; "other BMP" for one with other than
        8, 24 or 32 plain bits a pixel.

    Raises:
        ImageError: it is not there, no regular file, cannot be read, or is none of these.

    >>> image_kind("/dev/zero")
    Traceback (most recent call last):
    osnet_tf.data.image_files.ImageError: /dev/zero is a device, not a regular file
    """
    path = os.fspath(path)
    try:
        check_regular_file(path)
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            kind = kind_of(file.read(54))
    except OSNetError as error:  # it names the file already
        raise ImageError(str(error)) from None
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror})") from None
    if not size:
        raise ImageError(f"{path} is empty (0 bytes)")
    if kind is None:
        raise ImageError(f"{path} is not a {KINDS}")
    if size > MAX_BYTES:
        raise ImageError(f"{path} is too large: {size} bytes, and {MAX_BYTES} are allowed")
    return kind


def kind_of(head):
    """The kind of image that begins with these bytes, as `image_kind`; None if it is none.

    >>> kind_of(b"GIF89a..."), kind_of(b"<html>")
    ('GIF', None)
    """
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:2] == b"BM":
        number = int.from_bytes(head[28:30], "little")
        packing = int.from_bytes(head[30:34], "little")
        old = len(head) >= 18 and int.from_bytes(head[14:18], "little") < 40  # a shorter header
        plain = len(head) < 34 or (not old and number in (8, 24, 32) and not packing)
        return "BMP" if plain else "other BMP"
    return None


def _raise(error):
    raise error
