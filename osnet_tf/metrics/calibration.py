"""What distance means "same person": a threshold that is kept beside the model."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from osnet_tf.metrics.checks import check_choice
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

    def __post_init__(self):
        check_choice(self.metric, "metric", METRICS)
        if not np.isfinite(self.threshold):
            raise ValueError(f"threshold must be finite. Received: threshold={self.threshold}")

    def same_person(self, distance):
        """Whether distances (a number or an array, of this metric) are of one person; bools.

        Raises:
            ValueError: if a distance is NaN.
        """
        distance = np.asarray(distance)
        if np.isnan(distance).any():
            raise ValueError("distance must not be NaN.")
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
            raise ValueError(
                f"A calibration has the fields {sorted(known)}. Wrong: {sorted(wrong)}"
            )
        return cls(**fields)

    def save(self, path):
        """Writes the fields as JSON."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote; raises ValueError, with the path, if it is anything else."""
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} is no calibration: {error}") from error
