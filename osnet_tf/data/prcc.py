"""PRCC: people who change their clothes between two of three cameras.

Source: Yang et al., "Person Re-identification by Contour Sketch under Moderate Clothing Change",
TPAMI 2021.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from osnet_tf.checks import check_choice
from osnet_tf.data.dataset import (
    DatasetLayoutError,
    DatasetNotFoundError,
    ReidDataset,
    Sample,
    SplitCounts,
)
from osnet_tf.data.image_files import is_clutter, is_image_name
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.places import find_root, named_images

#: Variant -> the camera whose images are queries, and how many there are.
_QUERIES = {"cross_clothes": ("C", 3873), "same_clothes": ("B", 3543)}
_CAMERAS = "ABC"
_HOW_TO_GET = """\
PRCC is for research only and is never downloaded for you. Get it from its authors (Yang et al.,
TPAMI 2021) and lay it out so:
  <data_dir>/prcc/rgb/
    train/   17,896 images: a folder for each person, files such as A_cropped_rgb001.jpg
    val/      5,002 images of the same people
    test/    10,800 images: A/, B/ and C/, in each a folder for each person"""


def read_prcc(
    data_dir: str | os.PathLike,
    *,
    variant: str = "",
    expected_counts: Mapping[str, SplitCounts] | None = None,
) -> ReidDataset:
    """Reads PRCC and checks its counts.

    Cameras A and B saw people in the same clothes, camera C in others. The gallery is A's images.
    The authors draw one gallery image a person, ten times (`EvaluationConfig(single_shot=10)`);
    others rank the whole gallery.

    Args:
        data_dir: the directory that holds `prcc/rgb/`, or `rgb/`.
        variant: "cross_clothes" (the default), whose queries are C's images, or "same_clothes",
            with B's.
        expected_counts: other counts than the dataset's, as for `read_market_layout`.

    Returns:
        A `ReidDataset` of 17,896 training images (150 people), 3,873 queries (71 people; 3,543 in
        the same clothes) and 3,384 gallery images. Its `val`, 5,002 images of the training people,
        is trained on with `combine_all` only. pids are the folders' numbers plus 1.

    Raises:
        DatasetNotFoundError: it, or one of its folders, is not there.
        DatasetLayoutError: a count is wrong, or a file or folder has an unknown name.
        ArgumentError: another variant.

    >>> try:
    ...     read_prcc("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    PRCC was not found. Received: data_dir='no/such/place'
    """
    check_choice(tuple(_QUERIES), variant=variant or "cross_clothes")
    camera, count = _QUERIES[variant or "cross_clothes"]
    holds = tuple(f"rgb/{part}" for part in ("train", "val", "test"))
    root = find_root("PRCC", data_dir, ("prcc", "PRCC", "."), holds, _HOW_TO_GET) / "rgb"
    dataset = ReidDataset(
        f"prcc:{variant}" if variant else "prcc",
        train=_trained(root / "train"),
        val=_trained(root / "val"),
        query=_tested(root / "test" / camera),
        gallery=_tested(root / "test" / "A"),
        notes=("the authors' Rank-k are with one gallery image a person (single_shot=10)",),
    )
    counts = {
        "train": SplitCounts(17896, 150, 3),
        "val": SplitCounts(5002, 150, None),
        "query": SplitCounts(count, 71, 1),
        "gallery": SplitCounts(3384, 71, 1),
    }
    check_counts(dataset, expected_counts or counts, root)
    return dataset


def _people(folder: Path) -> list[tuple[Path, int]]:
    """The folders of people, sorted, and their pids."""
    if not folder.is_dir():
        raise DatasetNotFoundError(f"The folder {folder} is missing")
    found = []
    for place in sorted(folder.iterdir()):
        if is_clutter(place.name) or not place.is_dir():
            continue
        if not (place.name.isascii() and place.name.isdigit() and len(place.name) < 10):
            raise DatasetLayoutError(
                f"A person's folder must be named by a number, such as 001. Received: {place}"
            )
        found.append((place, int(place.name) + 1))
    return found


def _trained(folder: Path) -> tuple[Sample, ...]:
    return tuple(
        Sample(path, pid, _CAMERAS.index(name[1]))
        for place, pid in _people(folder)
        for path, name in named_images(place, r"([ABC])", "A_cropped_rgb001.jpg")
    )


def _tested(folder: Path) -> tuple[Sample, ...]:
    camid = _CAMERAS.index(folder.name)
    return tuple(
        Sample(str(place / name), pid, camid)
        for place, pid in _people(folder)
        for name in sorted(filter(is_image_name, os.listdir(place)))
    )
