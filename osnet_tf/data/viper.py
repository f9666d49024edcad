"""VIPeR.

Source: Gray et al., "Evaluating Appearance Models for Recognition, Reacquisition, and Tracking",
PETS 2007.
"""

import functools
import os
from collections.abc import Mapping

from osnet_tf.data.dataset import ReidDataset, Sample, SplitCounts
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.numbered_splits import one_or_all, split_of_two_views
from osnet_tf.data.places import find_root, named_images

COUNTS = {
    "train": SplitCounts(632, 316, 2),
    "query": SplitCounts(316, 316, 1),
    "gallery": SplitCounts(316, 316, 1),
}
NUM_SPLITS = 20

_CAMERAS = ("cam_a", "cam_b")
_HOW_TO_GET = """\
VIPeR is never downloaded for you. Get VIPeR.v1.0.zip from its authors (Gray et al., PETS 2007) and
lay it out so:
  <data_dir>/viper/VIPeR/
    cam_a/   632 images, such as 001_45.bmp
    cam_b/   632 images"""


def read_viper(
    data_dir: str | os.PathLike,
    *,
    variant: str = "",
    expected_counts: Mapping[str, SplitCounts] | None = None,
) -> ReidDataset | list[ReidDataset]:
    """Reads VIPeR, one split of twenty or all, and checks its counts.

    It has no split of its own: ten times half of the people are drawn by a seed, and each half is
    tested in both directions. Figures are means over all twenty. The splits 2k and 2k + 1 have the
    same people in `train`: one model is for both.

    Args:
        data_dir: the directory that holds `viper/VIPeR/`, or that folder itself.
        variant: "0" (the default) to "19"; even ones search cam_b for people of cam_a, odd ones
            the other way round. "all": a list of the twenty.
        expected_counts: other counts than the dataset's, as for `read_market_layout`.

    Returns:
        A `ReidDataset` of 632 training images (316 people), 316 queries and 316 gallery images.
        pids are the numbers that the names start with, plus 1; camid 0 is cam_a.

    Raises:
        DatasetNotFoundError: it, or a camera's folder, is not there.
        DatasetLayoutError: a count is wrong, or a file has an unknown name.
        ArgumentError: another variant.

    >>> try:
    ...     read_viper("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    VIPeR was not found. Received: data_dir='no/such/place'
    """

    @functools.cache
    def everything():
        folders = ("viper/VIPeR", "VIPeR", "viper", ".")
        root = find_root("VIPeR", data_dir, folders, _CAMERAS, _HOW_TO_GET)
        return root, [
            Sample(path, int(name[1]) + 1, camid)
            for camid, camera in enumerate(_CAMERAS)
            for path, name in named_images(root / camera, r"(\d{1,9})_", "001_45.bmp")
        ]

    def read(name, number):
        root, samples = everything()
        dataset = split_of_two_views(name, samples, number)
        check_counts(dataset, expected_counts or COUNTS, root)
        return dataset

    return one_or_all("viper", variant, NUM_SPLITS, read)
