"""Embeddings of images: of files, of a folder, of arrays; and a file that holds them."""

import os
import re
import weakref
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.data.decoding import ImageError, decode, find_bad_image, naming_bad_images
from osnet_tf.data.pipeline import image_dataset
from osnet_tf.models import model_size
from osnet_tf.preprocessing import resize
from osnet_tf.progress_bar import progress_bar
from osnet_tf.weights.assign import load_keras

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
# Person and camera, as Market-1501 and the datasets after it begin their names: 0002_c1s1_000451_03
_FILE_NAME = re.compile(r"(-1|\d{1,18})_c([1-9]\d{0,8})(?:s\d+)?_", re.ASCII)
_FUNCTIONS = weakref.WeakKeyDictionary()  # one traced function for each model that is alive


class Embeddings(NamedTuple):
    """Embeddings of image files.

    Attributes:
        paths: The files that were embedded, m of them, as str.
        embeddings: float32 `(m, dim)`, one row for each path.
        failed: `(path, reason)` of each file that was left out because it cannot be read.

    >>> Embeddings(("a.jpg",), np.zeros((1, 512), "float32"), (("b.jpg", "is empty"),)).failed
    (('b.jpg', 'is empty'),)
    """

    paths: tuple[str, ...]
    embeddings: np.ndarray
    failed: tuple[tuple[str, str], ...]


