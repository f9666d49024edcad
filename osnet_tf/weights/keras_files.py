"""Keras's own files: `.keras`, a model, and `.weights.h5`, its weights."""

import contextlib
import copy
import io
import json
import math
import os
import threading
import warnings
import zipfile
from pathlib import Path

import keras

from osnet_tf.architecture import BESIDE_PLAIN, architecture_of
from osnet_tf.errors import ArgumentError
from osnet_tf.files import check_regular_file
from osnet_tf.weights.errors import WeightsError
from osnet_tf.weights.hdf5_checks import check_hdf5
from osnet_tf.weights.hub import is_preset_folder
from osnet_tf.weights.names import differences
from osnet_tf.weights.pth import ZIP_ERRORS
from osnet_tf.weights.registry import is_remote
from osnet_tf.weights.torch_state import check_numbers

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
# State beside the weights, such as of random generators, is a few bytes.
_SLACK = 2**20


def load_embedder(path: str | os.PathLike) -> keras.Model:
    """Loads the embedder of a `.keras` file, or a published one.

    The file is looked through before Keras gets it: it must be a regular file, hold what Keras
    writes and nothing larger, and every weight must be a number. A classifier is taken off.

    Args:
        path: the file; or what `osnet_tf.from_preset` takes: a folder, a name such as
            "osnet_x0_25_market1501", `hf://user/repo`.

    Returns:
        A `keras.Model` of one output, the embedding.

    Raises:
        NotFoundError: there is no such file.
        FileError: it is no regular file.
        WeightsError: it is damaged, no model, or a weight is NaN or infinite; the message names
            what is wrong.

    Example:

    >>> import pathlib, tempfile
    >>> from osnet_tf import OSNet, add_classifier
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.keras"
    >>> add_classifier(OSNet("osnet_x0_25", input_shape=(64, 32, 3)), 5).save(path)
    >>> load_embedder(path).output_shape
    (None, 512)
    """
    if is_preset(path):
        from osnet_tf.publishing import from_preset  # it stands above, on models

        return from_preset(path)
    return embedder_of(load_keras(path))


def is_preset(source: str | os.PathLike) -> bool:
    """Whether `osnet_tf.from_preset` is to load this, and not `keras.models.load_model`.

    >>> is_preset("hf://someone/osnet"), is_preset("osnet_x0_25.keras")
    (True, False)
    """
    return is_remote(source) or is_preset_folder(source)


def embedder_of(model: keras.Model) -> keras.Model:
    """The model without its classifier: of one output, the embedding."""
    outputs = getattr(model, "output", None)  # a Sequential has none before its first call
    if isinstance(outputs, dict) and "embedding" in outputs:
        name = model.name.removesuffix("_classifier")
        return keras.Model(model.input, outputs["embedding"], name=name)
    return model


def load_keras(path: str | os.PathLike) -> keras.Model:
    """Loads a `.keras` file as it is, with its classifier, after the checks of `load_embedder`."""
    check_regular_file(path)
    config, claimed = _look_through(path)
    with _errors_named(path, "no readable .keras file"):
        needed = _numbers_of(config)
        if needed > claimed + _SLACK:
            raise WeightsError(
                path, f"its model needs {needed} weights, and the file has {claimed} bytes of them"
            )
        model = keras.models.load_model(path, compile=False)
    _check_weights(model, path)
    return model


def load_hdf5_weights(model: keras.Model, path: str | os.PathLike) -> None:
    """Loads a `.weights.h5` file into a model; after an error the model is as it was.

    Raises WeightsError, naming the file, as `load_embedder` does, and if the file is of another
    architecture or does not say of which.
    """
    check_regular_file(path)
    architecture = architecture_of(model)
    if not check_hdf5(path, path, os.path.getsize(path)):
        raise WeightsError(
            path,
            "does not say of which architecture its weights are: an older version wrote it, or "
            "other code. Take the .keras file of the same model, which says it; or, where you know "
            "the architecture, load it with Keras's own model.load_weights and save it again",
        )
    with _restored_after_errors(model):
        with _errors_named(path, f"does not fit the model {model.name!r}, {architecture}"):
            model.load_weights(path)
        _check_weights(model, path)


