"""The public code's state dicts into Keras models, and out of them."""

import os
from collections.abc import Mapping
from typing import NamedTuple

import keras
import numpy as np

from osnet_tf.architecture import BESIDE_PLAIN, Architecture, architecture_of
from osnet_tf.checks import check_int, optional_package
from osnet_tf.errors import ArgumentError
from osnet_tf.files import whole_file
from osnet_tf.weights.checkpoint import read_checkpoint
from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.names import LAYOUTS, entries, listed
from osnet_tf.weights.recognition import recognise


class Loaded(NamedTuple):
    """What became of a checkpoint's entries.

    Attributes:
        architecture: what the checkpoint holds.
        num_classes: outputs of its classifier; None without one.
        used: the public code's keys whose arrays are in the model now.
        left_out: everything else that the checkpoint holds: `num_batches_tracked`, which Keras has
            no use for, the classifier where the model has none, other heads, objects beside the
            state dict.
    """

    architecture: Architecture
    num_classes: int | None
    used: tuple[str, ...]
    left_out: tuple[str, ...]


def load_torch_state(
    model: keras.Model, state: Mapping[str, np.ndarray], source: str = "the state dict"
) -> Loaded:
    """Puts a public state dict into a model.

    All is checked before anything is changed: every key of the backbone is used, every variable
    of the model is filled, every shape fits, every number is finite in float32.

    Args:
        model: as `OSNet` or `add_classifier` returns, of the same architecture. Without a
            classifier, that of the state dict is left out.
        state: arrays by key, in PyTorch's layout, as `read_checkpoint` returns.
        source: what to call it in messages.

    Returns:
        `Loaded`.

    Raises:
        WeightsError: the state dict is no public OSNet, not the model's, or holds a number that
            is none; the message names the keys.
        ArgumentError: the model is no OSNet.

    Example:

    >>> import numpy as np
    >>> from osnet_tf import OSNet
    >>> table = entries(Architecture("osnet_x0_25"), num_classes=751)
    >>> state = {entry.key: np.ones(entry.shape, "float32") for entry in table}
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> loaded = load_torch_state(model, state)
    >>> len(loaded.used), loaded.left_out[-2:]
    (485, ('classifier.weight', 'classifier.bias'))
    """
    found = recognise(state, source)
    wanted, classes = architecture_of(model).plain, classifier_size(model)
    if found.architecture != wanted or classes not in (None, found.num_classes):
        raise WeightsError(
            source,
            f"holds {described(found.architecture, found.num_classes)}, but the model "
            f"{model.name!r} is {described(wanted, classes)}. Load it into a model of the same "
            "kind (without a classifier, if that is the difference)",
        )
    table = [entry for entry in entries(wanted, classes) if entry.path is not None]
    values = {entry.path: _converted(found.arrays, entry, source) for entry in table}
    variables = variables_of(model, values)
    for path, value in values.items():
        variables[path].assign(value)
    used = tuple(entry.key for entry in table)
    unused = tuple(key for key in found.arrays if key not in set(used))
    return Loaded(found.architecture, found.num_classes, used, found.left_out + unused)


def load_torch_weights(model: keras.Model, path: str | os.PathLike) -> Loaded:
    """Loads a public PyTorch checkpoint into a model; PyTorch is not needed.

    `read_checkpoint` and `load_torch_state` in one; see there for the arguments.

    Raises:
        WeightsError: the file is damaged, no public OSNet, or not the model's.
        FileError, NotFoundError: it is no regular file, or not there.
        ArgumentError: the model is no OSNet.

    Example (the file is this project's own, since no public one comes with it):

    >>> import pathlib, tempfile
    >>> from osnet_tf import OSNet
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "broken.pth"
    >>> _ = path.write_bytes(b"<html>")
    >>> load_torch_weights(model, path)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    osnet_tf.weights.errors.WeightsError: ...broken.pth: a web page, as a download link ...
    """
    checkpoint = read_checkpoint(path)
    loaded = load_torch_state(model, checkpoint.arrays, os.fspath(path))
    return loaded._replace(left_out=loaded.left_out + checkpoint.left_out)


