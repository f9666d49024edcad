"""From image paths and planned batches to `tf.data` datasets of uint8 images.

Which images a batch holds is planned beforehand (`osnet_tf.data.sampling`), what happens to them
too (`osnet_tf.data.augmentation.draw`). What is left runs in parallel, in order, and repeats.
"""

import os
from functools import partial

import numpy as np
import tensorflow as tf

from osnet_tf.data.augmentation import Augmentation, apply, draw
from osnet_tf.data.decoding import find_bad_image, naming_bad_images, read_files
from osnet_tf.data.image_files import ImageError
from osnet_tf.errors import ArgumentError
from osnet_tf.preprocessing import checked_size

__all__ = [
    "DecodedImages",
    "ImageError",
    "find_bad_image",
    "image_dataset",
    "naming_bad_images",
    "training_dataset",
]

_CHUNK = 256  # images decoded between two calls of the progress hook


class DecodedImages:
    """Images of one size, decoded and resized once if they fit into a memory budget.

    Within the budget all files are read now and held as one uint8 array; Market-1501's 12,936
    training images take 0.32 GB at 128x64 and 1.27 GB at 256x128. Beyond it they are read,
    decoded and resized every time they are asked for, with the same values.

    Args:
        paths: sequence of paths of image files.
        size: `(height, width)` that every image is resized to.
        budget: int, bytes that the decoded images may take (default 4 GiB). 0 never holds them.
        progress: None, or a callable that is given the number of images decoded since its last
            call; the numbers add up to `len(paths)`. Not called where the budget is exceeded.

    Attributes:
        paths: list of str.
        size: `(height, width)`.
        pixels: uint8 tensor `(len(paths), height, width, 3)` of 0..255 in the CPU's memory, or
            None where the budget is exceeded.

    Raises:
        ImageError: if a file is missing or is no readable image; the message is its path and what
            is wrong. Where the budget is exceeded no file is read yet: put
            `naming_bad_images(images.paths)` around the loop over the dataset.
        ValueError: if `size` or `budget` is invalid.

    Example:

    >>> import os, tempfile
    >>> import tensorflow as tf
    >>> path = os.path.join(tempfile.mkdtemp(), "grey.png")
    >>> tf.io.write_file(path, tf.io.encode_png(tf.fill((64, 32, 3), tf.constant(7, tf.uint8))))
    >>> images = DecodedImages([path], size=(128, 64))
    >>> images.pixels.shape, int(tf.reduce_max(images.pixels))
    (TensorShape([1, 128, 64, 3]), 7)
    """

    def __init__(self, paths, size, *, budget=4 * 2**30, progress=None):
        if budget < 0:
            raise ArgumentError(f"budget must be >= 0 bytes. Received: budget={budget}")
        self.paths = [os.fspath(path) for path in paths]
        self.size = checked_size(size)
        self.pixels = None
        if len(self.paths) * self.size[0] * self.size[1] * 3 <= budget:
            self.pixels = self._decode_all(progress)

    def __len__(self):
        return len(self.paths)

    def _decode_all(self, progress):
        pixels = _aligned_array((len(self.paths), *self.size, 3))
        done = 0
        with naming_bad_images(self.paths):
            for chunk in image_dataset(self.paths, self.size, _CHUNK):
                pixels[done : done + len(chunk)] = chunk
                done += len(chunk)
                if progress is not None:
                    progress(len(chunk))
        return _as_tensor(pixels)