def copy_weights(path: str | os.PathLike, model: keras.Model) -> None:
    """Loads the weights of a `.keras` file of the same architecture into a model.

    A file with the paper's pooling and without a neck does for a model that has others: what these
    learn keeps its value. A classifier that the model does not have is left out. Raises
    WeightsError as `load_embedder` does, and naming both architectures where they differ.
    """
    source, architecture = load_keras(path), architecture_of(model)
    try:
        found = architecture_of(source)
    except ArgumentError as error:
        raise WeightsError(path, str(error)) from None
    if found not in (architecture, architecture.plain):
        raise WeightsError(path, f"holds {found}, but the model {model.name!r} is {architecture}")
    given, wanted = _by_path(source), _by_path(model)
    if found != architecture:
        wanted = {name: v for name, v in wanted.items() if not name.startswith(BESIDE_PLAIN)}
    if "classifier/kernel" not in wanted:
        given = {name: v for name, v in given.items() if not name.startswith(_HEADS)}
    shapes, needed = ({k: tuple(v.shape) for k, v in d.items()} for d in (given, wanted))
    problems = differences("variables", shapes, needed)
    if problems:
        raise WeightsError(path, f"does not fit the model {model.name!r}: {'; '.join(problems)}")
    for name, variable in wanted.items():
        variable.assign(given[name])


_HEADS = ("classifier/", "classifier_neck/", "centers/", "attributes/")


def _look_through(path) -> tuple[dict, int]:
    """The configuration in a `.keras` file, and how many bytes its weights take."""
    data = Path(path).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
            size = sum(entry.file_size for entry in entries)
            if not stored or len(set(names)) < len(names) or size > len(data):
                raise WeightsError(path, "its entries are compressed, repeated or overlapping")
            missing = [name for name in (_CONFIG, _WEIGHTS) if name not in names]
            if missing:
                raise WeightsError(path, f"no {missing[0]} in it: not a .keras file")
            config, weights = archive.read(_CONFIG), archive.read(_WEIGHTS)
    except WeightsError:
        raise
    except ZIP_ERRORS as error:
        raise WeightsError(path, f"no readable .keras file: {error}") from error
    try:
        config = json.loads(config.decode())
    except RecursionError:
        raise WeightsError(path, f"{_CONFIG}: nested too deeply") from None
    except ValueError as error:
        raise WeightsError(path, f"{_CONFIG}: {error}") from None
    if not isinstance(config, dict):
        raise WeightsError(path, f"{_CONFIG}: must be an object")
    check_hdf5(io.BytesIO(weights), path, len(weights))
    return config, len(weights)


def _numbers_of(config: dict) -> int:
    """How many weights the model has that a configuration describes; they are not made.

    In a `StatelessScope` variables wait for their values until it is left. This one never is: it
    belongs to a thread, and ends with it.
    """
    result = {}

    def build():
        keras.StatelessScope().__enter__()
        try:
            model = keras.saving.deserialize_keras_object(copy.deepcopy(config))
            if not isinstance(model, keras.Model):
                raise TypeError("it describes no model")
            shapes = [tuple(variable.shape) for variable in model.variables]
            result["numbers"] = sum(math.prod(shape) for shape in shapes)
        except Exception as error:  # raised again by the caller, as what it is
            result["error"] = error

    thread = threading.Thread(target=build)
    thread.start()
    thread.join()
    if "error" in result:
        raise result["error"]
    return result["numbers"]


@contextlib.contextmanager
def _errors_named(path, problem):
    """Keras's errors about a file, which can be of any kind, as WeightsError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (WeightsError, MemoryError):
        raise
    except Exception as error:
        raise WeightsError(path, f"{problem}: {_reason(error)}") from error


def _reason(error):
    """The last thing that Keras says; before it stand whole configurations."""
    text = str(error).split("\n\nList of objects")[0]
    for words in ("Exception encountered: ", "\n\n"):
        text = text.strip().rsplit(words, 1)[-1]
    return text[:500] or type(error).__name__


@contextlib.contextmanager
def _restored_after_errors(model):
    before = model.get_weights()
    try:
        yield
    except BaseException:
        model.set_weights(before)
        raise


def _check_weights(model, path):
    for variable in model.weights:
        check_numbers(keras.ops.convert_to_numpy(variable), variable.path, os.fspath(path))


def _by_path(model):
    return {variable.path: variable for variable in model.variables}
