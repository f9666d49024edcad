"""Converting whole files: public PyTorch checkpoints to Keras and back.

It stands above the models and their weights, and neither knows of it.
"""

import os

import keras

from osnet_tf.architecture import Architecture, architecture_of
from osnet_tf.errors import ArgumentError
from osnet_tf.files import whole_file
from osnet_tf.models import OSNet, add_classifier
from osnet_tf.publishing import from_preset, save_to_preset
from osnet_tf.weights.checkpoint import read_checkpoint
from osnet_tf.weights.keras_files import is_preset, load_embedder, load_keras
from osnet_tf.weights.recognition import recognise
from osnet_tf.weights.registry import find_entry
from osnet_tf.weights.torch_state import Loaded, load_torch_state, save_torch

_SUFFIXES = (".keras", ".weights.h5")


def convert(
    checkpoint: str | os.PathLike,
    output: str | os.PathLike,
    *,
    classifier: bool = False,
    input_shape: tuple[int | None, int | None, int] = (256, 128, 3),
) -> Loaded:
    """Converts a public PyTorch checkpoint into a Keras file; PyTorch is not needed.

    Preset, feature dimension and classes are recognised from the checkpoint.

    Args:
        checkpoint: a `.pth` or `.safetensors` file, as `osnet_tf.weights.read_checkpoint` takes; or
            a published model, as `osnet_tf.from_preset` takes.
        output: the file to write, `.keras` (a model) or `.weights.h5`; there as a whole or not at
            all.
        classifier: keep the checkpoint's classifier: the model is then the one of
            `add_classifier`, with two outputs, and can be written back without loss.
        input_shape: `(height, width, 3)` of the model in the `.keras` file.

    Returns:
        `Loaded`: the architecture, and what of the checkpoint was used and left out.

    Raises:
        WeightsError: the checkpoint is damaged, no public OSNet, or holds a weight that is no
            number.
        FileError, NotFoundError: no regular file, no such file, or no such folder to write to.
        WriteError: the output cannot be written.
        ArgumentError: the output's name ends otherwise, or there is no classifier to keep.

    Example:

    >>> import json, pathlib, tempfile
    >>> import numpy as np
    >>> from osnet_tf.weights.names import entries
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> header, end = {}, 0
    >>> for entry in entries(Architecture("osnet_x0_25")):
    ...     size = 4 * int(np.prod(entry.shape))
    ...     spec = {"dtype": "F32", "shape": entry.shape, "data_offsets": [end, end + size]}
    ...     header[entry.key], end = spec, end + size
    >>> text = json.dumps(header).encode()
    >>> file = folder / "osnet.safetensors"
    >>> _ = file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    >>> print(convert(file, folder / "osnet.keras").architecture)
    osnet_x0_25
    """
    if not os.fspath(output).endswith(_SUFFIXES):
        raise ArgumentError(
            f"The output's name must end in {' or '.join(_SUFFIXES)}. Received: output={output}",
            argument="output",
        )
    with whole_file(output) as new:
        return _convert(checkpoint, new, classifier, input_shape)


def _convert(checkpoint, output, classifier, input_shape):
    save = keras.Model.save if output.suffix == ".keras" else keras.Model.save_weights
    if is_preset(checkpoint):
        if classifier:
            raise _no_classifier(checkpoint)
        model = from_preset(checkpoint, input_shape=input_shape)
        save(model, output)
        used = tuple(variable.path for variable in model.variables)
        return Loaded(architecture_of(model), None, used, ())
    model, loaded = _read(checkpoint, classifier, input_shape)
    save(model, output)
    return loaded


def _read(checkpoint, classifier, input_shape):
    """The model of a public checkpoint, and what became of its entries."""
    read = read_checkpoint(checkpoint)
    source = os.fspath(checkpoint)
    found = recognise(read.arrays, source)
    if classifier and found.num_classes is None:
        raise _no_classifier(source)
    model = OSNet(
        found.architecture.preset,
        input_shape=input_shape,
        feature_dim=found.architecture.feature_dim,
    )
    if classifier:
        model = add_classifier(model, found.num_classes)
    loaded = load_torch_state(model, read.arrays, source)
    return model, loaded._replace(left_out=loaded.left_out + read.left_out)


def _no_classifier(source):
    return ArgumentError(
        f"{os.fspath(source)} has no classifier to keep. Received: classifier=True",
        argument="classifier",
    )


def convert_to_preset(
    source: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    input_shape: tuple[int | None, int | None, int] = (256, 128, 3),
    licence: str | None = None,
    trained_on: str | None = None,
) -> Architecture:
    """Writes the model of a file into a folder that can be published; see `save_to_preset`.

    Args:
        source: a `.keras` file, or what `convert` takes.
        folder: the folder to write; nothing lies there yet.
        input_shape: `(height, width, 3)` where `source` is a public checkpoint; all others have a
            size of their own.
        licence, trained_on: for the model card. A whole name of `osnet_tf.weights.PRETRAINED`
            brings its own.

    Returns:
        The `Architecture` that was written.

    Raises as `osnet_tf.weights.load_embedder`, `convert` and `osnet_tf.save_to_preset`.

    >>> convert_to_preset("osnet.keras", "published")
    Traceback (most recent call last):
    osnet_tf.errors.NotFoundError: osnet.keras does not exist
    """
    entry = find_entry(source)
    if entry is not None:
        licence, trained_on = licence or entry.licence.lower(), trained_on or entry.trained_on
    if is_preset(source) or os.fspath(source).endswith(".keras"):
        model = load_embedder(source)
    else:
        model, _ = _read(source, False, input_shape)
    name = entry and os.fspath(source)
    save_to_preset(model, folder, name=name, licence=licence, trained_on=trained_on)
    return architecture_of(model)


def convert_to_torch(
    model: str | os.PathLike, output: str | os.PathLike, *, num_classes: int | None = None
) -> Architecture:
    """Converts a `.keras` file into a `.pth` file that the public PyTorch code loads strictly.

    Args:
        model: a `.keras` file of an OSNet, with or without classifier.
        output: the `.pth` file to write; there as a whole or not at all.
        num_classes: for a model without a classifier, add one of zeros with so many classes: the
            public code always has one, and cannot load strictly without.

    Returns:
        The `Architecture` that was written.

    Raises:
        WeightsError: `model` is no readable `.keras` file.
        FileError, NotFoundError: no regular file, no such model, or no such folder to write to.
        MissingPackageError: PyTorch, which writes the file, is not installed.
        ArgumentError: the model is no public OSNet, or has a classifier of another size.
        WriteError: the output cannot be written.

    Example (needs PyTorch):

    >>> convert_to_torch("osnet.keras", "osnet.pth", num_classes=751).preset  # doctest: +SKIP
    'osnet_x0_25'
    """
    return save_torch(load_keras(model), output, num_classes=num_classes)
