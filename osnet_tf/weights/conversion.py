"""Converting whole files: public PyTorch checkpoints to Keras and back."""

import os
from pathlib import Path

from osnet_tf.errors import ArgumentError, NotFoundError
from osnet_tf.models import OSNet, add_classifier
from osnet_tf.weights.assign import Loaded, load_keras, load_torch_state, save_torch
from osnet_tf.weights.checkpoint import read_checkpoint
from osnet_tf.weights.names import Architecture, recognise

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
        checkpoint: a `.pth` or `.safetensors` file, as `read_checkpoint` takes.
        output: the file to write, `.keras` (a model) or `.weights.h5`.
        classifier: keep the checkpoint's classifier: the model is then the one of
            `add_classifier`, with two outputs, and can be written back without loss.
        input_shape: `(height, width, 3)` of the model in the `.keras` file.

    Returns:
        `Loaded`: the architecture, and which keys were used and ignored.

    Raises:
        CheckpointError: the checkpoint is damaged or no public OSNet.
        FileNotFoundError: no such checkpoint, or no such folder to write to.
        ValueError: the output's name ends otherwise, or there is no classifier to keep.

    Example:

    >>> import json, pathlib, tempfile
    >>> import numpy as np
    >>> from osnet_tf.weights.names import entries
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> header, end = {}, 0
    >>> for entry in entries(Architecture("osnet_x0_25", 512, None)):
    ...     size = 4 * int(np.prod(entry.shape))
    ...     spec = {"dtype": "F32", "shape": entry.shape, "data_offsets": [end, end + size]}
    ...     header[entry.key], end = spec, end + size
    >>> text = json.dumps(header).encode()
    >>> file = folder / "osnet.safetensors"
    >>> _ = file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    >>> convert(file, folder / "osnet.keras").architecture
    Architecture(preset='osnet_x0_25', feature_dim=512, num_classes=None)
    """
    if not os.fspath(output).endswith(_SUFFIXES):
        raise ArgumentError(
            f"The output's name must end in {' or '.join(_SUFFIXES)}. Received: output={output}"
        )
    _check_folder(output)
    state = read_checkpoint(checkpoint)
    architecture = recognise(state, os.fspath(checkpoint))
    if classifier and architecture.num_classes is None:
        raise ArgumentError(
            f"{os.fspath(checkpoint)} has no classifier to keep. Received: classifier=True"
        )
    model = OSNet(
        architecture.preset, input_shape=input_shape, feature_dim=architecture.feature_dim
    )
    if classifier:
        model = add_classifier(model, architecture.num_classes)
    loaded = load_torch_state(model, state, os.fspath(checkpoint))
    if os.fspath(output).endswith(".keras"):
        model.save(output)
    else:
        model.save_weights(output)
    return loaded


def convert_to_torch(
    model: str | os.PathLike, output: str | os.PathLike, *, num_classes: int | None = None
) -> Architecture:
    """Converts a `.keras` file into a `.pth` file that the public PyTorch code loads strictly.

    Args:
        model: a `.keras` file of an OSNet, with or without classifier.
        output: the `.pth` file to write.
        num_classes: for a model without a classifier, add one of zeros with so many classes: the
            public code always has one, and cannot load strictly without.

    Returns:
        The `Architecture` that was written.

    Raises:
        CheckpointError: `model` is no readable `.keras` file.
        FileNotFoundError: no such model, or no such folder to write to.
        ImportError: PyTorch, which writes the file, is not installed.
        ValueError: the model is no public OSNet, or has a classifier of another size.

    Example (needs PyTorch):

    >>> convert_to_torch("osnet.keras", "osnet.pth", num_classes=751)  # doctest: +SKIP
    Architecture(preset='osnet_x0_25', feature_dim=512, num_classes=751)
    """
    if not Path(model).is_file():
        raise NotFoundError(f"There is no model {os.fspath(model)}")
    _check_folder(output)
    return save_torch(load_keras(model), output, num_classes=num_classes)


def _check_folder(output: str | os.PathLike) -> None:
    folder = Path(output).parent
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder} to write {Path(output).name} to")
