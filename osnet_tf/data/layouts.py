"""Datasets whose folders are the splits and whose file names tell person and camera."""

import os
from collections.abc import Mapping
from pathlib import Path

from osnet_tf.data.dataset import (
    DatasetLayoutError,
    DatasetNotFoundError,
    ReidDataset,
    Sample,
    SplitCounts,
    count_split,
)
from osnet_tf.data.file_names import person_and_camera, tells_a_person
from osnet_tf.data.image_files import is_image_name
from osnet_tf.errors import ArgumentError

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
JUNK_PID = -1
DISTRACTOR_PID = 0


def read_market_layout(
    name: str,
    root: str | os.PathLike,
    expected_counts: Mapping[str, SplitCounts] | None = None,
    folders: Mapping[str, str] = FOLDERS,
) -> ReidDataset:
    """Reads a dataset in Market-1501's layout.

    `root` holds `bounding_box_train/`, `query/` and `bounding_box_test/` with files such as
    `0002_c1s1_000451_03.jpg`: pid 2, camera 1 (camid 0); names of DukeMTMC-reID, VeRi and MSMT17
    are read too. Junk (pid -1) is dropped everywhere, distractors (pid 0) everywhere but in the
    gallery.
    Hidden files and files that are no image by their name (`Thumbs.db`) are ignored.

    Args:
        name: the dataset's name.
        root: the folder that holds the three folders.
        expected_counts: `SplitCounts` (or a tuple of images, identities, cameras) for any of
            "train", "query" and "gallery", after the junk is dropped. `None` checks only that no
            split is empty.
        folders: the three folders' names, for a dataset that calls them otherwise.

    Returns:
        A `ReidDataset` with absolute paths, each split sorted by path.

    Raises:
        DatasetNotFoundError: one of the three folders is missing.
        DatasetLayoutError: an image has another kind of name, a split is empty, or a count is
            wrong; the message names the folder, the expected and the found number.

    Example:

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for file in ["bounding_box_train/0002_c1s1_000451_03.jpg",
    ...                  "query/0005_c2_f0046985.jpg",
    ...                  "bounding_box_test/0005_c3_f0046985.jpg",
    ...                  "bounding_box_test/-1_c3s1_000001_01.jpg"]:
    ...         path = pathlib.Path(root, file)
    ...         path.parent.mkdir(exist_ok=True)
    ...         path.touch()
    ...     dataset = read_market_layout("tiny", root)
    >>> dataset.train[0].pid, dataset.train[0].camid, len(dataset.gallery)
    (2, 0, 1)
    """
    root = os.path.abspath(os.fspath(root))
    missing = [
        folder for folder in folders.values() if not os.path.isdir(os.path.join(root, folder))
    ]
    if missing:
        raise DatasetNotFoundError(
            f"{name}: the folder {' and '.join(missing)} is missing in {root}, which must hold "
            f"{', '.join(folders.values())}"
        )
    dataset = ReidDataset(
        name=name,
        train=read_named_images(os.path.join(root, folders["train"]), lowest_pid=1),
        query=read_named_images(os.path.join(root, folders["query"]), lowest_pid=1),
        gallery=read_named_images(os.path.join(root, folders["gallery"])),
    )
    check_counts(dataset, expected_counts, {s: os.path.join(root, f) for s, f in folders.items()})
    return dataset


def check_counts(
    dataset: ReidDataset,
    expected_counts: Mapping[str, SplitCounts] | None,
    places: Mapping[str, str | os.PathLike] | str | os.PathLike,
):
    """Raises DatasetLayoutError for an empty split or a count other than expected.

    Args:
        dataset: what was read.
        expected_counts: `SplitCounts` (or a tuple of them) for some of "train", "query", "gallery"
            and "val"; None for none, and within a `SplitCounts` for a count that may be any. A
            split of which 0 images are expected may be empty.
        places: where the splits were read from, for the message: one place, or one for each.
    """
    expected_counts = dict(expected_counts or {})
    found_counts = {**dataset.counts, "val": count_split(dataset.val)}
    unknown = sorted(expected_counts.keys() - found_counts)
    if unknown:
        raise ArgumentError(
            "expected_counts must be given for 'train', 'query', 'gallery' or 'val'. "
            f"Received: expected_counts with {', '.join(map(repr, unknown))}"
        )
    wrong = []
    for split, found in found_counts.items():
        if split == "val" and split not in expected_counts:
            continue
        where = f"{places[split] if isinstance(places, Mapping) else places} ({split})"
        expected = SplitCounts(*expected_counts.get(split, (None, None, None)))
        if found.images == 0 and expected.images != 0:
            wrong.append(f"{where}: no usable image (junk is not counted)")
        else:
            wrong += [
                f"{where}: expected {want} {what}, found {have}"
                for what, want, have in zip(SplitCounts._fields, expected, found, strict=True)
                if want not in (have, None)
            ]
    if wrong:
        lines = "\n".join(f"  {line}" for line in wrong)
        raise DatasetLayoutError(
            f"{dataset.name} is not complete, or not the release it should be:\n{lines}"
        )


def read_named_images(
    directory: str | os.PathLike, lowest_pid: int = DISTRACTOR_PID
) -> tuple[Sample, ...]:
    """The images of one folder whose names tell person and camera, sorted by path.

    Args:
        directory: the folder.
        lowest_pid: images of people below it are dropped: junk is -1, distractors are 0.

    Raises DatasetLayoutError for an image whose name tells nothing; it is named.
    """
    samples = []
    for file_name in os.listdir(directory):
        if not is_image_name(file_name):
            continue
        path = str(Path(directory) / file_name)
        if not tells_a_person(file_name):
            raise DatasetLayoutError(
                "An image's name must look like 0002_c1s1_000451_03.jpg "
                f"(person 2, camera 1). Received: {path}"
            )
        pid, camid = person_and_camera(file_name)
        if pid >= lowest_pid:
            samples.append(Sample(path, pid, camid))
    return tuple(sorted(samples))
