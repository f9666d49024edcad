"""QMUL underGround Re-IDentification (GRID).

Source: Loy et al., "Multi-camera Activity Correlation Analysis", CVPR 2009.
"""

import functools
import os
from collections.abc import Mapping

import numpy as np

from osnet_tf.data.dataset import ReidDataset, Sample, SplitCounts
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.mat_files import read_mat, whole_numbers
from osnet_tf.data.numbered_splits import one_or_all
from osnet_tf.data.places import find_root, named_images
from osnet_tf.errors import FileError

COUNTS = {
    "train": SplitCounts(250, 125, None),
    "query": SplitCounts(125, 125, None),
    "gallery": SplitCounts(900, 126, None),
}
NUM_SPLITS = 10

_PARTITIONS = "features_and_partitions.mat"
_HOW_TO_GET = f"""\
GRID is never downloaded for you. Get underground_reid.zip from its authors (Loy et al., CVPR 2009)
and lay it out so:
  <data_dir>/grid/underground_reid/
    probe/      250 images, such as 0001_1_25004_107_32_106_221.jpeg
    gallery/  1,025 images, of which 775 are distractors, 0000_...
    {_PARTITIONS}"""


def read_grid(
    data_dir: str | os.PathLike,
    *,
    variant: str = "",
    expected_counts: Mapping[str, SplitCounts] | None = None,
) -> ReidDataset | list[ReidDataset]:
    """Reads GRID, one of its ten partitions or all, and checks its counts.

    A name's first field is the person, the second the camera. Figures are means over the ten.

    Args:
        data_dir: the directory that holds `grid/underground_reid/`, or that folder itself.
        variant: "0" (the default) to "9", a partition; "all": a list of the ten.
        expected_counts: other counts than the dataset's, as for `read_market_layout`.

    Returns:
        A `ReidDataset` of 250 training images (125 people), 125 queries (the other 125 people) and
        900 gallery images: theirs, and 775 distractors (pid 0), by eight cameras in all.

    Raises:
        DatasetNotFoundError: it, or one of its folders, is not there.
        DatasetLayoutError: a count is wrong, or a file has an unknown name.
        FileError: the file of partitions is damaged.
        ArgumentError: another variant.

    >>> try:
    ...     read_grid("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    GRID was not found. Received: data_dir='no/such/place'
    """

    @functools.cache
    def everything():
        folders = ("grid/underground_reid", "underground_reid", "grid", ".")
        root = find_root("GRID", data_dir, folders, (_PARTITIONS,), _HOW_TO_GET)
        probe, gallery = (
            [
                Sample(path, int(name[1]), int(name[2]) - 1)
                for path, name in named_images(
                    root / folder, r"(\d{1,9})_([1-9]\d{0,8})_", "0001_1_25004_107_32_106_221.jpeg"
                )
            ]
            for folder in ("probe", "gallery")
        )
        return root, probe, gallery, _partitions(root / _PARTITIONS)

    def read(name, number):
        root, probe, gallery, partitions = everything()
        trained = partitions[number]
        dataset = ReidDataset(
            name,
            train=tuple(sorted(s for s in (*probe, *gallery) if s.pid in trained)),
            query=tuple(sample for sample in probe if sample.pid not in trained),
            gallery=tuple(sample for sample in gallery if sample.pid not in trained),
        )
        check_counts(dataset, expected_counts or COUNTS, root)
        return dataset

    return one_or_all("grid", variant, NUM_SPLITS, read)


def _partitions(path):
    """The training people of each partition: the third field of each struct of trainIdxAll."""
    found = np.ravel(read_mat(path, ("trainIdxAll",)).get("trainIdxAll", ()))
    fields = [getattr(one, "_fieldnames", ()) for one in found]
    if len(found) != NUM_SPLITS or any(len(names) < 3 for names in fields):
        raise FileError(path, f"must hold trainIdxAll, {NUM_SPLITS} structs of three fields")
    return [
        set(whole_numbers(getattr(one, names[2]), path, f"trainIdxAll{{{n}}}.{names[2]}", 1, 10**6))
        for n, (one, names) in enumerate(zip(found, fields, strict=True), 1)
    ]
