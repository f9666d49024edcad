"""SenseReID, which is for tests only.

Source: Zhao et al., "Spindle Net: Person Re-identification with Human Body Region Guided Feature
Decomposition and Fusion", CVPR 2017.
"""

import os
from collections.abc import Mapping

from osnet_tf.data.dataset import ReidDataset, Sample, SplitCounts
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.places import find_root, named_images

COUNTS = {
    "train": SplitCounts(0, 0, 0),
    "query": SplitCounts(1040, 522, None),
    "gallery": SplitCounts(3388, 1717, None),
}

_FOLDERS = {"query": "test_probe", "gallery": "test_gallery"}
_HOW_TO_GET = """\
SenseReID is never downloaded for you. Get SenseReID.zip from its authors (Zhao et al., CVPR 2017)
and lay it out so:
  <data_dir>/sensereid/SenseReID/
    test_probe/     1,040 images: person, _, camera
    test_gallery/   3,388 images"""


def read_sensereid(
    data_dir: str | os.PathLike, *, expected_counts: Mapping[str, SplitCounts] | None = None
) -> ReidDataset:
    """Reads SenseReID and checks its counts.

    A name is the person and the camera, such as `00007_0.jpg`.

    Args:
        data_dir: the directory that holds `sensereid/SenseReID/`, or that folder itself.
        expected_counts: other counts than the dataset's, as for `read_market_layout`.

    Returns:
        A `ReidDataset` of 1,040 queries (522 people) and 3,388 gallery images (1,717 people); there
        is nothing to train on. pids are the numbers of the names plus 1.

    Raises:
        DatasetNotFoundError: it, or one of its folders, is not there.
        DatasetLayoutError: a count is wrong, or a file has an unknown name.

    >>> try:
    ...     read_sensereid("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    SenseReID was not found. Received: data_dir='no/such/place'
    """
    folders = ("sensereid/SenseReID", "SenseReID", "sensereid", ".")
    root = find_root("SenseReID", data_dir, folders, tuple(_FOLDERS.values()), _HOW_TO_GET)
    parts = {
        split: tuple(
            Sample(path, int(name[1]) + 1, int(name[2]))
            for path, name in named_images(root / folder, r"(\d{1,9})_(\d{1,9})\.", "00007_0.jpg")
        )
        for split, folder in _FOLDERS.items()
    }
    dataset = ReidDataset("sensereid", train=(), **parts)
    places = {"train": root, "val": root, **{part: root / f for part, f in _FOLDERS.items()}}
    check_counts(dataset, expected_counts or COUNTS, places)
    return dataset
