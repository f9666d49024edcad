"""The file `cuhk-03.mat`, in which CUHK03 comes: its images and its twenty classic test sets."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from osnet_tf.data.image_files import MAX_PIXELS
from osnet_tf.data.mat_files import cells, hdf5_items, numbers
from osnet_tf.files import locked, whole_folder

NUM_CLASSIC_SPLITS = 20
_PAIRS = 5
_IMAGES = 10


def extract_images(mat: str | os.PathLike, kind: str, folder: str | os.PathLike):
    """Writes the images of `cuhk-03.mat` as PNG into a folder, which appears when all are there.

    Their names are those of the protocol files: `1_001_2_06.png` is camera pair 1, its person 1,
    view 2, image 6. The folder's parent is locked meanwhile; a folder that is there is left alone.

    Args:
        mat: the file.
        kind: "detected" or "labeled", as the file calls them.
        folder: the folder that is to be; its parent exists.

    Raises:
        FileError: the file is damaged or another's.
        InUseError: another process extracts there.
        WriteError: the folder cannot be written.
    """
    from PIL import Image

    folder = Path(folder)
    with locked(folder.parent, f"extracting images of {os.fspath(mat)}"):
        if folder.is_dir():
            return
        with whole_folder(folder) as new:
            for name, pixels in read_images(mat, kind):
                Image.fromarray(pixels).save(new / f"{name}.png")


def read_images(mat: str | os.PathLike, kind: str) -> Iterator[tuple[str, np.ndarray]]:
    """The images of `cuhk-03.mat`: pairs of a name (`1_001_2_06`) and uint8 (height, width, 3).

    Raises FileError: the file is damaged or another's.
    """

    def read(file):
        pairs = cells(file, kind).ravel()
        if len(pairs) != _PAIRS:
            raise ValueError(f"{kind} must have {_PAIRS} camera pairs, and has {len(pairs)}")
        for pair, people in enumerate(pairs, 1):
            table = cells(file, people)
            if table.ndim != 2 or table.shape[1] != _IMAGES or len(table) > 999:
                raise ValueError(f"{kind} {pair} must have {_IMAGES} columns")
            for person, images in enumerate(table, 1):
                for number, reference in enumerate(images, 1):
                    # An empty cell is stored as its two dimensions, 0 and 0
                    pixels = numbers(file, reference, "u", 3 * MAX_PIXELS)
                    if pixels.ndim == 3:
                        view = 1 if number <= _IMAGES // 2 else 2
                        name = f"{pair}_{person:03d}_{view}_{number:02d}"
                        yield name, _picture(pixels, name)

    yield from hdf5_items(mat, read)


def _picture(pixels, name):
    if pixels.dtype != np.uint8 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(f"the image {name} must be uint8 (height, width, 3)")
    return np.ascontiguousarray(pixels)


def read_test_sets(mat: str | os.PathLike) -> list[set[tuple[int, int]]]:
    """The people of the twenty classic test sets: sets of (camera pair, person), from 1.

    Raises FileError: the file is damaged or another's.
    """

    def read(file):
        found = cells(file, "testsets").ravel()
        if len(found) != NUM_CLASSIC_SPLITS:
            raise ValueError(f"testsets must be {NUM_CLASSIC_SPLITS}, and are {len(found)}")
        for number, reference in enumerate(found):
            people = numbers(file, reference, "iuf", 10**5)
            whole = people.ndim == 2 and people.shape[1] == 2 and np.isin(people, range(1000)).all()
            if not whole:
                raise ValueError(f"test set {number} must be rows of camera pair and person")
            yield {(int(pair), int(person)) for pair, person in people}

    return list(hdf5_items(mat, read))
