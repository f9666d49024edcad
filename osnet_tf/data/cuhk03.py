"""CUHK03, by the new protocol (767/700) and the twenty classic splits.

Sources: Li et al., "DeepReID: Deep Filter Pairing Neural Network for Person Re-identification",
CVPR 2014 (the images, the classic splits); Zhong et al., "Re-ranking Person Re-identification with
k-reciprocal Encoding", CVPR 2017 (the new protocol).
"""

import functools
import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from osnet_tf.checks import check_choice
from osnet_tf.data.cuhk03_mat import NUM_CLASSIC_SPLITS, extract_images, read_test_sets
from osnet_tf.data.dataset import DatasetLayoutError, ReidDataset, Sample, SplitCounts
from osnet_tf.data.image_files import is_image_name
from osnet_tf.data.layouts import check_counts
from osnet_tf.data.mat_files import read_mat, whole_numbers
from osnet_tf.data.numbered_splits import one_or_all
from osnet_tf.data.places import find_root
from osnet_tf.errors import FileError

COUNTS = {
    "detected": {
        "train": SplitCounts(7365, 767, 2),
        "query": SplitCounts(1400, 700, 2),
        "gallery": SplitCounts(5332, 700, 2),
    },
    "labelled": {
        "train": SplitCounts(7368, 767, 2),
        "query": SplitCounts(1400, 700, 2),
        "gallery": SplitCounts(5328, 700, 2),
    },
}
CLASSIC_COUNTS = {
    "train": SplitCounts(None, 1367, 2),
    "query": SplitCounts(None, 100, 2),
    "gallery": SplitCounts(None, 100, 2),
}

# The files' own spelling
_LABELS = {"detected": "detected", "labelled": "labeled"}
_MATS = ("cuhk03_release/cuhk-03.mat", "cuhk-03.mat")
_PARTS = ("train", "query", "gallery")
#: Camera pair, person of this pair, view, image.
_NAME = re.compile(r"([1-5])_(\d{3})_([12])_\d{2}", re.ASCII)

_HOW_TO_GET = """\
CUHK03 is for research only and is never downloaded for you. Get cuhk03_release.zip from its authors
(Li et al., CVPR 2014), and the files of the new protocol from Zhong et al. (CVPR 2017), and lay
them out like this:
  <data_dir>/cuhk03/
    cuhk03_release/cuhk-03.mat                  its images are extracted once, or
    images_detected/, images_labeled/           already extracted: 1_001_1_01.png, or .jpg
    cuhk03_new_protocol_config_detected.mat     here or in <data_dir>/splits/cuhk03/
    cuhk03_new_protocol_config_labeled.mat"""


def read_cuhk03(
    data_dir: str | os.PathLike,
    *,
    variant: str = "",
    expected_counts: Mapping[str, SplitCounts] | None = None,
) -> ReidDataset | list[ReidDataset]:
    """Reads CUHK03 and checks its counts.

    On the first use of `cuhk-03.mat` its images are written beside `cuhk03_release` as PNG, in
    `images_detected/` or `images_labeled/`; where these folders are, with .png or .jpg images, the
    `.mat` is not needed for the new protocol. Cameras are the two views of a camera pair.

    Args:
        data_dir: the directory that holds `cuhk03/`, or that folder itself.
        variant: "detected" (the default; people as a detector cut them out) or "labelled" (by
            hand): the new protocol of 767 people to train on and 700 others.
            "detected-0" ... "detected-19", "labelled-0" ... "labelled-19": the classic splits of
            1,367 and 100 people, in which query and gallery are all images of these 100, to be
            evaluated with one gallery image a person (`EvaluationConfig(single_shot=100)`).
            "detected-all" or "labelled-all": a list of the twenty.
        expected_counts: other counts than CUHK03's, as for `read_market_layout`.

    Returns:
        A `ReidDataset`: detected 7,365 training images, 1,400 queries, 5,332 gallery images;
        labelled 7,368, 1,400 and 5,328. pids are 1 to 1467, as in the protocol files.

    Raises:
        DatasetNotFoundError: images or the protocol file are not there.
        DatasetLayoutError: a count is wrong, or an image of the protocol is missing.
        FileError: a `.mat` file is damaged.
        ArgumentError: another variant.
        InUseError, WriteError: as `osnet_tf.data.cuhk03_mat.extract_images`.

    Example:

    >>> try:
    ...     read_cuhk03("no/such/place")
    ... except FileNotFoundError as error:
    ...     print(str(error).splitlines()[0])
    CUHK03 was not found. Received: data_dir='no/such/place'
    """
    asked = re.fullmatch(r"(detected|labelled)(?:-(\d+|all))?", variant or "detected", re.ASCII)
    if not asked:
        choices = (
            "detected",
            "labelled",
            "detected-0",
            "labelled-0",
            "detected-all",
            "labelled-all",
        )
        check_choice(choices, variant=variant)
    boxes, split = asked.groups()
    if split is None:
        name = f"cuhk03:{variant}" if variant else "cuhk03"
        return _new_protocol(name, data_dir, boxes, expected_counts or COUNTS[boxes])

    @functools.cache
    def everything():
        return _all_samples(data_dir, boxes), read_test_sets(_mat_of(data_dir))

    def read(name, number):
        (samples, folder), tests = everything()
        return _classic(name, samples, tests[number], folder, expected_counts or CLASSIC_COUNTS)

    return one_or_all(f"cuhk03:{boxes}", split, NUM_CLASSIC_SPLITS, read, separator="-")


