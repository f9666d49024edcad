"""The embeddings of a folder of images as a file: what `train/embed.py` does."""

import os
import re
from pathlib import Path

import numpy as np

from osnet_tf.data.decoding import ImageError
from osnet_tf.embedding.files import images_below
from osnet_tf.embedding.images import embed
from osnet_tf.errors import NotFoundError
from osnet_tf.files import table_writer
from osnet_tf.progress_bar import progress_bar
from osnet_tf.weights import load_embedder

# Person and camera, as Market-1501 and the datasets after it begin their names: 0002_c1s1_000451_03
_FILE_NAME = re.compile(r"(-1|\d{1,18})_c([1-9]\d{0,8})(?:s\d+)?_", re.ASCII)


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
    """Embeds the images below a folder into a file.

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
    osnet_tf.errors.ArgumentError: `output` must end in .npz or .parquet. Received: ...
    """
    write = table_writer(output, (".npz", ".parquet"), name="output")
    if not Path(model).exists():
        raise NotFoundError(f"There is no model {model}")
    paths = images_below(images)
    with progress_bar(show_progress, len(paths), "embedding") as count:
        result = embed(
            load_embedder(model),
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
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    write(columns)
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
