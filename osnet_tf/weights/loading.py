"""Weights from any file that this project knows, into a model."""

import os

import keras

from osnet_tf.files import check_regular_file
from osnet_tf.weights.hub import is_preset_folder
from osnet_tf.weights.keras_files import copy_weights, load_hdf5_weights
from osnet_tf.weights.preset_folder import load_preset_weights
from osnet_tf.weights.torch_state import load_torch_weights


def load_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """Loads weights from any file this project knows, if they are of the model's architecture.

    Args:
        model: as `OSNet` or `add_classifier` returns.
        path: a `.weights.h5` or `.keras` file, the folder of a published model (as
            `osnet_tf.save_to_preset` writes it), or a public PyTorch checkpoint (any other name). A
            classifier that the model does not have is left out, except of a `.weights.h5` file.

    Raises:
        NotFoundError: there is no such file.
        FileError: it is no regular file, or a folder that holds no published model.
        WeightsError: it is damaged, of another architecture, or holds a weight that is no number;
            the model is as it was.

    Example:

    >>> import pathlib, tempfile
    >>> from osnet_tf import OSNet
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.keras"
    >>> OSNet("osnet_x0_25", input_shape=(64, 32, 3)).save(path)
    >>> load_weights(OSNet("osnet_x0_25", input_shape=(128, 64, 3)), path)
    """
    if is_preset_folder(path):
        load_preset_weights(model, path)
        return
    check_regular_file(path)
    name = os.fspath(path)
    if name.endswith(".weights.h5"):
        load_hdf5_weights(model, path)
    elif name.endswith(".keras"):
        copy_weights(path, model)
    else:
        load_torch_weights(model, path)
