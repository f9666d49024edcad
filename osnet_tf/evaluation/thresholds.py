"""The thresholds for "same person" that were measured with a model, found by the model itself."""

from pathlib import Path

import keras

from osnet_tf.architecture import fingerprint
from osnet_tf.checks import check_choice, check_number
from osnet_tf.errors import ArgumentError, NotFoundError
from osnet_tf.metrics import METRICS, Calibration, calibration_path, read_calibrations
from osnet_tf.types import PathLike
from osnet_tf.weights import load_embedder


def calibrations_of(model: keras.Model, path: PathLike) -> list[Calibration]:
    """The `Calibration`s in a file that were measured with a model's own weights.

    Args:
        model: A Keras model.
        path: A file that evaluations wrote; it need not exist.

    Returns:
        A list, empty if another model, or none, has been evaluated.

    Raises FileError if the file holds anything else.
    """
    try:
        known = read_calibrations(path)
    except NotFoundError:
        return []
    own = fingerprint(model)
    return [calibration for calibration in known if calibration.fingerprint == own]


def find_calibration(
    model: keras.Model | PathLike,
    *,
    metric: str = "cosine",
    fpr: float = 1e-3,
    dataset: str | None = None,
    path: PathLike | None = None,
) -> Calibration:
    """The calibration of a model whose false-positive rate is nearest below the wanted one.

    Args:
        model: A `.keras` file, or a Keras model, with `path`. Other weights than those that were
            evaluated have no thresholds, whatever their file's name.
        metric: The metric of the distances that will be judged.
        fpr: The largest false-positive rate that is wanted, in (0, 1).
        dataset: The dataset that it was measured on; None where there is one only.
        path: The file that evaluations wrote; by default it lies beside the model's.

    Returns:
        A `Calibration`.

    Raises:
        NotFoundError: there is no such file: the model has not been evaluated.
        FileError: one of the files is damaged.
        ArgumentError: the thresholds are another model's; none meets the wish (the message lists
            those there are); several datasets do, and none was named.

    >>> import pathlib, tempfile
    >>> from osnet_tf import OSNet
    >>> from osnet_tf.architecture import fingerprint
    >>> from osnet_tf.metrics import Calibration, write_calibrations
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3), streams=1)
    >>> path = pathlib.Path(tempfile.mkdtemp(), "mine.calibration.json")
    >>> own = Calibration("cosine", 0.3, fpr=1e-3, tpr=0.8, fingerprint=fingerprint(model))
    >>> write_calibrations(path, [own])
    >>> find_calibration(model, path=path).threshold
    0.3
    """
    check_choice(METRICS, metric=metric)
    check_number(above=0, below=1, fpr=fpr)
    if isinstance(model, keras.Model):
        if path is None:
            raise ArgumentError("Give path, the file of calibrations, with a model in memory")
        name = model.name
    else:
        path = calibration_path(model) if path is None else path
        name = Path(model)
    known = read_calibrations(path)
    own = fingerprint(model if isinstance(model, keras.Model) else load_embedder(model))
    mine = [one for one in known if one.fingerprint == own]
    if known and not mine:
        raise ArgumentError(
            f"The thresholds in {path} were measured with other weights than those of {name}: "
            "evaluate it anew with train/evaluate.py"
        )
    fitting = [one for one in mine if one.metric == metric and one.fpr <= fpr]
    fitting = [one for one in fitting if dataset in (None, one.dataset)]
    if not fitting:
        there_are = "; ".join(f"{one.metric}, fpr {one.fpr:.3g}, {one.dataset}" for one in mine)
        raise ArgumentError(
            f"{path} has no such calibration. Received: metric={metric!r}, fpr={fpr}, "
            f"dataset={dataset!r}. There are: {there_are or 'none'}"
        )
    datasets = sorted({one.dataset for one in fitting})
    if len(datasets) > 1:
        raise ArgumentError(
            f"{path} has thresholds of several datasets: {', '.join(datasets)}. Say which one is "
            "like the images that will be judged. Received: dataset=None",
            argument="dataset",
        )
    return max(fitting, key=lambda one: one.fpr)
