"""What distance means "same person": thresholds, each of one model, dataset and metric."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_choice, check_int, check_number, refuse
from osnet_tf.errors import ArgumentError, FileError, NotFoundError
from osnet_tf.files import read_json, write_json
from osnet_tf.metrics.distances import METRICS
from osnet_tf.types import PathLike

#: Distances are float32.
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Calibration:
    """A distance threshold with the rates it was measured at.

    Attributes:
        metric: the metric of the distances, one of `"euclidean"`, `"sqeuclidean"`, `"cosine"`.
        threshold: a pair at this distance or nearer counts as one person.
        fpr: share of pairs of different people that were accepted.
        tpr: share of pairs of one person (by two cameras) that were accepted.
        num_same, num_different: the pairs that the rates were measured on.
        dataset: name of the dataset that they are from; "" if it was not told.
        fingerprint: `osnet_tf.architecture.fingerprint` of the model whose embeddings they are; ""
            if it was not told.

    Raises ArgumentError for a value that is none of these.

    Example:

    >>> from osnet_tf.metrics import Calibration
    >>> calibration = Calibration("cosine", threshold=0.3, fpr=1e-3, tpr=0.8)
    >>> calibration.same_person([0.1, 0.3, 0.5])
    array([ True,  True, False])
    >>> Calibration.from_dict(calibration.to_dict()) == calibration
    True
    """

    metric: str
    threshold: float
    fpr: float
    tpr: float
    num_same: int = 0
    num_different: int = 0
    dataset: str = ""
    fingerprint: str = ""

    def __post_init__(self):
        check_choice(METRICS, metric=self.metric)
        check_number(-_LARGEST, _LARGEST, threshold=self.threshold)
        check_number(0, 1, fpr=self.fpr, tpr=self.tpr)
        check_int(0, num_same=self.num_same, num_different=self.num_different)
        for name in ("dataset", "fingerprint"):
            if not isinstance(getattr(self, name), str):
                refuse(name, "must be text", getattr(self, name))

    @property
    def key(self) -> tuple:
        """What there is one threshold for, at each false-positive rate."""
        return self.fingerprint, self.dataset, self.metric

    def same_person(self, distance: ArrayLike) -> bool | np.ndarray:
        """Whether distances (a number or an array, of this metric) are of one person; bools.

        Raises ArgumentError if a distance is NaN.
        """
        distance = np.asarray(distance)
        if np.isnan(distance).any():
            raise ArgumentError("distance must not be NaN.")
        # In float32, as the threshold was measured.
        accepted = distance.astype(np.float32) <= np.float32(self.threshold)
        return accepted if accepted.ndim else bool(accepted)

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """The calibration of a `to_dict`; raises ArgumentError naming wrong or missing fields."""
        if not isinstance(fields, dict):
            raise ArgumentError(f"A calibration is an object. Received: {fields!r:.100}")
        known = {field.name for field in dataclasses.fields(cls)}
        wrong = known.symmetric_difference(fields)
        if wrong:
            raise ArgumentError(
                f"A calibration has the fields {sorted(known)}. Wrong: {sorted(wrong)}"
            )
        return cls(**fields)


def calibration_path(model: PathLike) -> Path:
    """Where the calibrations of a model's file lie: beside it.

    >>> calibration_path("runs/demo/embedder.keras").name
    'embedder.calibration.json'
    """
    return Path(model).with_suffix(".calibration.json")


def write_calibrations(path: PathLike, calibrations: Iterable[Calibration]) -> None:
    """Writes `Calibration`s as JSON, as a whole or not at all.

    Those that the file holds of other models, datasets and metrics stay in it.

    Args:
        path: The file; its folder exists.
        calibrations: They replace all of the same `key`.

    Raises:
        FileError: the file is there, but holds anything else.
        WriteError: it cannot be written.

    Example:

    >>> import pathlib, tempfile
    >>> path = calibration_path(pathlib.Path(tempfile.mkdtemp(), "embedder.keras"))
    >>> for dataset in ("demo", "market1501", "demo"):
    ...     write_calibrations(path, [Calibration("cosine", 0.3, 1e-3, 0.8, dataset=dataset)])
    >>> [calibration.dataset for calibration in read_calibrations(path)]
    ['market1501', 'demo']
    """
    calibrations = list(calibrations)
    replaced = {calibration.key for calibration in calibrations}
    try:
        kept = [known for known in read_calibrations(path) if known.key not in replaced]
    except NotFoundError:
        kept = []
    write_json(path, {"calibrations": [one.to_dict() for one in (*kept, *calibrations)]})


def read_calibrations(path: PathLike) -> list[Calibration]:
    """The list of `Calibration`s that `write_calibrations` wrote, of whichever models.

    Raises:
        NotFoundError: there is no such file.
        FileError: it holds anything else.
    """
    try:
        records = read_json(path).get("calibrations")
    except NotFoundError:
        raise NotFoundError(
            f"There is no calibration {path}: train/evaluate.py writes it beside the model"
        ) from None
    if not isinstance(records, list):
        raise FileError(path, 'holds no list of "calibrations"')
    try:
        return [Calibration.from_dict(record) for record in records]
    except ArgumentError as error:
        raise FileError(path, f"holds no calibrations: {error}") from None
