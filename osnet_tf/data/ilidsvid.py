"""The stills of iLIDS-VID: an image of each person by each of two cameras.

Source: Wang et al., "Person Re-Identification by Video Ranking", ECCV 2014.
"""

import functools
import os
from collections.abc import Mapping

import numpy as np

from osnet_tf.data.dataset import DatasetNotFoundError, ReidDataset, Sample, SplitCounts
from osnet_tf.data.image_files import is_clutter
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.mat_files import read_mat, whole_numbers
from osnet_tf.data.numbered_splits import one_or_all
from osnet_tf.data.places import find_root, named_images
from osnet_tf.errors import FileError

COUNTS = {
    "train": SplitCounts(300, 150, 2),
    "query": SplitCounts(150, 150, 1),
    "gallery": SplitCounts(150, 150, 1),
}
NUM_SPLITS = 10

_SPLITS = "train-test people splits/train_test_splits_ilidsvid.mat"
_IMAGES = "i-LIDS-VID/images"
_HOW_TO_GET = f"""\
iLIDS-VID is never downloaded for you. Get iLIDS-VID.tar from its authors (Wang et al., ECCV 2014)
and lay it out so:
  <data_dir>/ilids-vid/
    {_IMAGES}/cam1/person001/cam1_person001.png   300 people
    {_IMAGES}/cam2/person001/cam2_person001.png
    {_SPLITS}"""


def read_ilidsvid(
    data_dir: str | os.PathLike,
    *,
    variant: str = "",
    expected_counts: Mapping[str, SplitCounts] | None = None,
) -> ReidDataset | list[ReidDataset]:
    """Reads the stills of iLIDS-VID, one of its ten splits or all, and checks its counts.

    Its sequences are not read. The file of splits orders the people, counted from 1 in the order of
    their folders' names: the first half is tested, the second trained on. cam1 is query, cam2
    gallery. Figures are means over the ten.

    Args:
        data_dir: the directory that holds `ilids-vid/`, or that folder itself.
        variant: "0" (the default) to "9"; "all": a list of the ten.
        expected_counts: other counts than the dataset's, as for `read_market_layout`.

    Returns:
        A `ReidDataset` of 300 training images (150 people), 150 queries and 150 gallery images.

    Raises:
        DatasetNotFoundError: it, or a camera's folder, is not there.
        DatasetLayoutError: a count is wrong, or a file has an unknown name.
        FileError: the file of splits is damaged.
        ArgumentError: another variant.

    >>> try:
    ...     read_ilidsvid("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    iLIDS-VID was not found. Received: data_dir='no/such/place'
    """

    @functools.cache
    def everything():
        folders = ("ilids-vid", "iLIDS-VID", ".")
        root = find_root("iLIDS-VID", data_dir, folders, (_IMAGES,), _HOW_TO_GET)
        path = root / _SPLITS
        find_root("The file of splits of iLIDS-VID", root, (".",), (_SPLITS,), _HOW_TO_GET)
        samples = [
            Sample(image, int(name[1]), camid)
            for camid in (0, 1)
            for image, name in _stills(root / _IMAGES / f"cam{camid + 1}")
        ]
        people = sorted({sample.pid for sample in samples})
        return root, samples, people, _orders(path, len(people))

    def read(name, number):
        root, samples, people, orders = everything()
        tested = {people[index - 1] for index in orders[number][: len(people) // 2]}
        dataset = ReidDataset(
            name,
            train=tuple(sample for sample in samples if sample.pid not in tested),
            query=tuple(s for s in samples if s.pid in tested and s.camid == 0),
            gallery=tuple(s for s in samples if s.pid in tested and s.camid == 1),
        )
        check_counts(dataset, expected_counts or COUNTS, root / _IMAGES)
        return dataset

    return one_or_all("ilidsvid", variant, NUM_SPLITS, read)


def _stills(folder):
    """The images in the folders of people of one camera, sorted."""
    if not folder.is_dir():
        raise DatasetNotFoundError(f"The folder {folder} is missing")
    people = sorted(place for place in folder.iterdir() if not is_clutter(place.name))
    pattern = r"cam[12]_person(\d{3})[_.]"
    return [
        found
        for place in people
        if place.is_dir()
        for found in named_images(place, pattern, "cam1_person001.png")
    ]


def _orders(path, num_people):
    """The people of each split in their order, counted from 1."""
    found = np.asarray(read_mat(path, ("ls_set",)).get("ls_set", ()))
    if found.shape != (NUM_SPLITS, num_people):
        raise FileError(
            path,
            f"must hold ls_set, {NUM_SPLITS} rows of the {num_people} people. "
            f"Received: shape={found.shape}",
        )
    orders = [whole_numbers(row, path, "ls_set", 1, num_people) for row in found]
    if any(len(set(order)) < num_people for order in orders):
        raise FileError(path, "must have each person once in each row of ls_set")
    return orders
