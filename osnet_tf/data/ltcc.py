"""LTCC: people who change their clothes.

Source: Qian et al., "Long-Term Cloth-Changing Person Re-identification", ACCV 2020.
"""

import os
from collections.abc import Mapping

from osnet_tf.data.dataset import ReidDataset, Sample, SplitCounts
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.places import find_root, named_images

COUNTS = {
    "train": SplitCounts(9576, 77, None),
    "query": SplitCounts(493, None, None),
    "gallery": SplitCounts(7050, None, None),
}

_FOLDERS = {"train": "train", "query": "query", "gallery": "test"}
_HOW_TO_GET = """\
LTCC is for research only and is never downloaded for you. Get LTCC_ReID from its authors (Qian et
al., ACCV 2020) and lay it out so:
  <data_dir>/ltcc/LTCC_ReID/
    train/   9,576 images, such as 000_1_c11_015833.png: person, clothes, camera, frame
    query/     493 images
    test/    7,050 images"""


def read_ltcc(
    data_dir: str | os.PathLike, *, expected_counts: Mapping[str, SplitCounts] | None = None
) -> ReidDataset:
    """Reads LTCC for its standard setting and checks its counts.

    In `000_1_c11_015833.png` the first field is the person, the second their clothes. The clothes
    are not used: the authors' other setting, cloth-changing, in which gallery images of the query's
    own clothes do not count, is not evaluated here.

    Args:
        data_dir: the directory that holds `ltcc/LTCC_ReID/`, or that folder itself.
        expected_counts: other counts than the dataset's, as for `read_market_layout`.

    Returns:
        A `ReidDataset` of 9,576 training images (77 people), 493 queries and 7,050 gallery images
        (75 people), by twelve cameras. pids are the numbers of the names plus 1.

    Raises:
        DatasetNotFoundError: it, or one of its folders, is not there.
        DatasetLayoutError: a count is wrong, or a file has an unknown name.

    >>> try:
    ...     read_ltcc("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    LTCC was not found. Received: data_dir='no/such/place'
    """
    folders = ("ltcc/LTCC_ReID", "LTCC_ReID", "ltcc")
    root = find_root("LTCC", data_dir, (*folders, "."), tuple(_FOLDERS.values()), _HOW_TO_GET)
    pattern = r"(\d{1,9})_\d{1,9}_c([1-9]\d{0,8})_"
    parts = {
        split: tuple(
            Sample(path, int(name[1]) + 1, int(name[2]) - 1)
            for path, name in named_images(root / folder, pattern, "000_1_c11_015833.png")
        )
        for split, folder in _FOLDERS.items()
    }
    note = "standard setting: images of a query's own clothes count as matches"
    dataset = ReidDataset("ltcc", **parts, notes=(note,))
    check_counts(
        dataset, expected_counts or COUNTS, {part: root / f for part, f in _FOLDERS.items()}
    )
    return dataset
