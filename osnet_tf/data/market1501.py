"""Market-1501 and every dataset that keeps its folders and file names.

Source: Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015.
"""

import os
import re
from collections.abc import Mapping

from osnet_tf.data.dataset import (
    DatasetLayoutError,
    DatasetNotFoundError,
    ReidDataset,
    Sample,
    SplitCounts,
)
from osnet_tf.data.image_files import is_image_name
from osnet_tf.errors import ArgumentError

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
COUNTS = {
    "train": SplitCounts(images=12936, identities=751, cameras=6),
    "query": SplitCounts(images=3368, identities=750, cameras=6),
    "gallery": SplitCounts(images=15913, identities=751, cameras=6),
}
JUNK_PID = -1
DISTRACTOR_PID = 0

_RELEASE = "Market-1501-v15.09.15"
# pid, camera, sequence, frame, box. A few of Market-1501's own files end in ".jpg.jpg".
_FILE_NAME = re.compile(
    r"(-1|\d+)_c([1-9]\d*)s\d+_\d+_\d+(?:\.jpg)?\.[a-z]+", re.IGNORECASE | re.ASCII
)
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
    data_dir = os.fspath(data_dir)
    places = [
        os.path.abspath(os.path.join(data_dir, *parts))
        for parts in [("market1501", _RELEASE), (_RELEASE,), ("market1501",), ()]
    ]
    for root in places:
        if any(os.path.isdir(os.path.join(root, folder)) for folder in FOLDERS.values()):
            return read_market_layout("market1501", root, COUNTS)
    looked_at = "\n".join(f"  {place}" for place in places)
    raise DatasetNotFoundError(
        f"Market-1501 was not found. Received: data_dir={data_dir!r}\n"
        f"Looked for {', '.join(FOLDERS.values())} in:\n{looked_at}\n{_HOW_TO_GET}"
    )


def read_market_layout(
    name: str,
    root: str | os.PathLike,
    expected_counts: Mapping[str, SplitCounts] | None = None,
) -> ReidDataset:
    """Reads a dataset in Market-1501's layout.

    `root` holds `bounding_box_train/`, `query/` and `bounding_box_test/` with files such as
    `0002_c1s1_000451_03.jpg`: pid 2, camera 1 (camid 0). Junk (pid -1) is dropped everywhere,
    distractors (pid 0) everywhere but in the gallery. Hidden files and files that are no image by
    their name (`Thumbs.db`) are ignored.

    Args:
        name: the dataset's name.
        root: the folder that holds the three folders.
        expected_counts: `SplitCounts` (or a tuple of images, identities, cameras) for any of
            "train", "query" and "gallery", after the junk is dropped. `None` checks only that no
            split is empty.

    Returns:
        A `ReidDataset` with absolute paths, each split sorted by path.

    Raises:
        DatasetNotFoundError: one of the three folders is missing.
        DatasetLayoutError: an image has another kind of name, a split is empty, or a count is
            wrong; the message names the folder, the expected and the found number.

    Example:

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     for file in ["bounding_box_train/0002_c1s1_000451_03.jpg",
    ...                  "query/0005_c2s1_000001_00.jpg",
    ...                  "bounding_box_test/0005_c3s1_000001_00.jpg",
    ...                  "bounding_box_test/-1_c3s1_000001_01.jpg"]:
    ...         path = pathlib.Path(root, file)
    ...         path.parent.mkdir(exist_ok=True)
    ...         path.touch()
    ...     dataset = read_market_layout("tiny", root)
    >>> dataset.train[0].pid, dataset.train[0].camid, len(dataset.gallery)
    (2, 0, 1)
    """
    root = os.path.abspath(os.fspath(root))
    expected_counts = dict(expected_counts or {})
    unknown = sorted(expected_counts.keys() - FOLDERS.keys())
    if unknown:
        raise ArgumentError(
            "expected_counts must be given for 'train', 'query' or 'gallery'. "
            f"Received: expected_counts with {', '.join(map(repr, unknown))}"
        )
    missing = [
        folder for folder in FOLDERS.values() if not os.path.isdir(os.path.join(root, folder))
    ]
    if missing:
        raise DatasetNotFoundError(
            f"{name}: the folder {' and '.join(missing)} is missing in {root}, which must hold "
            f"{', '.join(FOLDERS.values())}"
        )
    dataset = ReidDataset(
        name=name,
        train=_read_folder(root, FOLDERS["train"], lowest_pid=1),
        query=_read_folder(root, FOLDERS["query"], lowest_pid=1),
        gallery=_read_folder(root, FOLDERS["gallery"], lowest_pid=DISTRACTOR_PID),
    )
    wrong = []
    for split, found in dataset.counts.items():
        where = f"{os.path.join(root, FOLDERS[split])} ({split})"
        if found.images == 0:
            wrong.append(f"{where}: no usable image (junk is not counted)")
        elif split in expected_counts:
            expected = SplitCounts(*expected_counts[split])
            wrong += [
                f"{where}: expected {want} {what}, found {have}"
                for what, want, have in zip(SplitCounts._fields, expected, found, strict=True)
                if want != have
            ]
    if wrong:
        lines = "\n".join(f"  {line}" for line in wrong)
        raise DatasetLayoutError(
            f"{name} is not complete, or not the release it should be:\n{lines}"
        )
    return dataset


def _read_folder(root: str, folder: str, lowest_pid: int) -> tuple[Sample, ...]:
    """The samples of one folder from `lowest_pid` up, sorted by path."""
    directory = os.path.join(root, folder)
    samples = []
    for file_name in os.listdir(directory):
        if not is_image_name(file_name):
            continue
        path = os.path.join(directory, file_name)
        match = _FILE_NAME.fullmatch(file_name)
        if match is None:
            raise DatasetLayoutError(
                "An image's name must look like 0002_c1s1_000451_03.jpg "
                f"(person 2, camera 1). Received: {path}"
            )
        pid = int(match[1])
        if pid >= lowest_pid:
            samples.append(Sample(path, pid, int(match[2]) - 1))
    return tuple(sorted(samples))
