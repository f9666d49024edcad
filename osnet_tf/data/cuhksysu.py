"""CUHK-SYSU's people, cut out, to train on.

Source: Xiao et al., "End-to-End Deep Learning for Person Search", 2016.
"""

import os
from collections.abc import Mapping

from osnet_tf.data.dataset import ReidDataset, Sample, SplitCounts
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.places import find_root, named_images

COUNTS = {
    "train": SplitCounts(34574, 11934, 1),
    "query": SplitCounts(0, 0, 0),
    "gallery": SplitCounts(0, 0, 0),
}

_HOW_TO_GET = """\
CUHK-SYSU is for research only and is never downloaded for you. Get it from its authors (Xiao et
al.); it is a dataset of person search, and what is read here are the people cut out of its scenes:
  <data_dir>/cuhksysu/cropped_images/   34,574 images, such as p11422_s16929_1.jpg"""


def read_cuhksysu(
    data_dir: str | os.PathLike, *, expected_counts: Mapping[str, SplitCounts] | None = None
) -> ReidDataset:
    """Reads the cut-out people of CUHK-SYSU and checks their counts.

    In `p11422_s16929_1.jpg`, p11422 is the person and s16929 the scene; there are no cameras, and
    no queries.

    Args:
        data_dir: the directory that holds `cuhksysu/cropped_images/`.
        expected_counts: other counts than the dataset's, as for `read_market_layout`.

    Returns:
        A `ReidDataset` without cameras of 34,574 training images of 11,934 people; query and
        gallery are empty. pids are the numbers of the names plus 1.

    Raises:
        DatasetNotFoundError: it is not there.
        DatasetLayoutError: a count is wrong, or a file has an unknown name.

    >>> try:
    ...     read_cuhksysu("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    CUHK-SYSU was not found. Received: data_dir='no/such/place'
    """
    folders = ("cuhksysu", "CUHK-SYSU", ".")
    root = find_root("CUHK-SYSU", data_dir, folders, ("cropped_images",), _HOW_TO_GET)
    images = named_images(root / "cropped_images", r"p(\d{1,9})_s\d+_\d+\.", "p11422_s16929_1.jpg")
    train = tuple(Sample(path, int(name[1]) + 1, 0) for path, name in images)
    dataset = ReidDataset("cuhksysu", train, (), (), has_cameras=False)
    check_counts(dataset, expected_counts or COUNTS, root / "cropped_images")
    return dataset
