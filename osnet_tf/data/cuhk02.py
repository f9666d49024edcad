"""CUHK02.

Source: Li and Wang, "Locally Aligned Feature Transforms across Views", CVPR 2013.
"""

import os
from collections.abc import Mapping

from osnet_tf.data.dataset import ReidDataset, Sample, SplitCounts
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.places import find_root, named_images

COUNTS = {
    "train": SplitCounts(6308, 1577, 8),
    "query": SplitCounts(478, 239, 1),
    "gallery": SplitCounts(478, 239, 1),
}

_PAIRS = ("P1", "P2", "P3", "P4", "P5")
_TESTED = "P5"
_HOW_TO_GET = """\
CUHK02 is for research only and is never downloaded for you. Get it from its authors (Li and Wang,
CVPR 2013) and lay it out so:
  <data_dir>/cuhk02/Dataset/
    P1/cam1/, P1/cam2/, ... P5/cam2/   7,264 images; a name begins with its person and _"""


def read_cuhk02(
    data_dir: str | os.PathLike, *, expected_counts: Mapping[str, SplitCounts] | None = None
) -> ReidDataset:
    """Reads CUHK02 and checks its counts.

    Five pairs of cameras saw 971, 306, 107, 193 and 239 people, of whom there are two images by
    each camera. The first four pairs are trained on; of the fifth, `cam1` is query and `cam2`
    gallery. The people of the first pair are those of CUHK01.

    Args:
        data_dir: the directory that holds `cuhk02/Dataset/`, or that folder itself.
        expected_counts: other counts than the dataset's, as for `read_market_layout`.

    Returns:
        A `ReidDataset` of 6,308 training images (1,577 people), 478 queries and 478 gallery images
        (239 people). Each pair's people are numbered on from the pair before; camid 0 is P1's cam1,
        9 is P5's cam2.

    Raises:
        DatasetNotFoundError: it, or a camera's folder, is not there.
        DatasetLayoutError: a count is wrong, or a file has an unknown name.

    >>> try:
    ...     read_cuhk02("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    CUHK02 was not found. Received: data_dir='no/such/place'
    """
    folders = ("cuhk02/Dataset", "cuhk02", "CUHK02", ".")
    root = find_root("CUHK02", data_dir, folders, _PAIRS, _HOW_TO_GET)
    found = []  # (pair, person), path, camid
    for pair, folder in enumerate(_PAIRS):
        for view in (0, 1):
            images = named_images(root / folder / f"cam{view + 1}", r"(\d{1,9})_", "001_....png")
            found += [((pair, int(name[1])), path, 2 * pair + view) for path, name in images]
    pids = {person: pid for pid, person in enumerate(sorted({one[0] for one in found}), 1)}
    parts = {"train": [], "query": [], "gallery": []}
    for person, path, camid in found:
        split = "train"
        if _PAIRS[person[0]] == _TESTED:
            split = ("query", "gallery")[camid % 2]
        parts[split].append(Sample(path, pids[person], camid))
    dataset = ReidDataset("cuhk02", **{split: tuple(sorted(some)) for split, some in parts.items()})
    check_counts(dataset, expected_counts or COUNTS, root)
    return dataset
