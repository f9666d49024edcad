"""CUHK01.

Source: Li et al., "Human Reidentification with Transferred Metric Learning", ACCV 2012.
"""

import functools
import os
from collections.abc import Mapping

from osnet_tf.data.dataset import ReidDataset, Sample, SplitCounts
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.numbered_splits import one_or_all, split_of_two_views
from osnet_tf.data.places import find_root, named_images

COUNTS = {
    "train": SplitCounts(1940, 485, 2),
    "query": SplitCounts(972, 486, 1),
    "gallery": SplitCounts(972, 486, 1),
}
NUM_SPLITS = 20

_HOW_TO_GET = """\
CUHK01 is for research only and is never downloaded for you. Get CUHK01.zip from its authors (Li et
al., ACCV 2012) and lay it out so:
  <data_dir>/cuhk01/campus/   3,884 images, such as 0001001.png"""


def read_cuhk01(
    data_dir: str | os.PathLike,
    *,
    variant: str = "",
    expected_counts: Mapping[str, SplitCounts] | None = None,
) -> ReidDataset | list[ReidDataset]:
    """Reads CUHK01, one split of twenty or all, and checks its counts.

    In `0001001.png` the first four digits are the person and the others the image: 1 and 2 are by
    the first camera, 3 and 4 by the second. There is no split of its own: ten times half of the
    people are drawn by a seed, and each half is tested in both directions.

    Args:
        data_dir: the directory that holds `cuhk01/campus/`.
        variant: "0" (the default) to "19"; even ones search the second camera for people of the
            first, odd ones the other way round. "all": a list of the twenty.
        expected_counts: other counts than the dataset's, as for `read_market_layout`.

    Returns:
        A `ReidDataset` of 1,940 training images (485 people), 972 queries and 972 gallery images
        (486 people).

    Raises:
        DatasetNotFoundError: it is not there.
        DatasetLayoutError: a count is wrong, or a file has an unknown name.
        ArgumentError: another variant.

    >>> try:
    ...     read_cuhk01("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    CUHK01 was not found. Received: data_dir='no/such/place'
    """

    @functools.cache
    def everything():
        root = find_root("CUHK01", data_dir, ("cuhk01", "CUHK01", "."), ("campus",), _HOW_TO_GET)
        images = named_images(root / "campus", r"(\d{4})00([1-4])\.", "0001001.png")
        return root, [Sample(path, int(name[1]), (int(name[2]) - 1) // 2) for path, name in images]

    def read(name, number):
        root, samples = everything()
        dataset = split_of_two_views(name, samples, number)
        check_counts(dataset, expected_counts or COUNTS, root / "campus")
        return dataset

    return one_or_all("cuhk01", variant, NUM_SPLITS, read)