def to_torch_state(model: keras.Model, *, num_classes: int | None = None) -> dict[str, np.ndarray]:
    """The weights of a model as the public code's state dict.

    Args:
        model: as `OSNet` or `add_classifier` returns, of a public architecture.
        num_classes: for a model without a classifier, add one of zeros with so many classes: the
            public code always has one, and cannot load strictly without.

    Returns:
        Arrays by key, in the public code's order and layout: float32, and int64 zeros for
        `num_batches_tracked`, which Keras does not keep. What came from a checkpoint comes out
        again bit for bit.

    Raises:
        ArgumentError: the model is no public OSNet, or has a classifier of another size.

    Example:

    >>> from osnet_tf import OSNet
    >>> state = to_torch_state(OSNet("osnet_x0_25", input_shape=(64, 32, 3)))
    >>> len(state), state["conv2.0.gate.fc1.weight"].shape
    (565, (1, 16, 1, 1))
    """
    architecture, classes = architecture_of(model), classifier_size(model)
    if num_classes is not None:
        check_int(num_classes=num_classes)
        if classes not in (None, num_classes):
            raise ArgumentError(
                f"The model {model.name!r} has a classifier of {classes} classes. "
                f"Received: num_classes={num_classes}"
            )
    own = {entry.path for entry in entries(architecture, classes)}
    variables = variables_of(model, own - {None})
    state = {}
    for entry in entries(architecture, num_classes or classes):
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
        model: as `OSNet` or `add_classifier` returns, of a public architecture.
        path: the file to write; there as a whole or not at all.
        num_classes: as for `to_torch_state`.

    Returns:
        The `Architecture` that was written.

    Raises:
        MissingPackageError: PyTorch, which writes the file, is not installed.
        ArgumentError: as `to_torch_state`.
        NotFoundError, WriteError: the folder is not there, or the file cannot be written.

    Example (needs PyTorch):

    >>> from osnet_tf import OSNet
    >>> save_torch(OSNet("osnet_x0_25"), "X.pth", num_classes=751).preset  # doctest: +SKIP
    'osnet_x0_25'
    """
    state = to_torch_state(model, num_classes=num_classes)
    with optional_package(f"Writing {os.fspath(path)} needs PyTorch", "pip install torch"):
        import torch
    tensors = {key: torch.tensor(array) for key, array in state.items()}
    # Through a file of Python's: PyTorch's own writer says nothing of why it cannot write
    with whole_file(path) as new, open(new, "wb") as file:
        torch.save(tensors, file)
    return architecture_of(model)


def classifier_size(model: keras.Model) -> int | None:
    """Outputs of a model's linear classifier; None without one."""
    kernels = [v.shape[-1] for v in model.variables if v.path == "classifier/kernel"]
    return kernels[0] if kernels else None


def described(architecture: Architecture, num_classes: int | None) -> str:
    """For messages: "osnet_x0_25 with 751 classes"."""
    classes = "without a classifier" if num_classes is None else f"{num_classes} classes"
    return f"{architecture}, {classes}"


def variables_of(model: keras.Model, wanted) -> dict[str, keras.Variable]:
    """A model's variables by path, those beside a plain OSNet's too.

    Raises ArgumentError, naming them, if they are not exactly those that are wanted.
    """
    variables = {variable.path: variable for variable in model.variables}
    missing = [path for path in wanted if path not in variables]
    more = [path for path in variables if path not in wanted]
    unknown = [path for path in more if not path.startswith(BESIDE_PLAIN)]
    if missing or unknown:
        raise ArgumentError(
            f"The model {model.name!r} is more than a public OSNet with its classifier: "
            f"missing variables: {listed(missing)}; unknown variables: {listed(unknown)}"
        )
    return variables


def _converted(arrays: Mapping[str, np.ndarray], entry, source: str) -> np.ndarray:
    """One array in Keras's layout and in float32; WeightsError if a number in it is none."""
    given = arrays[entry.key]
    with np.errstate(over="ignore"):
        array = np.asarray(given, np.float32)
    check_numbers(array, entry.key, source, given.dtype)
    return LAYOUTS[entry.layout][0](array)


def check_numbers(array: np.ndarray, name: str, source: str, dtype="float32") -> None:
    """Raises WeightsError for NaN and infinities, and for a running variance below zero."""
    wrong = int(np.size(array) - np.isfinite(array).sum())
    if wrong:
        beyond = "" if dtype in ("float32", np.float32) else f" as float32 (they are {dtype})"
        raise WeightsError(
            source, f"{name}: {wrong} of {np.size(array)} numbers are NaN or infinite{beyond}"
        )
    if name.endswith(("running_var", "moving_variance")) and np.size(array) and array.min() < 0:
        raise WeightsError(source, f"{name}: a variance is negative: {array.min()}")
