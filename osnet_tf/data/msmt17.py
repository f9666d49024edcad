"""MSMT17, version 1 and version 2 (whose faces are blurred).

Source: Wei et al., "Person Transfer GAN to Bridge Domain Gap for Person Re-Identification",
CVPR 2018.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from osnet_tf.data.dataset import DatasetLayoutError, ReidDataset, Sample, SplitCounts
from osnet_tf.data.file_names import person_and_camera
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.places import find_root
from osnet_tf.errors import FileError
from osnet_tf.files import check_regular_file

COUNTS = {
    "train": SplitCounts(30248, 1041, 15),
    "val": SplitCounts(2373, 1041, 15),
    "query": SplitCounts(11659, 3060, 15),
    "gallery": SplitCounts(82161, 3060, 15),
}
_PEOPLE_TRAINED = COUNTS["train"].identities

#: Version -> the folders of its images.
_VERSIONS = {
    "MSMT17_V1": ("train", "test"),
    "MSMT17_V2": ("mask_train_v2", "mask_test_v2"),
}
_LISTS = {split: f"list_{split}.txt" for split in COUNTS}
_HOW_TO_GET = """\
MSMT17 is for research only and is never downloaded for you. Get it from its authors (Wei et al.,
CVPR 2018) and lay it out so, version 1 or version 2:
  <data_dir>/msmt17/MSMT17_V1/        or  <data_dir>/msmt17/MSMT17_V2/
    train/, test/                           mask_train_v2/, mask_test_v2/
    list_train.txt, list_val.txt, list_query.txt, list_gallery.txt"""


def read_msmt17(
    data_dir: str | os.PathLike, *, expected_counts: Mapping[str, SplitCounts] | None = None
) -> ReidDataset:
    """Reads MSMT17, version 1 or 2, whichever is there, and checks its counts.

    A line of the lists is a path and a person, `0000/0000_008_01_0303morning_0019_2.jpg 0`; the
    camera is the third field of the name (camid 0). The lists count the people of training and of
    test each from 0: here they are 1 to 1041, and 1042 to 4101.

    Args:
        data_dir: the directory that holds `msmt17/MSMT17_V1/` or `msmt17/MSMT17_V2/` (version 1 is
            read if both are there), or such a folder itself.
        expected_counts: other counts than the dataset's, as for `read_market_layout`.

    Returns:
        A `ReidDataset` of 30,248 training images (1,041 people), 11,659 queries and 82,161 gallery
        images (3,060 people), by fifteen cameras. Its `val`, 2,373 images of the training people,
        is trained on with `combine_all` only.

    Raises:
        DatasetNotFoundError: it, a list or a folder is not there.
        DatasetLayoutError: a count is wrong, or an image of a list is missing.
        FileError: a line of a list is no path and person.

    >>> try:
    ...     read_msmt17("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    MSMT17 was not found. Received: data_dir='no/such/place'
    """
    places = [f"{folder}{version}" for folder in ("msmt17/", "") for version in _VERSIONS]
    holds = tuple(folder for folders in _VERSIONS.values() for folder in folders)
    root = find_root("MSMT17", data_dir, (*places, "msmt17", "."), holds, _HOW_TO_GET)
    train, test = next(
        folders for folders in _VERSIONS.values() if any((root / f).is_dir() for f in folders)
    )
    for name in (*_LISTS.values(), train, test):
        find_root("MSMT17", root, (".",), (name,), _HOW_TO_GET)
    here = {train: _files(root / train), test: _files(root / test)}
    parts = {}
    for split, name in _LISTS.items():
        folder, first = (train, 1) if split in ("train", "val") else (test, 1 + _PEOPLE_TRAINED)
        parts[split] = _samples(root / name, root / folder, here[folder], first)
    dataset = ReidDataset("msmt17", **parts)
    check_counts(
        dataset, expected_counts or COUNTS, {split: root / name for split, name in _LISTS.items()}
    )
    return dataset


def _files(folder: Path) -> set[str]:
    """The files in the folders of people: "0000/NAME"."""
    found = set()
    for person in os.scandir(folder):
        if person.is_dir():
            found.update(f"{person.name}/{name}" for name in os.listdir(person.path))
    return found


def _samples(path: Path, folder: Path, files: set[str], first_pid: int) -> tuple[Sample, ...]:
    check_regular_file(path)
    samples, missing = [], []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, _, person = line.strip().rpartition(" ")
        pid, camid = person_and_camera(name)
        if pid < 1 or person != str(pid - 1):
            raise FileError(
                path,
                f"line {number}: must be a path and its person, such as "
                f"0000/0000_008_01_0303morning_0019_2.jpg 0. Received: {line[:120]!r}",
            )
        if name not in files:
            missing.append(name)
        samples.append(Sample(os.path.join(folder, *name.split("/")), pid - 1 + first_pid, camid))
    if missing:
        raise DatasetLayoutError(
            f"{path} names {len(missing)} images that are not in {folder}, such as {missing[0]}"
        )
    return tuple(sorted(samples))
