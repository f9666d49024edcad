"""PRID 2011, its single-shot version.

Source: Hirzer et al., "Person Re-Identification by Descriptive and Discriminative Classification",
SCIA 2011.
"""

import functools
import os
from collections.abc import Mapping

from osnet_tf.data.dataset import ReidDataset, Sample, SplitCounts
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.numbered_splits import one_or_all, seeded_half
from osnet_tf.data.places import find_root, named_images

COUNTS = {
    "train": SplitCounts(200, 100, 2),
    "query": SplitCounts(100, 100, 1),
    "gallery": SplitCounts(649, 649, 1),
}
NUM_SPLITS = 10
#: Numbers up to this one are the same person in both views; above, each view has others.
SEEN_TWICE = 200

_CAMERAS = ("cam_a", "cam_b")
_HOW_TO_GET = """\
PRID 2011 is never downloaded for you. Get prid_2011.zip from its authors (Hirzer et al., SCIA 2011)
and lay it out so:
  <data_dir>/prid2011/prid_2011/single_shot/
    cam_a/   385 images, such as person_0001.png
    cam_b/   749 images"""


def read_prid(
    data_dir: str | os.PathLike,
    *,
    variant: str = "",
    expected_counts: Mapping[str, SplitCounts] | None = None,
) -> ReidDataset | list[ReidDataset]:
    """Reads PRID 2011, one split of ten or all, and checks its counts.

    Two cameras saw 200 people both, 185 more by the first and 549 more by the second. Ten times
    100 of the 200 are drawn by a seed to train on; the others are searched for, from the first
    camera among all by the second. Figures are means over the ten.

    Args:
        data_dir: the directory that holds `prid2011/prid_2011/single_shot/`, or that folder itself.
        variant: "0" (the default) to "9"; "all": a list of the ten.
        expected_counts: other counts than the dataset's, as for `read_market_layout`.

    Returns:
        A `ReidDataset` of 200 training images (100 people), 100 queries and 649 gallery images.

    Raises:
        DatasetNotFoundError: it, or a camera's folder, is not there.
        DatasetLayoutError: a count is wrong, or a file has an unknown name.
        ArgumentError: another variant.

    >>> try:
    ...     read_prid("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    PRID 2011 was not found. Received: data_dir='no/such/place'
    """

    @functools.cache
    def everything():
        inner = "prid_2011/single_shot"
        folders = (f"prid2011/{inner}", inner, f"prid/{inner}", "single_shot", ".")
        root = find_root("PRID 2011", data_dir, folders, _CAMERAS, _HOW_TO_GET)
        return root, [
            [
                Sample(path, int(name[1]), camid)
                for path, name in named_images(
                    root / camera, r"person_([0-9]{4})\.", "person_0001.png"
                )
            ]
            for camid, camera in enumerate(_CAMERAS)
        ]

    def read(name, number):
        root, (first, second) = everything()
        trained = seeded_half(range(1, SEEN_TWICE + 1), number)
        dataset = ReidDataset(
            name,
            train=tuple(sample for sample in (*first, *second) if sample.pid in trained),
            query=tuple(s for s in first if s.pid <= SEEN_TWICE and s.pid not in trained),
            gallery=tuple(sample for sample in second if sample.pid not in trained),
            notes=(f"the {len(trained)} people who are trained on were drawn with seed {number}",),
        )
        check_counts(dataset, expected_counts or COUNTS, root)
        return dataset

    return one_or_all("prid", variant, NUM_SPLITS, read)
