"""Occluded-DukeMTMC: DukeMTMC-reID split anew, so that every query is an occluded person.

Source: Miao et al., "Pose-Guided Feature Alignment for Occluded Person Re-Identification",
ICCV 2019.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from osnet_tf.data.dataset import DatasetLayoutError, ReidDataset, Sample, SplitCounts
from osnet_tf.data.dukemtmcreid import duke_root
from osnet_tf.data.file_names import person_and_camera
from osnet_tf.data.layouts import FOLDERS, check_counts, read_market_layout
from osnet_tf.data.places import find_root
from osnet_tf.errors import FileError
from osnet_tf.files import check_regular_file

COUNTS = {
    "train": SplitCounts(15618, 702, 8),
    "query": SplitCounts(2210, 519, 8),
    "gallery": SplitCounts(17661, 1110, 8),
}

_LISTS = {split: f"{split}.list" for split in FOLDERS}
_HOW_TO_GET = """\
The lists of Occluded-DukeMTMC come from its authors (Miao et al., ICCV 2019); the images are those
of DukeMTMC-reID, which its authors have withdrawn. Lay them out so:
  <data_dir>/occluded_duke/
    train.list, query.list, gallery.list    15,618, 2,210 and 17,661 names of images
  <data_dir>/dukemtmc-reid/DukeMTMC-reID/   the images (see the dataset dukemtmcreid)
or, if it was converted already: <data_dir>/occluded_duke/Occluded_Duke/ with bounding_box_train,
query and bounding_box_test."""


def read_occluded_duke(
    data_dir: str | os.PathLike, *, expected_counts: Mapping[str, SplitCounts] | None = None
) -> ReidDataset:
    """Reads Occluded-DukeMTMC and checks its counts.

    Either from its three lists of names, whose images lie in the folders of DukeMTMC-reID (some
    queries in `bounding_box_test`), or from the three folders that its authors' script makes.

    Args:
        data_dir: the directory that holds `occluded_duke/` and, for the lists, `dukemtmc-reid/`.
        expected_counts: other counts than the dataset's, as for `read_market_layout`.

    Returns:
        A `ReidDataset` of 15,618 training images (702 people), 2,210 queries (519) and 17,661
        gallery images (1,110), by eight cameras.

    Raises:
        DatasetNotFoundError: it, or DukeMTMC-reID, is not there.
        DatasetLayoutError: a count is wrong, or an image of a list is missing.
        FileError: a list holds what is no name of an image.

    >>> try:
    ...     read_occluded_duke("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    Occluded-DukeMTMC was not found. Received: data_dir='no/such/place'
    """
    expected_counts = expected_counts or COUNTS
    folders = ("occluded_duke/Occluded_Duke", "occluded_duke", "Occluded_Duke", ".")
    holds = (_LISTS["train"], FOLDERS["train"])
    root = find_root("Occluded-DukeMTMC", data_dir, folders, holds, _HOW_TO_GET)
    if (root / FOLDERS["train"]).is_dir():
        dataset = read_market_layout("occluded_duke", root, expected_counts)
        return dataset._replace(people_of="dukemtmcreid")
    duke = duke_root(data_dir)
    parts = {
        split: _samples(root / name, duke, (FOLDERS[split], FOLDERS["gallery"]))
        for split, name in _LISTS.items()
    }
    dataset = ReidDataset("occluded_duke", **parts, people_of="dukemtmcreid")
    check_counts(dataset, expected_counts, {split: root / name for split, name in _LISTS.items()})
    return dataset


def _samples(path: Path, duke: Path, folders) -> tuple[Sample, ...]:
    """The images that a list names, each in the first of some folders that has it."""
    check_regular_file(path)
    places = {}
    for folder in reversed(folders):
        there = os.listdir(duke / folder) if (duke / folder).is_dir() else []
        places.update((name, str(duke / folder / name)) for name in there)
    samples = []
    for name in path.read_text(encoding="utf-8", errors="replace").split():
        pid, camid = person_and_camera(name)
        if pid < 0 or os.path.basename(name) != name:
            raise FileError(
                path, f"must hold names such as 0001_c2_f0046182.jpg. Received: {name[:80]!r}"
            )
        if name not in places:
            raise DatasetLayoutError(f"{path} names {name}, which is not in {duke}")
        samples.append(Sample(places[name], pid, camid))
    return tuple(sorted(samples))
