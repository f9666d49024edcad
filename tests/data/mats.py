"""Small files of MATLAB in the layouts of real datasets, and folders of named images."""

from pathlib import Path

import h5py
import numpy as np
import scipy.io


def touch(root: Path, *files: str) -> Path:
    """Empty files below a folder."""
    paths = [root / file for file in files]
    for folder in {path.parent for path in paths}:
        folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        path.touch()
    return root


def column(values):
    """A cell array of texts, one below the other."""
    found = np.empty((len(values), 1), object)
    found[:, 0] = values
    return found


def write_protocol(path: Path, **changes):
    """CUHK03's new protocol for 3 people with two images by each view; None leaves a variable out.

    Persons 1 and 2 of the first camera pair are trained on, person 1 of the fifth is tested.
    """
    names = [f"{p}_{n:03d}_{v}_{i:02d}.png" for p, n in ((1, 1), (1, 2), (5, 1)) for v, i in VIEWS]
    record = {
        "filelist": column(names),
        "labels": np.repeat([1, 2, 3], 4)[:, None].astype("u2"),
        "camId": np.array([int(name.split("_")[2]) for name in names], "u1")[:, None],
        "train_idx": np.arange(1, 9)[:, None],
        "query_idx": np.array([[9], [11]]),
        "gallery_idx": np.array([[10], [12]]),
        **changes,
    }
    record = {name: value for name, value in record.items() if value is not None}
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, record)


VIEWS = ((1, 1), (1, 2), (2, 6), (2, 7))


def write_cuhk03_mat(path: Path, *, people=(2, 0, 0, 0, 1), last="u1", kinds=("detected",)):
    """`cuhk-03.mat` with some people in each camera pair, images as in `VIEWS`, other cells empty.

    The pixel (0, 1) of an image is (pair, person, number); `last` is the type of the last camera
    pair's. Each test set has the first person only.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        count = 0

        def put(values):
            nonlocal count
            count += 1
            return file.create_dataset(f"#refs#/{count}", data=values).ref

        def cells(references):
            return np.array(references, h5py.ref_dtype)

        empty = put(np.zeros(2, "u8"))
        for kind in kinds:
            pairs = []
            for pair, number_of_people in enumerate(people, 1):
                table = np.full((number_of_people, 10), empty, h5py.ref_dtype)
                for person in range(number_of_people):
                    for _, number in VIEWS:
                        pixels = np.zeros((6, 4, 3), last if pair == 5 else "u1")
                        pixels[0, 1] = pair, person + 1, number
                        table[person, number - 1] = put(pixels.T)
                pairs.append(put(table.T))
            file[kind] = cells([pairs])
        file["testsets"] = cells([[put(np.array([[1.0], [1.0]])) for _ in range(20)]])
    return path


def write_grid_partitions(path: Path, people, field="trainSet", count=10):
    """GRID's `features_and_partitions.mat`; partition n trains on `people[n:] + people[:n]`'s half.

    As the authors' file: a cell array of structs, whose third field is the people.
    """
    found = np.empty((1, count), object)
    for n in range(count):
        half = (people[n:] + people[:n])[: len(people) // 2]
        found[0, n] = {"first": 0.0, "second": [1.0, 2.0], field: np.array([half], "f8")}
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {"trainIdxAll": found, "features": np.zeros((2, 2))})
