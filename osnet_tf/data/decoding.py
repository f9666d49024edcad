"""From image files to uint8 RGB tensors, and the plain error for a file that is no image.

JPEG, PNG and BMP are decoded in TensorFlow's graph, all other kinds by Pillow beside it.
"""

import contextlib
import os

import tensorflow as tf

from osnet_tf.data.image_files import IN_GRAPH, MAX_PIXELS, ImageError, image_kind
from osnet_tf.data.pillow_images import read_picture
from osnet_tf.preprocessing import resize

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_BMP = b"BM"


def decode(contents):
    """Decodes the bytes of one JPEG, PNG or BMP file to RGB.

    Grey images get three equal channels, alpha is dropped, palettes are looked up, 16 bits a
    channel become 8, EXIF (its rotation too) is ignored; a BMP must have 8, 24 or 32 bits a pixel.
    JPEGs go through libjpeg's accurate integer transform with smooth chroma, which on Market-1501
    gives Pillow's values to the bit (TensorFlow's default differs by up to 5 grey levels). Works
    eagerly and inside `dataset.map`.

    Args:
        contents: a scalar string tensor (or `bytes`), the file's bytes.

    Returns:
        A uint8 tensor `(height, width, 3)` of 0..255.

    Raises:
        tf.errors.InvalidArgumentError: if the bytes are no complete JPEG, PNG or BMP, or have more
            than `MAX_PIXELS` pixels. Wrap the loop that reads the images in `naming_bad_images` to
            get the file's path instead.

    Example:

    >>> import tensorflow as tf
    >>> png = tf.io.encode_png(tf.constant([[[7], [9]]], tf.uint8))  # grey, 1 x 2
    >>> decode(png).numpy().tolist()
    [[[7, 7, 7], [9, 9, 9]]]
    """
    contents = tf.convert_to_tensor(contents)

    def starts_with(magic):
        return tf.equal(tf.strings.substr(contents, 0, len(magic)), magic)

    def jpeg_or_png():
        known = tf.logical_or(starts_with(_JPEG), starts_with(_PNG))
        with _asserting(known, "not a JPEG, PNG or BMP"):
            size = tf.cond(starts_with(_PNG), png_size, jpeg_size)
        with _asserting(tf.reduce_prod(size) <= MAX_PIXELS, "too many pixels"):
            # TensorFlow's JPEG op reads PNG too; it has the one setting that we need for JPEG.
            return tf.io.decode_jpeg(contents, channels=3, dct_method="INTEGER_ACCURATE")

    def png_size():
        numbers = tf.io.decode_raw(tf.strings.substr(contents, 16, 8), tf.int32, False)
        return tf.cast(numbers, tf.int64)

    def jpeg_size():
        return tf.cast(tf.io.extract_jpeg_shape(contents)[:2], tf.int64)

    image = tf.cond(starts_with(_BMP), lambda: _decode_bmp(contents), jpeg_or_png)
    return tf.ensure_shape(image, (None, None, 3))


def _asserting(condition, message):
    check = tf.debugging.Assert(condition, [message])
    return tf.control_dependencies([] if check is None else [check])


def _decode_bmp(contents):
    sides = tf.io.decode_raw(tf.strings.substr(contents, 18, 8), tf.int32)
    pixels = tf.abs(tf.reduce_prod(tf.cast(sides, tf.int64)))  # a height < 0: from top to bottom
    with _asserting(pixels <= MAX_PIXELS, "too many pixels"):
        image = tf.io.decode_bmp(contents)  # 1, 3 or 4 channels; 8-bit values are palette indices

    def little_endian(position):
        return tf.io.decode_raw(tf.strings.substr(contents, position, 4), tf.int32)[0]

    def look_up():
        start, end = 14 + little_endian(14), little_endian(10)
        palette = tf.io.decode_raw(tf.strings.substr(contents, start, end - start), tf.uint8)
        return tf.gather(tf.reshape(palette, (-1, 4))[:, 2::-1], tf.cast(image[..., 0], tf.int32))

    return tf.cond(tf.equal(tf.shape(image)[-1], 1), look_up, lambda: image[..., :3])


