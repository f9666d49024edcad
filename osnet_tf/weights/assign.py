"""Weights into a Keras OSNet, and out of it as a public state dict."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from osnet_tf.errors import ArgumentError, MissingPackageError, NotFoundError
from osnet_tf.weights.checkpoint import read_checkpoint
from osnet_tf.weights.errors import CheckpointError
from osnet_tf.weights.names import (
    LAYOUTS,
    Architecture,
    differences,
    entries,
    recognise,
    recognise_variables,
)


class Loaded(NamedTuple):
    """What became of a checkpoint's entries.

    Attributes:
        architecture: what the checkpoint holds.
        used: the keys whose arrays are in the model now.
        ignored: the other keys: `num_batches_tracked`, which Keras has no use for, and the
            classifier's where the model has none.
    """

    architecture: Architecture
    used: tuple[str, ...]
    ignored: tuple[str, ...]


def architecture_of(model: keras.Model) -> Architecture:
    """Recognises which OSNet a Keras model is.

    Args:
        model: as `OSNet` or `add_classifier` returns, under any name.

    Raises:
        ValueError: its variables are not those of a public OSNet; the message names them.

    Example:

    >>> from osnet_tf import OSNet
    >>> architecture_of(OSNet("osnet_ibn_x0_25", input_shape=(64, 32, 3), name="mine"))
    Architecture(preset='osnet_ibn_x0_25', feature_dim=512, num_classes=None)
    """
    shapes = {path: tuple(v.shape) for path, v in _variables(model).items()}
    return recognise_variables(shapes, f"The model {model.name!r}")


def load_torch_state(
    model: keras.Model, state: Mapping[str, np.ndarray], source: str = "the state dict"
) -> Loaded:
    """Puts a public state dict into a model.

    All is checked before anything is changed: every key of the state dict is used or on the
    list of those ignored, every variable of the model is filled, every shape fits.

    Args:
        model: as `OSNet` or `add_classifier` returns, of the same preset and feature dimension.
            Without a classifier, that of the state dict is ignored.
        state: arrays by key, in PyTorch's layout, as `read_checkpoint` returns.
        source: what to call it in messages.

    Returns:
        `Loaded`.

    Raises:
        CheckpointError: the state dict is no public OSNet, or not the model's; the message names
            the keys.
        ValueError: the model is no public OSNet.

    Example:

    >>> import numpy as np
    >>> from osnet_tf import OSNet
    >>> table = entries(Architecture("osnet_x0_25", 512, num_classes=751))
    >>> state = {entry.key: np.ones(entry.shape, "float32") for entry in table}
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> loaded = load_torch_state(model, state)
    >>> len(loaded.used), loaded.ignored[-2:]
    (485, ('classifier.weight', 'classifier.bias'))
    """
    found = recognise(state, source)
    wanted = architecture_of(model)
    fits = found[:2] == wanted[:2] and wanted.num_classes in (None, found.num_classes)
    if not fits:
        raise CheckpointError(
            f"{source} holds {_described(found)}, but the model {model.name!r} is "
            f"{_described(wanted)}. Load it into a model of the same kind (without a classifier, "
            "if that is the difference)"
        )
    variables = _variables(model)
    used = []
    for entry in entries(wanted):
        if entry.path is not None:
            array = LAYOUTS[entry.layout][0](np.asarray(state[entry.key], np.float32))
            variables[entry.path].assign(array)
            used.append(entry.key)
    ignored = tuple(key for key in state if key not in set(used))
    return Loaded(found, tuple(used), ignored)


def load_torch_weights(model: keras.Model, path: str | os.PathLike) -> Loaded:
    """Loads a public PyTorch checkpoint into a model; PyTorch is not needed.

    `read_checkpoint` and `load_torch_state` in one; see there for the arguments.

    Raises:
        CheckpointError: the file is damaged, no public OSNet, or not the model's.
        OSError: the file cannot be opened.
        ValueError: the model is no public OSNet.

    Example (the file is this project's own, since no public one comes with it):

    >>> import pathlib, tempfile
    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "broken.pth"
    >>> _ = path.write_bytes(b"<html>")
    >>> load_torch_weights(model, path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    osnet_tf.weights.errors.CheckpointError: ...broken.pth: a web page, as a download link ...
    """
    return load_torch_state(model, read_checkpoint(path), os.fspath(path))


def load_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """Loads weights from any file this project knows.

    Args:
        model: as `OSNet` or `add_classifier` returns.
        path: a `.weights.h5` or `.keras` file of the same architecture, or a PyTorch checkpoint
            (any other name). A classifier that the model does not have is ignored.

    Raises:
        CheckpointError: a checkpoint or `.keras` file that is damaged or not the model's.
        FileNotFoundError: there is no such file.
        ValueError: a `.weights.h5` file that is not the model's.

    Example:

    >>> import pathlib, tempfile
    >>> from osnet_tf import OSNet
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.keras"
    >>> OSNet("osnet_x0_25", input_shape=(64, 32, 3)).save(path)
    >>> load_weights(OSNet("osnet_x0_25", input_shape=(128, 64, 3)), path)
    """
    name = os.fspath(path)
    if not Path(path).is_file():
        raise NotFoundError(f"There is no weights file {name}")
    if name.endswith(".weights.h5"):
        model.load_weights(path)
    elif name.endswith(".keras"):
        _copy_weights(load_keras(path), model, name)
    else:
        load_torch_weights(model, path)


def to_torch_state(model: keras.Model, *, num_classes: int | None = None) -> dict[str, np.ndarray]:
    """The weights of a model as the public code's state dict.

    Args:
        model: as `OSNet` or `add_classifier` returns.
        num_classes: for a model without a classifier, add one of zeros with so many classes: the
            public code always has one, and cannot load strictly without.

    Returns:
        Arrays by key, in the public code's order and layout: float32, and int64 zeros for
        `num_batches_tracked`, which Keras does not keep. What came from a checkpoint comes out
        again bit for bit.

    Raises:
        ValueError: the model is no public OSNet, or has a classifier of another size.

    Example:

    >>> from osnet_tf import OSNet
    >>> state = to_torch_state(OSNet("osnet_x0_25", input_shape=(64, 32, 3)))
    >>> len(state), state["conv2.0.gate.fc1.weight"].shape
    (565, (1, 16, 1, 1))
    """
    architecture = architecture_of(model)
    if num_classes is not None and architecture.num_classes not in (None, num_classes):
        raise ArgumentError(
            f"The model {model.name!r} has a classifier of {architecture.num_classes} classes. "
            f"Received: num_classes={num_classes}"
        )
    variables = _variables(model)
    state = {}
    for entry in entries(
        architecture._replace(num_classes=num_classes or architecture.num_classes)
    ):
        if entry.path is None:
            state[entry.key] = np.zeros(entry.shape, np.int64)
        elif entry.path in variables:
            array = np.asarray(variables[entry.path])
            array = LAYOUTS[entry.layout][1](array.astype(np.float32))
            state[entry.key] = np.ascontiguousarray(array).reshape(entry.shape)
        else:
            state[entry.key] = np.zeros(entry.shape, np.float32)
    return state


def save_torch(
    model: keras.Model, path: str | os.PathLike, *, num_classes: int | None = None
) -> Architecture:
    """Writes a model's weights as a `.pth` file that the public PyTorch code loads strictly.

    Args:
        model: as `OSNet` or `add_classifier` returns.
        path: the file to write.
        num_classes: as for `to_torch_state`.

    Returns:
        The `Architecture` that was written.

    Raises:
        ImportError: PyTorch, which writes the file, is not installed.
        ValueError: as `to_torch_state`.

    Example (needs PyTorch):

    >>> from osnet_tf import OSNet
    >>> save_torch(OSNet("osnet_x0_25"), "X.pth", num_classes=751)  # doctest: +SKIP
    Architecture(preset='osnet_x0_25', feature_dim=512, num_classes=751)
    """
    state = to_torch_state(model, num_classes=num_classes)
    try:
        import torch
    except ImportError as error:
        raise MissingPackageError(
            f"Writing {os.fspath(path)} needs PyTorch, which is not installed: pip install torch"
        ) from error
    torch.save({key: torch.tensor(array) for key, array in state.items()}, os.fspath(path))
    return recognise(state)


def _variables(model: keras.Model) -> dict[str, keras.Variable]:
    return {variable.path: variable for variable in model.variables}


def _described(architecture: Architecture) -> str:
    classes = architecture.num_classes
    head = "without a classifier" if classes is None else f"with {classes} classes"
    return f"{architecture.preset} of feature_dim {architecture.feature_dim} {head}"


def load_keras(path: str | os.PathLike) -> keras.Model:
    """Loads a `.keras` file; raises CheckpointError, naming it, if Keras cannot."""
    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise CheckpointError(f"{os.fspath(path)}: no readable .keras file: {error}") from error


def _copy_weights(source: keras.Model, target: keras.Model, name: str) -> None:
    """Copies by path; what the source has beyond the target may only be a classifier."""
    given, wanted = _variables(source), _variables(target)
    if "classifier/kernel" not in wanted:
        given = {path: v for path, v in given.items() if not path.startswith("classifier/")}
    problems = differences(
        "variables",
        {path: tuple(v.shape) for path, v in given.items()},
        {path: tuple(v.shape) for path, v in wanted.items()},
    )
    if problems:
        raise CheckpointError(
            f"{name} does not fit the model {target.name!r}: {'; '.join(problems)}"
        )
    for path, variable in wanted.items():
        variable.assign(given[path])
