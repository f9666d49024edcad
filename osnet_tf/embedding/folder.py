"""The embeddings of a folder of images as a file: what `train/embed.py` does."""

from pathlib import Path

import numpy as np

from osnet_tf.data.file_names import person_and_camera
from osnet_tf.data.image_files import ImageError, images_below, in_words
from osnet_tf.embedding.images import Embeddings, embed
from osnet_tf.errors import NotFoundError, WriteError
from osnet_tf.files import check_texts, table_writer
from osnet_tf.progress_bar import progress_bar
from osnet_tf.types import PathLike
from osnet_tf.weights import load_embedder
from osnet_tf.weights.registry import is_remote


def embed_folder(
    model: PathLike,
    images: PathLike,
    output: PathLike,
    *,
    normalize: bool = False,
    batch_size: int = 256,
    strict: bool = False,
    show_progress: bool = False,
) -> Embeddings:
    """Embeds the images below a folder into a file.

    The file has a row for each image that could be read, sorted by path, in four columns: `path`,
    relative to `images` with `/` between folders; `pid` and `camid`, as `person_and_camera` finds
    them in the file's name; `embedding`. It is written as a whole or not at all.

    Args:
        model: What `osnet_tf.weights.load_embedder` takes: a `.keras` file, a published model.
        images: The folder; see `embed`.
        output: File to write. `.npz`: the columns as NumPy arrays, str `(n,)`, int64 `(n,)` twice,
            float32 `(n, dim)`. `.parquet`: a table, `embedding` a list of `dim` float32; needs
            pyarrow. Its folder is made if need be.
        normalize: Whether each embedding is divided by its Euclidean length.
        batch_size: Images in a batch.
        strict: Whether a file that cannot be read, or that is no image by its name, is an error;
            otherwise it is left out.
        show_progress: A progress bar on stderr.

    Returns:
        `Embeddings`, with the paths as `embed` gives them, not as in the file.

    Raises:
        ImageError: a file cannot be read, or there are others than images, and `strict`; or none
            can be read; or an embedding is not finite.
        NotFoundError: there is no such model or folder.
        MissingPackageError: a `.parquet` file without pyarrow.
        WriteError: the output cannot be written.
        FileError: a file's name is no UTF-8, and the output is Parquet.
        ArgumentError: another kind of output file, or no images.

    >>> embed_folder("embedder.keras", "photos", "photos.csv")
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: `output` must end in .npz or .parquet. Received: \
output='photos.csv'
    """
    write = table_writer(output, (".npz", ".parquet"), name="output")
    if not is_remote(model) and not Path(model).exists():
        raise NotFoundError(f"There is no model {model}")
    paths, left_out = images_below(images)
    if strict and left_out:
        raise ImageError(f"{images} holds files that are no images: {in_words(left_out)}")
    names = [Path(path).relative_to(images).as_posix() for path in paths]
    check_texts(output, names)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    if Path(output).is_dir():
        raise WriteError(output, "it is a folder")
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
    write(columns)
    return result._replace(left_out=left_out)