def training_dataset(
    images, targets, batches, *, augmentation=None, seed=0, epoch=0, start_step=0, part=(0, 1)
):
    """One epoch of training batches, exactly the planned ones in their order.

    What happens to an image depends on `seed`, `epoch` and its position in the epoch only, so an
    epoch that is entered at `start_step` goes on as if it had never stopped, and the parts of a
    batch that several hosts read are those of the batch that one host reads.

    Args:
        images: `DecodedImages`.
        targets: dict of arrays `(len(images), ...)`, a row of each for each image: what is to be
            learnt of it, by name.
        batches: int array `(steps, batch)` of indices into `images`, the whole epoch's.
        augmentation: `Augmentation`, or None for none.
        seed: int >= 0, the run's.
        epoch: int >= 0.
        start_step: int in 0..steps, number of batches to leave out at the start.
        part: `(index, count)`, of each batch the index-th of `count` equal, contiguous parts.

    Returns:
        A `tf.data.Dataset` of `(images, targets)`: uint8 `(batch / count, height, width, 3)` of
        0..255, and the dict of targets `(batch / count, ...)`, integers as int32 and others as
        float32.

    Raises:
        ValueError: if shapes, dtypes or indices do not fit together.
        tf.errors.OpError: while iterating, if files are read then and one is bad; see
            `naming_bad_images`.

    Example:

    >>> import os, tempfile
    >>> import tensorflow as tf
    >>> paths = [os.path.join(tempfile.mkdtemp(), "grey.png") for _ in range(3)]
    >>> for value, path in enumerate(paths):
    ...     grey = tf.fill((4, 2, 3), tf.constant(value, tf.uint8))
    ...     tf.io.write_file(path, tf.io.encode_png(grey))
    >>> images = DecodedImages(paths, size=(4, 2))
    >>> targets = {"identity": [10, 11, 12]}
    >>> for batch, target in training_dataset(images, targets, [[2, 0], [1, 1]]):
    ...     print(batch.shape, batch[:, 0, 0, 0].numpy(), target["identity"].numpy())
    (2, 4, 2, 3) [2 0] [12 10]
    (2, 4, 2, 3) [1 1] [11 11]
    """
    targets = {name: _target(name, values, len(images)) for name, values in targets.items()}
    batches = np.asarray(batches)
    if batches.ndim != 2 or batches.dtype.kind not in "iu":
        raise ArgumentError(
            "batches must be an integer array of shape (steps, batch). "
            f"Received: shape={batches.shape}, dtype={batches.dtype}"
        )
    if batches.size and not 0 <= batches.min() <= batches.max() < len(images):
        raise ArgumentError(
            f"batches must index {len(images)} images. "
            f"Received: indices {batches.min()}..{batches.max()}"
        )
    steps, batch = batches.shape
    if not 0 <= start_step <= steps:
        raise ArgumentError(f"start_step must be in 0..{steps}. Received: start_step={start_step}")
    index, count = part
    if not 0 <= index < count or batch % count:
        raise ArgumentError(
            f"part must be (index, count), index < count, count a divisor of the batch of {batch}. "
            f"Received: part={part}"
        )
    kept = slice(index * batch // count, (index + 1) * batch // count)
    drawn = draw(augmentation or Augmentation(), batches.size, images.size, seed=seed, epoch=epoch)
    drawn = {
        name: values.reshape(steps, batch, *values.shape[1:])[start_step:, kept]
        for name, values in drawn.items()
    }
    batches = batches[start_step:, kept]

    with tf.device("CPU:0"):
        if images.pixels is not None:
            pixels = tf.data.Dataset.from_tensor_slices(batches)
            find = partial(tf.gather, images.pixels)
        else:
            paths = np.array(images.paths, object)[batches.reshape(-1)]
            pixels = read_files(paths, images.size).batch(batch // count, drop_remainder=True)
            find = tf.identity
        wanted = {name: values[batches] for name, values in targets.items()}
        planned = tf.data.Dataset.from_tensor_slices((wanted, drawn))
        dataset = tf.data.Dataset.zip(pixels, planned).map(
            lambda pixels, planned: (apply(find(pixels), planned[1]), planned[0]),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        return _finish(dataset)


def image_dataset(paths, size, batch_size):
    """Images in the order of their paths, for evaluation: nothing shuffled, dropped or changed.

    Args:
        paths: sequence of paths of image files.
        size: `(height, width)` that every image is resized to.
        batch_size: int >= 1. The last batch is short where the number does not divide.

    Returns:
        A `tf.data.Dataset` of uint8 `(batch, height, width, 3)`, RGB of 0..255.

    Raises:
        ValueError: if `size` or `batch_size` is invalid.
        tf.errors.OpError: while iterating, if a file is bad; see `naming_bad_images`.

    Example:

    >>> import os, tempfile
    >>> import tensorflow as tf
    >>> path = os.path.join(tempfile.mkdtemp(), "grey.png")
    >>> tf.io.write_file(path, tf.io.encode_png(tf.fill((4, 2, 3), tf.constant(7, tf.uint8))))
    >>> [batch.shape[0] for batch in image_dataset([path] * 5, (4, 2), batch_size=2)]
    [2, 2, 1]
    """
    if batch_size < 1:
        raise ArgumentError(f"batch_size must be >= 1. Received: batch_size={batch_size}")
    with tf.device("CPU:0"):
        return _finish(read_files(paths, checked_size(size)).batch(batch_size))


def _target(name, values, images):
    values = np.asarray(values)
    if values.shape[:1] != (images,) or values.dtype.kind not in "iuf":
        raise ArgumentError(
            f"Target {name!r} must be an array of numbers with a row for each of {images} images. "
            f"Received: shape={values.shape}, dtype={values.dtype}"
        )
    return values.astype(np.float32 if values.dtype.kind == "f" else np.int32)


def _finish(dataset):
    options = tf.data.Options()
    options.deterministic = True
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)


def _aligned_array(shape):
    """An empty uint8 array that starts at a multiple of 64 bytes, as TensorFlow's tensors do."""
    count = int(np.prod(shape))
    raw = np.empty(count + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count].reshape(shape)


def _as_tensor(array):
    """The array as a tensor in the CPU's memory, without a second copy of it."""
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
