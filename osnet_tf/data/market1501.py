"""Market-1501.

Source: Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015.
"""

import os

from osnet_tf.data.dataset import ReidDataset, SplitCounts
from osnet_tf.data.layouts import FOLDERS, read_market_layout
from osnet_tf.data.places import find_root

COUNTS = {
    "train": SplitCounts(images=12936, identities=751, cameras=6),
    "query": SplitCounts(images=3368, identities=750, cameras=6),
    "gallery": SplitCounts(images=15913, identities=751, cameras=6),
}

_RELEASE = "Market-1501-v15.09.15"
_HOW_TO_GET = f"""\
Market-1501 is for research only and is never downloaded for you. Get {_RELEASE}.zip from its
authors (Zheng et al., ICCV 2015): https://zheng-lab.cecs.anu.edu.au/Project/project_reid.html
and unpack it so that the folders lie like this:
  <data_dir>/market1501/{_RELEASE}/
    bounding_box_train/   12,936 images
    query/                 3,368 images
    bounding_box_test/    19,732 images"""


def read_market1501(data_dir: str | os.PathLike) -> ReidDataset:
    """Reads Market-1501 and checks its counts.

    Junk (pid -1) is dropped, distractors (pid 0) stay in the gallery, camid starts at 0.

    Args:
        data_dir: the directory that holds `market1501/Market-1501-v15.09.15/`, or
            `Market-1501-v15.09.15/`, or that folder itself.

    Returns:
        A `ReidDataset` of 12,936 training images (751 people), 3,368 queries (750 people) and
        15,913 gallery images (the same people and the distractors), from six cameras.

    Raises:
        DatasetNotFoundError: it is not there, or one of its folders is missing.
        DatasetLayoutError: a count is wrong or a file has an unknown name.

    Example:

    >>> try:
    ...     read_market1501("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    Market-1501 was not found. Received: data_dir='no/such/place'
    """
    folders = (f"market1501/{_RELEASE}", _RELEASE, "market1501", ".")
    root = find_root("Market-1501", data_dir, folders, tuple(FOLDERS.values()), _HOW_TO_GET)
    return read_market_layout("market1501", root, COUNTS)