def _new_protocol(name, data_dir, boxes, expected_counts):
    folder = _images(data_dir, boxes)
    file = f"cuhk03_new_protocol_config_{_LABELS[boxes]}.mat"
    places = ("cuhk03", "cuhk03/cuhk03_release", "splits/cuhk03", ".", "cuhk03_release")
    path = find_root(f"{file} of CUHK03", data_dir, places, (file,), _HOW_TO_GET) / file
    files = _by_stem(folder)
    samples, parts = _read_protocol(path)
    missing = [stem for stem, *_ in samples if stem not in files]
    if missing:
        raise DatasetLayoutError(
            f"{path} names {len(missing)} images that are not in {folder}, such as {missing[0]}"
        )
    samples = [Sample(files[stem], pid, camid) for stem, pid, camid in samples]
    parts = {
        part: tuple(sorted(samples[index - 1] for index in indices))
        for part, indices in parts.items()
    }
    dataset = ReidDataset(name, **parts, people_of="cuhk03")
    check_counts(dataset, expected_counts, f"{folder} with {path.name}")
    if dataset.people_in_both:
        raise FileError(path, f"has people in train and test, such as {dataset.people_in_both[0]}")
    return dataset


def _read_protocol(path):
    """((stem, pid, camid) of each image, part -> indices from 1)."""
    found = read_mat(path, ("filelist", "labels", "camId", *(f"{part}_idx" for part in _PARTS)))
    try:
        stems = [os.path.splitext(str(name))[0] for name in np.ravel(found["filelist"])]
        pids = whole_numbers(found["labels"], path, "labels", 1, 10**6)
        views = whole_numbers(found["camId"], path, "camId", 1, 2)
        parts = {
            part: whole_numbers(found[f"{part}_idx"], path, f"{part}_idx", 1, len(stems))
            for part in _PARTS
        }
    except KeyError as error:
        raise FileError(path, f"has no {error}: it is not CUHK03's new protocol") from None
    odd = [stem for stem in stems if not _NAME.fullmatch(stem)]
    if odd or not len(stems) == len(pids) == len(views):
        raise FileError(path, "must have a name such as 1_001_1_01.png, a label and a camId for "
                              f"each image{f'. Received: {odd[0]!r}' if odd else ''}")  # fmt: skip
    return [(s, p, v - 1) for s, p, v in zip(stems, pids, views, strict=True)], parts


def _classic(name, samples, test_set, folder, expected_counts):
    train = tuple(sample for person, sample in samples if person not in test_set)
    test = tuple(sample for person, sample in samples if person in test_set)
    note = "classic split: report Rank-k with one gallery image a person (single_shot=100)"
    dataset = ReidDataset(name, train, test, test, notes=(note,), people_of="cuhk03")
    check_counts(dataset, expected_counts, folder)
    return dataset


def _all_samples(data_dir, boxes):
    """(((camera pair, person), Sample) of each image, sorted by path; the folder)."""
    folder = _images(data_dir, boxes)
    found = sorted((path, _NAME.fullmatch(stem)) for stem, path in _by_stem(folder).items())
    people = sorted({(int(name[1]), int(name[2])) for _, name in found})
    pids = {person: pid for pid, person in enumerate(people, 1)}
    samples = []
    for path, name in found:
        person = int(name[1]), int(name[2])
        samples.append((person, Sample(path, pids[person], int(name[3]) - 1)))
    return samples, folder


def _images(data_dir, boxes) -> Path:
    """The folder of the images, which are extracted if need be."""
    name = f"images_{_LABELS[boxes]}"
    root = find_root("CUHK03", data_dir, ("cuhk03", "."), (name, *_MATS), _HOW_TO_GET)
    if not (root / name).is_dir():
        extract_images(_mat_of(data_dir), _LABELS[boxes], root / name)
    return root / name


def _mat_of(data_dir) -> Path:
    places = tuple(os.path.dirname(f"{root}/{mat}") for root in ("cuhk03", ".") for mat in _MATS)
    return find_root("cuhk-03.mat", data_dir, places, ("cuhk-03.mat",), _HOW_TO_GET) / "cuhk-03.mat"


def _by_stem(folder):
    """Name without suffix -> path, of the files that are named as CUHK03's images."""
    found = {}
    for file in sorted(os.listdir(folder)):
        stem = os.path.splitext(file)[0]
        if is_image_name(file) and _NAME.fullmatch(stem):
            if stem in found:
                raise DatasetLayoutError(f"{folder} holds {stem} twice, as {file} as well")
            found[stem] = str(folder / file)
    return found
