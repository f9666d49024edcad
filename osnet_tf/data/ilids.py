"""QMUL i-LIDS.

Source: Zheng et al., "Associating Groups of People", BMVC 2009.
"""

import functools
import os
from collections.abc import Mapping

import numpy as np

from osnet_tf.data.dataset import ReidDataset, Sample, SplitCounts
from osnet_tf.data.file_names import by_person
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.numbered_splits import one_or_all, seeded_half
from osnet_tf.data.places import find_root, named_images

#: Of all images, before they are split; those in `train` are other ones in each split.
TOTAL = SplitCounts(476, 119, 1)
COUNTS = {
    "train": SplitCounts(None, 59, 1),
    "query": SplitCounts(60, 60, 1),
    "gallery": SplitCounts(60, 60, 1),
}
NUM_SPLITS = 10

_HOW_TO_GET = """\
i-LIDS is never downloaded for you. Get i-LIDS_Pedestrian.tgz from its authors (Zheng et al., BMVC
2009) and lay it out so:
  <data_dir>/ilids/i-LIDS_Pedestrian/Persons/   476 images, such as 0001001.jpg"""


def read_ilids(
    data_dir: str | os.PathLike,
    *,
    variant: str = "",
    expected_counts: Mapping[str, SplitCounts] | None = None,
) -> ReidDataset | list[ReidDataset]:
    """Reads QMUL i-LIDS, one split of ten or all, and checks its counts.

    In `0001001.jpg` the first four digits are the person, the others number the images; nobody says
    by which camera. Ten times half of the people are drawn by a seed to train on; of each other
    person two images are drawn, a query and a gallery image. Figures are means over the ten.

    Args:
        data_dir: the directory that holds `ilids/i-LIDS_Pedestrian/Persons/`.
        variant: "0" (the default) to "9"; "all": a list of the ten.
        expected_counts: other counts than the dataset's, as for `read_market_layout`; the total is
            then not checked.

    Returns:
        A `ReidDataset` without cameras: 59 people to train on, 60 queries, 60 gallery images.

    Raises:
        DatasetNotFoundError: it is not there.
        DatasetLayoutError: a count is wrong, or a file has an unknown name.
        ArgumentError: another variant.

    >>> try:
    ...     read_ilids("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    i-LIDS was not found. Received: data_dir='no/such/place'
    """

    @functools.cache
    def everything():
        folders = ("ilids/i-LIDS_Pedestrian", "i-LIDS_Pedestrian", "ilids", ".")
        root = find_root("i-LIDS", data_dir, folders, ("Persons",), _HOW_TO_GET) / "Persons"
        images = named_images(root, r"(\d{4})\d{3}\.", "0001001.jpg")
        samples = tuple(Sample(path, int(name[1]), 0) for path, name in images)
        if not expected_counts:
            none = SplitCounts(0, 0, 0)
            total = {"train": TOTAL, "query": none, "gallery": none}
            check_counts(ReidDataset("ilids", samples, (), ()), total, root)
        return root, samples

    def read(name, number):
        root, samples = everything()
        dataset = _split(name, samples, number)
        check_counts(dataset, expected_counts or COUNTS, root)
        return dataset

    return one_or_all("ilids", variant, NUM_SPLITS, read)


def _split(name, samples, seed):
    trained = seeded_half((sample.pid for sample in samples), seed)
    rng = np.random.default_rng(seed)
    query, gallery = [], []
    for pid, images in by_person(samples).items():
        order = rng.permutation(len(images))
        if pid not in trained and len(images) > 1:
            query.append(images[order[0]])
            gallery.append(images[order[1]])
    return ReidDataset(
        name,
        train=tuple(sample for sample in samples if sample.pid in trained),
        query=tuple(query),
        gallery=tuple(gallery),
        has_cameras=False,
        notes=(f"people to train on, queries and gallery images were drawn with seed {seed}",),
    )
