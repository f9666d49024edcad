"""The folder of a published model: reading it, with care, because anybody may have written it."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import keras

from osnet_tf.architecture import Architecture, architecture_of
from osnet_tf.checks import is_int
from osnet_tf.errors import ArgumentError, FileError
from osnet_tf.files import check_regular_file, read_json
from osnet_tf.preprocessing import describe_images
from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.hub import CONFIG, PREPROCESSOR, WEIGHTS
from osnet_tf.weights.keras_files import load_hdf5_weights

FORMAT = "osnet_tf preset"
FORMAT_VERSION = 1
#: No description is longer, in bytes.
_LONGEST = 2**20


class PresetFolder(NamedTuple):
    """What `read_preset` found.

    Attributes:
        path: The folder.
        name: What the model is called.
        architecture: Its `osnet_tf.architecture.Architecture`.
        input_shape: `(height, width, 3)`, pixels; None for any.
        dtype_policy: Name of the Keras policy that it was built under.
        fingerprint: `osnet_tf.architecture.fingerprint` of the model as it was saved.
    """

    path: Path
    name: str
    architecture: Architecture
    input_shape: tuple
    dtype_policy: str
    fingerprint: str


def read_preset(folder: str | os.PathLike) -> PresetFolder:
    """Reads what a folder says about the model in it, and checks that this and its files agree.

    Args:
        folder: As `osnet_tf.save_to_preset` writes it.

    Returns:
        `PresetFolder`.

    Raises:
        NotFoundError: the folder or one of its files is missing.
        FileError: a file is no regular one, or damaged: its description has no such form, asks for
            other images than the model takes, or the weights are not those that it speaks of.
    """
    folder = Path(folder)
    for name in (CONFIG, PREPROCESSOR, WEIGHTS):
        check_regular_file(folder / name)
    path = folder / CONFIG
    record = _read(path)
    if record.get("format") != FORMAT or record.get("format_version") != FORMAT_VERSION:
        raise FileError(path, f"is not a description of {FORMAT!r}, version {FORMAT_VERSION}")
    for name in ("name", "dtype_policy", "fingerprint", "weights_sha256"):
        if not isinstance(record.get(name), str):
            raise FileError(
                path, f"must hold a text as `{name}`. Received: {record.get(name)!r:.80}"
            )
    try:
        architecture = Architecture.from_dict(record.get("architecture"))
    except ArgumentError as error:
        raise FileError(path, f"is damaged: {error}") from None
    shape = record.get("input_shape")
    if not _is_shape(shape):
        raise FileError(
            path, f"must hold [height, width, 3] as `input_shape`. Received: {shape!r:.80}"
        )
    found = PresetFolder(
        folder, record["name"], architecture, tuple(shape), *map(record.get, _PLAIN)
    )
    _check_preprocessor(folder / PREPROCESSOR, found.input_shape)
    weights = folder / WEIGHTS
    with open(weights, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != record["weights_sha256"]:
        raise WeightsError(
            weights,
            f"not the file that {CONFIG} speaks of: expected sha256 "
            f"{record['weights_sha256']:.64}, found {sha256}",
        )
    # A description of some bytes could otherwise have a model of any size built
    needed, there = architecture.feature_dim * architecture.widths[-1], os.path.getsize(weights)
    if needed > there:
        raise WeightsError(
            weights, f"{architecture} has more than {needed} weights, and the file {there} bytes"
        )
    return found


_PLAIN = ("dtype_policy", "fingerprint")


def load_preset_weights(model: keras.Model, folder: str | os.PathLike) -> None:
    """Loads the weights of a published model into one of the same architecture, of any size.

    Args:
        model: As `OSNet` or `add_classifier` returns; only its embedder's weights are set.
        folder: As `osnet_tf.save_to_preset` writes it.

    Raises as `read_preset`, and WeightsError naming both architectures where they differ; the model
    is as it was.
    """
    found, architecture = read_preset(folder), architecture_of(model)
    if found.architecture != architecture:
        raise WeightsError(
            folder, f"holds {found.architecture}, but the model {model.name!r} is {architecture}"
        )
    load_hdf5_weights(model, found.path / WEIGHTS)


def _check_preprocessor(path, input_shape):
    """Other preprocessing would be silently wrong: every model of this project takes the same."""
    found = _read(path)
    for name, value in describe_images(*input_shape[:2]).items():
        if found.get(name) != value:
            raise FileError(
                path,
                f"asks for other images than the model takes: `{name}` must be {value!r}. "
                f"Received: {found.get(name)!r:.80}",
            )


def _is_shape(shape):
    if not isinstance(shape, list) or len(shape) != 3 or shape[2] != 3:
        return False
    return all(size is None or (is_int(size) and size >= 13) for size in shape[:2])


def _read(path):
    size = os.path.getsize(path)
    if size > _LONGEST:
        raise FileError(path, f"has {size} bytes, more than any description")
    return read_json(path)