def read_files(paths, size):
    """A dataset of files, decoded and resized in parallel and handed on in order.

    Files that are JPEG, PNG or BMP by their content never leave TensorFlow's graph.

    Args:
        paths: sequence of file paths.
        size: `(height, width)` that every image is resized to.

    Returns:
        A `tf.data.Dataset` of uint8 `(height, width, 3)`, RGB of 0..255.

    Raises:
        ImageError: a file is not there, no regular file, empty, too large or of no known kind.
        tf.errors.OpError: while iterating, if a file is damaged; see `naming_bad_images`.

    >>> read_files(["/nowhere/photo.jpg"], (256, 128))
    Traceback (most recent call last):
    osnet_tf.data.image_files.ImageError: /nowhere/photo.jpg does not exist
    """
    in_graph = [image_kind(path) in IN_GRAPH for path in paths]
    names = tf.constant([os.fsencode(path) for path in paths], tf.string)
    if all(in_graph):
        files, read = (names,), lambda name: decode(tf.io.read_file(name))
    else:
        files, read = (names, tf.constant(in_graph)), _read_either_way
    return tf.data.Dataset.from_tensor_slices(files).map(
        lambda *file: resize(read(*file), size), num_parallel_calls=tf.data.AUTOTUNE
    )


def _read_either_way(name, in_graph):
    contents = tf.io.read_file(name)

    def with_pillow():  # stateless, so that it runs in parallel in deterministic runs too
        image = tf.numpy_function(read_picture, [contents], tf.uint8, stateful=False)
        return tf.ensure_shape(image, (None, None, 3))

    return tf.cond(in_graph, lambda: decode(contents), with_pillow)


def find_bad_image(paths):
    """The first file of `paths`, in their order, that is no readable image.

    Args:
        paths: iterable of file paths.

    Returns:
        `"<path> <what is wrong>"`, for instance `"a.jpg is empty (0 bytes)"`; None if every file
        decodes. It reads and decodes file by file, so call it after a failure, not before a run.

    Example:

    >>> find_bad_image(["/nowhere/photo.jpg"])
    '/nowhere/photo.jpg does not exist'
    """
    for path in paths:
        problem = image_problem(path)
        if problem:
            return f"{path} {problem}"
    return None


def check_images(paths, progress=None):
    """Reads and decodes files one by one, so that a bad one is known before work begins.

    Args:
        paths: iterable of file paths.
        progress: None, or a callable that is given 1 after each file.

    Raises ImageError, which names it, for the first file that is no readable image.

    >>> check_images(["/nowhere/photo.jpg"])
    Traceback (most recent call last):
    osnet_tf.data.image_files.ImageError: /nowhere/photo.jpg does not exist
    """
    for path in paths:
        problem = image_problem(path)
        if problem:
            raise ImageError(f"{path} {problem}")
        if progress is not None:
            progress(1)


def image_problem(path):
    """What is wrong with an image file: "is truncated or corrupt", ...; None if it can be read.

    >>> image_problem("/nowhere/photo.jpg")
    'does not exist'
    """
    path = os.fspath(path)
    try:
        kind = image_kind(path)
        with open(path, "rb") as file:
            contents = file.read()
        if kind in IN_GRAPH:
            with tf.device("CPU:0"):
                decode(contents)
        else:
            read_picture(contents)
    except ImageError as error:
        return str(error).removeprefix(f"{path} ")
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except ValueError as error:  # of Pillow's picture
        return str(error)
    except tf.errors.OpError as error:
        if "too many pixels" in str(error):
            return f"has more than the {MAX_PIXELS} pixels that are allowed"
        return "is truncated or corrupt"
    return None


@contextlib.contextmanager
def naming_bad_images(paths):
    """Turns TensorFlow's error over an unreadable image into an `ImageError` with its path.

    Put it around a loop over a dataset that reads files. When the loop fails with a TensorFlow
    error, the files are checked one by one; if none is bad, the error goes on as it is.

    Args:
        paths: the files that the dataset reads, in its order.

    Raises:
        ImageError: naming the first bad file.

    Example:

    >>> import tensorflow as tf
    >>> paths = ["/nowhere/photo.jpg"]
    >>> try:
    ...     with naming_bad_images(paths):
    ...         list(tf.data.Dataset.from_tensor_slices(paths).map(tf.io.read_file))
    ... except ImageError as error:
    ...     print(error)
    /nowhere/photo.jpg does not exist
    """
    try:
        yield
    except tf.errors.OpError:
        message = find_bad_image(paths)
        if message is None:
            raise
        raise ImageError(message) from None