def embed(
    model,
    source,
    *,
    batch_size=256,
    bgr=False,
    normalize=False,
    progress=None,
    on_error="raise",
):
    """Embeds images, wherever they are: in files, in a folder or in arrays.

    What does not have the model's size is resized by `osnet_tf.preprocessing.resize`, so files and
    the arrays that they hold get the same embeddings.

    Args:
        model: A model as `osnet_tf.OSNet` returns or as `.keras` files hold it, of a fixed input
            size.
        source: One of

            - a folder (str or path): all JPEG, PNG and BMP files below it by their names, sorted
              by path, without hidden files and folders; links to folders are not followed;
            - a sequence of paths of such files;
            - an array `(n, height, width, 3)` of 0..255, of any integer or float type (floats
              are rounded); n may be 0;
            - a sequence of such arrays and of single images `(height, width, 3)`, whose sizes may
              differ.
        batch_size: Images in a batch, >= 1; it changes speed and memory, not the result.
        bgr: Whether the arrays' channels are blue, green, red, as OpenCV reads them; by default
            they are red, green, blue. Files know their own order.
        normalize: Whether each embedding is divided by its Euclidean length (one of zeros stays).
        progress: Called with the number of images of each finished batch, those that cannot be
            read included; may be None.
        on_error: What a file does that cannot be read: "raise" or "skip". Arrays are always
            checked before the first is embedded, and raise.

    Returns:
        For files, `Embeddings`. For arrays, float32 `(n, dim)` in their order.

    Raises:
        ImageError: with `on_error="raise"`, a file is missing or cannot be read; the message names
            it.
        FileNotFoundError: there is no such folder.
        ValueError: an invalid argument; no images; arrays of another shape or type, or with values
            outside 0..255 (or floats that all lie in 0..1); `bgr` with files.

    >>> import numpy as np
    >>> from osnet_tf import OSNet, embed
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> crops = [np.zeros((80, 30, 3), "uint8"), np.zeros((120, 55, 3), "uint8")]
    >>> embed(model, crops, bgr=True, normalize=True).shape
    (2, 512)
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f"`on_error` must be 'raise' or 'skip'. Received: on_error={on_error!r}")
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be >= 1. Received: batch_size={batch_size}")
    paths, arrays = _paths_or_arrays(source)
    if arrays is not None:
        vectors = _embed_arrays(model, arrays, batch_size, bgr, progress)
        return _unit_length(vectors) if normalize else vectors
    if bgr:
        raise ValueError("Files are always read as RGB: leave `bgr` out. Received: bgr=True")
    failed = ()
    if on_error == "skip":
        paths, vectors, failed = _embed_readable(model, paths, batch_size, progress)
    else:
        vectors = embed_paths(model, paths, batch_size=batch_size, progress=progress)
    return Embeddings(tuple(paths), _unit_length(vectors) if normalize else vectors, failed)


def embed_paths(embedder, paths, *, batch_size=256, flip_test=False, progress=None):
    """Embeds image files.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        paths: Image files (JPEG, PNG, BMP), n of them.
        batch_size: >= 1; it changes speed and memory, not the result.
        flip_test: Whether each embedding is averaged with that of the mirrored image.
        progress: Called with the number of images of each finished batch; may be None.

    Returns:
        float32 `(n, feature_dim)`, in the order of `paths`; not normalised.

    Raises:
        ImageError: a file is missing or cannot be read; the message names it.
        ValueError: the embedder takes images of any size, or there are no paths.

    >>> import tempfile, pathlib
    >>> from PIL import Image
    >>> from osnet_tf import OSNet
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> Image.new("RGB", (64, 128), "red").save(folder / "a.jpg")
    >>> model = OSNet("osnet_x0_25", input_shape=(128, 64, 3))
    >>> embed_paths(model, [str(folder / "a.jpg")]).shape
    (1, 512)
    """
    paths = list(paths)
    if not paths:
        raise ValueError("There are no images to embed. Received: paths=[]")
    run, size = inference_function(embedder), model_size(embedder)
    parts = []
    with naming_bad_images(paths):
        for images in image_dataset(paths, size, batch_size):
            vectors = run(images).numpy()
            if flip_test:
                vectors = (vectors + run(images[:, :, ::-1]).numpy()) / 2
            parts.append(vectors)
            if progress is not None:
                progress(len(parts[-1]))
    return np.concatenate(parts)


def embed_folder(
    model,
    images,
    output,
    *,
    normalize=False,
    batch_size=256,
    strict=False,
    show_progress=False,
):
    """Embeds the images below a folder into a file: what `train/embed.py` does.

    The file has a row for each image that could be read, sorted by path, in four columns: `path`,
    relative to `images` with `/` between folders; `pid` and `camid`, as `person_and_camera` finds
    them in the file's name; `embedding`. It is written as a whole or not at all.

    Args:
        model: Path of a `.keras` file of an embedder.
        images: The folder; see `embed`.
        output: File to write. `.npz`: the columns as NumPy arrays, str `(n,)`, int64 `(n,)` twice,
            float32 `(n, dim)`. `.parquet`: a table, `embedding` a list of `dim` float32; needs
            pyarrow. Its folder is made if need be.
        normalize: Whether each embedding is divided by its Euclidean length.
        batch_size: Images in a batch.
        strict: Whether a file that cannot be read is an error; otherwise it is left out.
        show_progress: A progress bar on stderr.

    Returns:
        `Embeddings`, with the paths as `embed` gives them, not as in the file.

    Raises:
        ImageError: a file cannot be read and `strict`, or none can be read.
        FileNotFoundError: there is no such model or folder.
        ImportError: a `.parquet` file without pyarrow.
        ValueError: another kind of output file, or no images.

    >>> embed_folder("embedder.keras", "photos", "photos.csv")
    Traceback (most recent call last):
    ValueError: `output` must end in .npz or .parquet. Received: output='photos.csv'
    """
    write, output = _writer(output), Path(output)
    if not Path(model).exists():
        raise FileNotFoundError(f"There is no model {model}")
    paths = images_below(images)
    with progress_bar(show_progress, len(paths), "embedding") as count:
        result = embed(
            load_keras(model),
            paths,
            batch_size=batch_size,
            normalize=normalize,
            progress=count,
            on_error="raise" if strict else "skip",
        )
    if not result.paths:
        raise ImageError(
            f"None of the {len(paths)} images below {images} can be read. "
            f"The first: {' '.join(result.failed[0])}"
        )
    people = np.array([person_and_camera(path) for path in result.paths], np.int64)
    columns = {
        "path": [Path(path).relative_to(images).as_posix() for path in result.paths],
        "pid": people[:, 0],
        "camid": people[:, 1],
        "embedding": result.embeddings,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    new = output.with_name(output.name + ".new")
    write(new, columns)
    os.replace(new, output)
    return result


def person_and_camera(path):
    """The pid and camid that the name of an image file tells.

    Args:
        path: A file whose name begins as in Market-1501 (`0002_c1s1_000451_03.jpg`) or
            DukeMTMC-reID (`0005_c2_f0046985.jpg`): person, camera, and what follows.

    Returns:
        `(pid, camid)`: pid -1 for junk and 0 for distractors, as Market-1501 has them; camid from
        0. `(-1, -1)` for any other name.

    >>> person_and_camera("query/0002_c1s1_000451_03.jpg")
    (2, 0)
    >>> person_and_camera("holiday.jpg")
    (-1, -1)
    """
    match = _FILE_NAME.match(os.path.basename(path))
    return (int(match[1]), int(match[2]) - 1) if match else (-1, -1)


def _paths_or_arrays(source):
    """`(paths, None)` or `(None, arrays)`: an array `(n, height, width, 3)` or a list of images."""
    if isinstance(source, str | os.PathLike):
        return images_below(source), None
    if hasattr(source, "__array__"):
        array = np.asarray(source)
        if array.dtype.kind not in "UO":  # else a sequence after all, of paths or of images
            _check_arrays([array], ranks=(4,))
            return None, array
        source = array
    items = list(source)
    if not items:
        raise ValueError("There are no images to embed. Received: source=[]")
    named = [isinstance(item, str | os.PathLike) for item in items]
    if all(named):
        return [os.fspath(item) for item in items], None
    if any(named):
        raise ValueError(
            "`source` must hold paths or arrays, not both. "
            f"Received: {sum(named)} paths and {len(items) - sum(named)} others"
        )
    arrays = [np.asarray(item) for item in items]
    _check_arrays(arrays, ranks=(3, 4))
    return None, [image for array in arrays for image in (array if array.ndim == 4 else [array])]


def _check_arrays(arrays, ranks):
    highest = 0.0
    for array in arrays:
        if (
            array.ndim not in ranks
            or array.shape[-1] != 3
            or 0 in array.shape[-3:]
            or array.dtype.kind not in "uif"
        ):
            raise ValueError(
                "Images must be an array of shape (n, height, width, 3), or a list of arrays of "
                "shape (height, width, 3), of integers or floats. "
                f"Received: shape={array.shape}, dtype={array.dtype}"
            )
        if array.dtype == np.uint8 or not array.size:
            continue
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 255):  # NaN too
            raise ValueError(f"Images must have values of 0..255. Received: {low}..{high}")
        if array.dtype.kind == "f":
            highest = max(highest, float(high))
    if 0 < highest <= 1:
        raise ValueError(
            "Images must have values of 0..255, and these floats lie in 0..1: multiply them by "
            f"255. Received: a maximum of {highest:g}"
        )


def _embed_arrays(model, images, batch_size, bgr, progress):
    run, size = inference_function(model), model_size(model)

    def to_size(pixels):
        pixels = pixels[..., ::-1] if bgr else pixels
        return resize(pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32), size)

    parts = [np.empty((0, model.output_shape[-1]), np.float32)]
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        with tf.device("CPU:0"):
            if isinstance(batch, list):
                batch = tf.stack([to_size(image) for image in batch])
            else:
                batch = to_size(batch)
        parts.append(run(batch).numpy())
        if progress is not None:
            progress(len(parts[-1]))
    return np.concatenate(parts)


def _embed_readable(model, paths, batch_size, progress):
    """Embeds what can be read: `(paths, embeddings, failed)`. Each file is decoded once."""
    run, size = inference_function(model), model_size(model)
    kept, parts, done = [], [np.empty((0, model.output_shape[-1]), np.float32)], 0
    for numbers, images in _readable_images(paths, size, batch_size):
        kept += numbers.numpy().tolist()
        parts.append(run(images).numpy())
        if progress is not None:
            progress(kept[-1] + 1 - done)
            done = kept[-1] + 1
    if progress is not None and done < len(paths):
        progress(len(paths) - done)
    failed = tuple(
        (paths[i], (find_bad_image([paths[i]]) or "cannot be read").removeprefix(f"{paths[i]} "))
        for i in sorted(set(range(len(paths))).difference(kept))
    )
    return [paths[i] for i in kept], np.concatenate(parts), failed


def _readable_images(paths, size, batch_size):
    """Dataset of (positions in `paths`, uint8 images), in order, unreadable files left out."""
    with tf.device("CPU:0"):
        names = tf.constant([os.fsencode(path) for path in paths], tf.string)
        return (
            tf.data.Dataset.from_tensor_slices(names)
            .enumerate()
            .map(
                lambda number, name: (number, resize(decode(tf.io.read_file(name)), size)),
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            )
            .ignore_errors()
            .batch(batch_size)
            .prefetch(tf.data.AUTOTUNE)
        )


def inference_function(model):
    """The model's inference as a `tf.function`, traced once for each model.

    Args:
        model: A model as `osnet_tf.OSNet` returns, of a fixed input size.

    Returns:
        A function from uint8 `(batch, height, width, 3)` to float32 `(batch, feature_dim)`.

    Raises ValueError if the model has several outputs or takes images of any size.
    """
    if model not in _FUNCTIONS:
        size = model_size(model)
        if not isinstance(model.output, keras.KerasTensor):
            raise ValueError(
                "The model must have one output, the embedding (leave the classifier off). "
                f"Received: {model.name!r} with {len(model.outputs)} outputs"
            )
        alive = weakref.ref(model)  # the function must not keep its own key alive
        _FUNCTIONS[model] = tf.function(
            lambda images: alive()(images, training=False),
            input_signature=[tf.TensorSpec((None, *size, 3), tf.uint8)],
            autograph=False,
        )
    return _FUNCTIONS[model]


def _unit_length(vectors):
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)


def images_below(folder):
    """The image files below a folder, by their names, sorted by path.

    Raises FileNotFoundError if there is no such folder, ValueError if it holds no image.
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        hint = ": it is a file, so give a list" if os.path.exists(folder) else ""
        raise FileNotFoundError(f"There is no folder {folder}{hint}")
    found = []
    for directory, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            os.path.join(directory, name)
            for name in files
            if name.lower().endswith(_SUFFIXES) and not name.startswith(".")
        ]
    if not found:
        raise ValueError(f"There are no images (JPEG, PNG, BMP) below {folder}")
    return sorted(found)


def _raise(error):
    raise error


def _writer(output):
    """The function that writes files of this kind; raises before any work is done."""
    suffix = Path(output).suffix.lower()
    if suffix == ".npz":
        return _write_npz
    if suffix != ".parquet":
        raise ValueError(
            f"`output` must end in .npz or .parquet. Received: output={os.fspath(output)!r}"
        )
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"Writing {os.fspath(output)} needs pyarrow, which is not installed: "
            "pip install pyarrow, or write an .npz file"
        ) from error
    return _write_parquet


def _write_npz(path, columns):
    with open(path, "wb") as file:
        np.savez(file, **columns)


def _write_parquet(path, columns):
    import pyarrow
    import pyarrow.parquet

    embeddings = columns["embedding"]
    lists = pyarrow.FixedSizeListArray.from_arrays(
        pyarrow.array(embeddings.reshape(-1)), embeddings.shape[1]
    )
    table = pyarrow.table({**columns, "embedding": lists})
    pyarrow.parquet.write_table(table, os.fspath(path))
