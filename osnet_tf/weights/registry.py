"""The public OSNet checkpoints by name, and where their files are found.

No file comes with this project. A name such as "imagenet" stands for a file that lies in a folder
of `OSNET_TF_WEIGHTS` or is downloaded on request, once its checksum is known here.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from osnet_tf.errors import ArgumentError, NotFoundError
from osnet_tf.presets import get_preset
from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.hub import find_preset, is_hub_address

#: Environment variable: folders that are looked in first, separated as in PATH.
FOLDERS_VARIABLE = "OSNET_TF_WEIGHTS"


class PretrainedWeights(NamedTuple):
    """One public checkpoint.

    Attributes:
        name: what users ask for, such as "imagenet"; unique for a preset.
        preset: the architecture, a name in `osnet_tf.presets.PRESETS`.
        file: name of the file, in this project's spelling.
        sha256: the file's, in hexadecimal; None where nobody of this project has had the file in
            hands. Such a file is never downloaded.
        source: URL that gives the file.
        licence: that of the repository that publishes it. The images it was trained on have terms
            of their own, for Market-1501 and ImageNet research only.
        trained_on: the data, the last step's last.
        evaluated_on: the test set that the figures are of; None where there are none.
        distance: the distance they were taken with, "euclidean" or "cosine"; or None.
        rank1: published Rank-1, a fraction in [0, 1], at 256x128 without re-ranking; or None.
        mAP: published mAP, likewise.

    Source: the model zoo of the public code, docs/MODEL_ZOO.md of
    https://github.com/KaiyangZhou/deep-person-reid.

    Example:

    >>> entry = PRETRAINED["osnet_x1_0", "market1501"]
    >>> entry.file, entry.rank1, entry.mAP
    ('osnet_x1_0_market1501.pth', 0.942, 0.826)
    """

    name: str
    preset: str
    file: str
    sha256: str | None
    source: str
    licence: str
    trained_on: str
    evaluated_on: str | None = None
    distance: str | None = None
    rank1: float | None = None
    mAP: float | None = None


# Only of files that were checked byte for byte.
_SHA256 = {
    "osnet_x0_25_imagenet.pth": "f54941a66bad4ddd07f2907f498c810ce639ce7a1abeaf2a151f8da118d84693",
    "osnet_x0_25_market1501.pth": (
        "c0ff09177a21417a19bc73bbf5af4eb5d2b097c2074ed35e67819ee6cd93612c"
    ),
}

# Google Drive's names of the files.
_IMAGENET = {
    "osnet_x1_0": "1LaG1EJpHrxdAxKnSCJ_i0u-nbxSAeiFY",
    "osnet_x0_75": "1uwA9fElHOk3ZogwbeY5GkLI6QPTX70Hq",
    "osnet_x0_5": "16DGLbZukvVYgINws8u8deSaOqjybZ83i",
    "osnet_x0_25": "1rb8UN5ZzPKRc_xvtHlyDh-cSz88YX9hs",
    "osnet_ibn_x1_0": "1sr90V6irlYYDd4_4ISU2iruoRG8J__6l",
    "osnet_ain_x1_0": "1-CaioD9NaqbHK_kzSMW8VE4_3KcsRjEo",
    "osnet_ain_x0_75": "1apy0hpsMypqstfencdH-jKIUEFOW4xoM",
    "osnet_ain_x0_5": "1KusKvEYyKGDTUBVRxRiz55G31wkihB6l",
    "osnet_ain_x0_25": "1SxQt2AvmEcgWNhaRb2xC4rP6ZwVDP0Wt",
}
# ... and the published figures: IBN and AIN were made, and measured, to work on other people.
_MARKET, _DUKE = "Market-1501", "DukeMTMC-reID"
_MARKET1501 = {
    "osnet_x1_0": ("1vduhq5DpN2q1g4fYEZfPI17MJeh9qyrA", _MARKET, "euclidean", 0.942, 0.826),
    "osnet_x0_75": ("1ozRaDSQw_EQ8_93OUmjDbvLXw9TnfPer", _MARKET, "euclidean", 0.937, 0.812),
    "osnet_x0_5": ("1PLB9rgqrUM7blWrg4QlprCuPT7ILYGKT", _MARKET, "euclidean", 0.925, 0.798),
    "osnet_x0_25": ("1z1UghYvOTtjx7kEoRfmqSMu-z62J6MAj", _MARKET, "euclidean", 0.912, 0.750),
    "osnet_ibn_x1_0": ("1uWW7_z_IcUmRNPqQOrEBdsvic94fWH37", _DUKE, "euclidean", 0.485, 0.267),
    "osnet_ain_x1_0": ("14bNFGm0FhwHEkEpYKqKiDWjLNhXywFAd", _DUKE, "cosine", 0.524, 0.305),
}


def _entry(name, preset, drive_id, trained_on, *figures):
    file = f"{preset}_{name}.pth"
    source = f"https://drive.google.com/uc?export=download&id={drive_id}"
    return PretrainedWeights(
        name, preset, file, _SHA256.get(file), source, "MIT", trained_on, *figures
    )


def _entries():
    for preset, drive_id in _IMAGENET.items():
        yield _entry("imagenet", preset, drive_id, "ImageNet-1k")
    for preset, (drive_id, *figures) in _MARKET1501.items():
        trained_on = "ImageNet-1k, Market-1501 train"
        yield _entry("market1501", preset, drive_id, trained_on, *figures)


#: `{(preset, name): PretrainedWeights}` of every checkpoint that is known by name.
PRETRAINED = {(entry.preset, entry.name): entry for entry in _entries()}


def find_entry(name: str | os.PathLike) -> PretrainedWeights | None:
    """The entry of a whole name, architecture and weights; None if there is none of that name.

    >>> find_entry("osnet_x0_25_market1501").trained_on
    'ImageNet-1k, Market-1501 train'
    """
    for entry in PRETRAINED.values():
        if name == f"{entry.preset}_{entry.name}":
            return entry
    return None


def is_remote(source: str | os.PathLike) -> bool:
    """Whether this is a whole name of `PRETRAINED` or an address of the hub, and no path.

    >>> is_remote("osnet_x0_25_imagenet"), is_remote("hf://a/b"), is_remote("a/b")
    (True, True, False)
    """
    return is_hub_address(source) or find_entry(source) is not None


def resolve_weights(preset: str, weights: str | os.PathLike) -> str:
    """Finds the file of weights that were given by name or by path.

    A str without a folder and without a suffix is a name, and stands for an entry of `PRETRAINED`.
    Its file is looked for in the folders of the environment variable `OSNET_TF_WEIGHTS`. Where it
    is not, `keras.utils.get_file` takes it from Keras's cache or, this once, from the network: if
    its checksum is known, and never otherwise. Anything else is a path and returned as it is.

    Args:
        preset: a name in `osnet_tf.presets.PRESETS`.
        weights: the name, such as "imagenet" or "market1501", the address on the hub, or the path.

    Returns:
        The path of the file, or of the folder of a published model. Where its checksum is known,
        it was found to be right.

    Raises:
        WeightsError: the file in a folder of `OSNET_TF_WEIGHTS` has another checksum; the
            message names the file and both.
        NotFoundError: the file is in none of the folders and cannot be downloaded; the message
            says where to get it and where to put it.
        ArgumentError: unknown preset, or a name that it has no weights of.

    Example:

    >>> resolve_weights("osnet_x0_25", "runs/a/embedder.keras")
    'runs/a/embedder.keras'
    >>> resolve_weights("osnet_x0_25", "imagnet")
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: osnet_x0_25 has no weights of that name. There are: ...
    """
    get_preset(preset)
    if is_hub_address(weights):
        return os.fspath(find_preset(weights))
    if not _is_name(weights):
        return os.fspath(weights)
    entry = PRETRAINED.get((preset, weights))
    if entry is None:
        if os.path.exists(weights):
            return os.fspath(weights)
        names = [name for known, name in PRETRAINED if known == preset]
        raise ArgumentError(
            f"{preset} has no weights of that name. There are: {', '.join(names) or 'none'}; or "
            f"give the path of a file. Received: weights={weights!r}"
        )
    for folder in _folders():
        path = os.path.join(folder, entry.file)
        if os.path.isfile(path):
            _check_sha256(path, entry)
            return path
    if entry.sha256 is None:
        raise _not_found(entry, "it is not downloaded, because its checksum is not known yet")
    return _download(entry)


def _is_name(weights):
    return isinstance(weights, str) and Path(weights).name == weights and not Path(weights).suffix


def _folders():
    folders = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
    return [os.path.expanduser(folder) for folder in folders if folder]


def _check_sha256(path, entry):
    if entry.sha256 is None:
        return
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != entry.sha256:
        raise WeightsError(
            path,
            f"not the file that {entry.preset} has under {entry.name!r}: expected sha256 "
            f"{entry.sha256}, found {found}. Get it again from {entry.source}",
        )


def _download(entry):
    import keras

    try:
        return keras.utils.get_file(
            entry.file,
            origin=entry.source,
            file_hash=entry.sha256,
            hash_algorithm="sha256",
            cache_subdir="osnet_tf",
        )
    except Exception as error:  # Keras raises bare Exceptions here
        raise _not_found(entry, f"downloading it failed ({error})") from error


def _not_found(entry, reason):
    folders = os.pathsep.join(_folders())
    where = f"not in {FOLDERS_VARIABLE}={folders}" if folders else f"{FOLDERS_VARIABLE} is not set"
    return NotFoundError(
        f"There is no file {entry.file} for {entry.preset}, weights={entry.name!r}: {where}, and "
        f"{reason}. Get it from {entry.source} , save it as {entry.file} in any folder, and set "
        f"{FOLDERS_VARIABLE} to that folder"
    )
