"""ImageNet-1k: a folder per class, or validation images in one folder and the official devkit.

Source: Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge", arXiv 1409.0575,
and the readme of ILSVRC2012_devkit_t12.
"""

import os
import re
from pathlib import Path

from osnet_tf.data.classes import ClassDataset, ClassSample, class_folders, class_samples
from osnet_tf.data.dataset import DatasetLayoutError
from osnet_tf.data.mat_files import read_mat
from osnet_tf.data.places import find_root, named_images
from osnet_tf.files import check_regular_file

_CLASSES, _TRAIN, _VAL = 1000, 1_281_167, 50_000
_PLACES = ("imagenet", "ILSVRC2012", "ILSVRC/Data/CLS-LOC", ".")
_DEVKIT = "ILSVRC2012_devkit_t12/data"
_TRUTH, _META = "ILSVRC2012_validation_ground_truth.txt", "meta.mat"


def read_imagenet(data_dir: str | os.PathLike) -> ClassDataset:
    """Reads ImageNet-1k (ILSVRC2012); the validation images are its test images.

    `data_dir` (or `imagenet`, `ILSVRC2012`, `ILSVRC/Data/CLS-LOC` in it) holds `val` and, unless it
    is only evaluated on, `train`: `train/n01440764/*.JPEG` and so on. `val` is laid out the same
    way, or holds the images as released, `ILSVRC2012_val_00000001.JPEG` to 00050000; then
    `ILSVRC2012_devkit_t12/data` beside it says their classes. Labels are in the order of the sorted
    names of the classes ("n01440764" is 0), as in the public weights.

    Raises:
        DatasetNotFoundError: `val`, or the devkit that it needs, is not there.
        DatasetLayoutError: there are not 1,000 classes, 50,000 validation images and 1,281,167
            training images, or the devkit is not the official one.
        FileError: a file of the devkit is damaged.
    """
    root = find_root("ImageNet", data_dir, _PLACES, ("val",))
    train, val = root / "train", root / "val"
    folders = class_folders(val)
    if folders:
        classes, test = tuple(folders), class_samples(val, folders)
    else:
        classes, test = _read_flat(val, data_dir)
    learnt = ()
    if train.is_dir():
        if class_folders(train) != list(classes):
            raise DatasetLayoutError(f"{train} and {val} must be of the same classes")
        learnt = class_samples(train, classes)
    _check_count(classes, _CLASSES, "classes", val)
    _check_count(test, _VAL, "images", val)
    if learnt:
        _check_count(learnt, _TRAIN, "images", train)
    return ClassDataset("imagenet", classes, learnt, test)


def _check_count(found, expected, what, folder):
    if len(found) != expected:
        raise DatasetLayoutError(
            f"{folder} must hold {expected:,} {what}. Received: {len(found):,}. A part of ImageNet "
            "is read as one's own classes: --dataset=classes"
        )


def _read_flat(val, data_dir):
    """(classes, samples) of validation images in one folder, by the devkit."""
    places = [os.path.relpath(val.parent / _DEVKIT, data_dir), _DEVKIT]
    devkit = find_root("ImageNet's devkit", data_dir, places, (_TRUTH,))
    wnid_of = _wnids(devkit / _META)
    truth = _truth(devkit / _TRUTH, wnid_of)
    classes = tuple(sorted(wnid_of.values()))
    label_of = {wnid: label for label, wnid in enumerate(classes)}
    samples = []
    for path, match in named_images(
        val, r"ILSVRC2012_val_(\d{8})\.", "ILSVRC2012_val_00000001.JPEG"
    ):
        number = int(match[1])
        if not 1 <= number <= len(truth):
            raise DatasetLayoutError(f"{path} is not among the {len(truth)} of {_TRUTH}")
        samples.append(ClassSample(path, label_of[wnid_of[truth[number - 1]]]))
    return classes, tuple(samples)


def _wnids(path):
    """The devkit's number of a class -> its name in WordNet, of the classes without children."""
    found = read_mat(path, ("synsets",)).get("synsets")
    try:
        wnids = {
            int(one.ILSVRC2012_ID): str(one.WNID) for one in found if int(one.num_children) == 0
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise DatasetLayoutError(f"{path} is not the devkit's: {error}") from None
    if not wnids or not all(re.fullmatch(r"n\d{8}", wnid) for wnid in wnids.values()):
        raise DatasetLayoutError(f"{path} must name classes as n01440764")
    return wnids


def _truth(path, wnid_of):
    """The devkit's number of the class of each validation image."""
    check_regular_file(path)
    lines = Path(path).read_text("ascii", "replace").split()
    wrong = [line for line in lines if not line.isdigit() or int(line) not in wnid_of]
    if wrong:
        raise DatasetLayoutError(f"{path} must hold a class on each line. Received: {wrong[0]!r}")
    return [int(line) for line in lines]
