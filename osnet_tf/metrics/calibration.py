"""What distance means "same person": thresholds that are kept beside the model."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from osnet_tf.checks import check_choice
from osnet_tf.errors import ArgumentError, NotFoundError
from osnet_tf.files import write_json
from osnet_tf.metrics.distances import METRICS


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

    def __post_init__(self):
        check_choice(METRICS, metric=self.metric)
        if not np.isfinite(self.threshold):
            raise ArgumentError(f"threshold must be finite. Received: threshold={self.threshold}")

    def same_person(self, distance):
        """Whether distances (a number or an array, of this metric) are of one person; bools.

        Raises:
            ValueError: if a distance is NaN.
        """
        distance = np.asarray(distance)
        if np.isnan(distance).any():
            raise ArgumentError("distance must not be NaN.")
        # In float32, as the threshold was measured.
        accepted = distance.astype(np.float32) <= np.float32(self.threshold)
        return accepted if accepted.ndim else bool(accepted)

    def to_dict(self):
        """The fields as a dict that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields):
        """The calibration of a `to_dict`; raises ValueError naming wrong or missing fields."""
        known = {field.name for field in dataclasses.fields(cls)}
        wrong = known.symmetric_difference(fields)
        if wrong:
            raise ArgumentError(
                f"A calibration has the fields {sorted(known)}. Wrong: {sorted(wrong)}"
            )
        return cls(**fields)


def calibration_path(model):
    """Where the calibrations of a model's file lie: beside it.

    >>> calibration_path("runs/demo/embedder.keras").name
    'embedder.calibration.json'
    """
    return Path(model).with_suffix(".calibration.json")


def write_calibrations(path, calibrations):
    """Writes `Calibration`s as JSON, as a whole or not at all.

    Example:

    >>> import pathlib, tempfile
    >>> from osnet_tf.metrics.calibration import *
    >>> path = calibration_path(pathlib.Path(tempfile.mkdtemp(), "embedder.keras"))
    >>> write_calibrations(path, [Calibration("cosine", 0.3, fpr=1e-3, tpr=0.8, dataset="demo")])
    >>> find_calibration(path, metric="cosine", fpr=1e-3).threshold
    0.3
    """
    write_json(path, {"calibrations": [calibration.to_dict() for calibration in calibrations]})


def read_calibrations(path):
    """The list of `Calibration`s that `write_calibrations` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is anything else; the message names it.
    """
    try:
        records = json.loads(Path(path).read_text(encoding="utf-8"))["calibrations"]
        return [Calibration.from_dict(record) for record in records]
    except FileNotFoundError:
        raise NotFoundError(
            f"There is no calibration {path}: train/evaluate.py writes it beside the model"
        ) from None
    except (ValueError, TypeError, KeyError) as error:
        raise ArgumentError(f"{path} holds no calibrations: {error}") from error


def find_calibration(path, *, metric="cosine", fpr=1e-3, dataset=None):
    """The calibration in a file whose false-positive rate is nearest below the wanted one.

    Args:
        path: a file that `write_calibrations` wrote, or a model's, beside which it lies.
        metric: the metric of the distances that will be judged.
        fpr: the largest false-positive rate that is wanted, in (0, 1).
        dataset: the dataset that it was measured on; any by default.

    Raises:
        FileNotFoundError, ValueError: as `read_calibrations`; no calibration meets the wish (the
            message lists those there are).
    """
    path = Path(path)
    if path.suffix != ".json":
        path = calibration_path(path)
    known = read_calibrations(path)
    fitting = [
        c for c in known if c.metric == metric and c.fpr <= fpr and dataset in (None, c.dataset)
    ]
    if not fitting:
        there_are = "; ".join(f"{c.metric}, fpr {c.fpr:.3g}, {c.dataset}" for c in known)
        raise ArgumentError(
            f"{path} has no such calibration. Received: metric={metric!r}, fpr={fpr}, "
            f"dataset={dataset!r}. There are: {there_are or 'none'}"
        )
    return max(fitting, key=lambda c: c.fpr)
