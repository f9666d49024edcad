"""Verification: is this pair one person? ROC, true-accept rates, EER and thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_number
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.calibration import Calibration
from osnet_tf.metrics.distances import check_sets
from osnet_tf.metrics.labels import Labels
from osnet_tf.metrics.pair_counts import LOW_BITS, PairCounts, distance_of
from osnet_tf.types import Progress

FPRS = (1e-1, 1e-2, 1e-3, 1e-4)


@dataclass(frozen=True, eq=False)
class VerificationResult:
    """What `verify` returns. A pair is accepted as one person if its distance is <= a threshold.

    Attributes:
        metric: the metric of the distances.
        fprs: the wanted false-positive rates, as given.
        thresholds: float32, for each of them the largest threshold whose false-positive rate does
            not exceed it (just below 0 if even identical images would be too many).
        tprs, reached_fprs: float64, true- and false-positive rate at each threshold.
        eer: equal error rate, on the straight line between the two ROC points about it.
        eer_threshold: the smallest distance at which the false-positive rate is at least the
            false-negative rate.
        num_same, num_different: pairs of one person by different cameras, and of two people.
        roc_thresholds: float32 `(T,)`, ascending; about 0.05 % apart.
        roc_fpr, roc_tpr: float64 `(T,)`, exact at those thresholds.
        same_counts, different_counts: int64 `(T,)`: pairs above the threshold before, up to this
            one: the histograms of distances.
    """

    metric: str
    fprs: tuple
    thresholds: np.ndarray
    tprs: np.ndarray
    reached_fprs: np.ndarray
    eer: float
    eer_threshold: float
    num_same: int
    num_different: int
    roc_thresholds: np.ndarray
    roc_fpr: np.ndarray
    roc_tpr: np.ndarray
    same_counts: np.ndarray
    different_counts: np.ndarray

    def calibration(
        self, fpr: float = 1e-3, dataset: str = "", fingerprint: str = ""
    ) -> Calibration:
        """The `Calibration` for one of `fprs`, of that dataset and that model.

        Raises ArgumentError for any other rate.
        """
        if fpr not in self.fprs:
            raise ArgumentError(
                f"fpr must be one of the rates evaluated, {self.fprs}. Received: {fpr}"
            )
        k = self.fprs.index(fpr)
        return Calibration(
            metric=self.metric,
            threshold=float(self.thresholds[k]),
            fpr=float(self.reached_fprs[k]),
            tpr=float(self.tprs[k]),
            num_same=self.num_same,
            num_different=self.num_different,
            dataset=dataset,
            fingerprint=fingerprint,
        )

    def summary(self) -> dict[str, float]:
        """A flat dict of floats: `TPR@FPR=...` and `threshold@FPR=...` for each rate, and `EER`."""
        line = {}
        for fpr, tpr, threshold in zip(self.fprs, self.tprs, self.thresholds, strict=True):
            line[f"TPR@FPR={fpr:g}"] = float(tpr)
            line[f"threshold@FPR={fpr:g}"] = float(threshold)
        return {**line, "EER": self.eer, "threshold@EER": self.eer_threshold}


def verify(
    query: ArrayLike,
    gallery: ArrayLike,
    q_pids: ArrayLike,
    g_pids: ArrayLike,
    q_camids: ArrayLike,
    g_camids: ArrayLike,
    *,
    fprs: Sequence[float] = FPRS,
    metric: str = "euclidean",
    camera_aware: bool = True,
    block: int | None = None,
    progress: Progress | None = None,
) -> VerificationResult:
    """Takes each query and gallery image as a pair and asks whether they show one person.

    Pairs of one person by one camera are left out, as in `rank`. Rates and thresholds are exact for
    the float32 distances of `distance_blocks` (float64, rounded once): every pair is counted, none
    is sampled, and memory does not grow with the number of pairs. The distances are computed twice.

    Args:
        query, gallery, q_pids, g_pids, q_camids, g_camids, camera_aware: as in `rank`.
        fprs: the false-positive rates that thresholds are wanted for, each in (0, 1). With N pairs
            of different people, a rate below 1 / N can only be met by accepting none of them.
        metric: `"euclidean"`, `"sqeuclidean"` or `"cosine"`: what thresholds are measured in.
        block: queries at a time; by default as in `distance_blocks`.
        progress: called with the number of queries of each finished block, in all twice the
            queries, for there are two passes; may be None.

    Returns:
        A `VerificationResult`.

    Raises:
        TypeError, ArgumentError: as `rank`; a rate outside (0, 1); no pair of different people.

    Example:

    >>> from osnet_tf.metrics import verify
    >>> result = verify([[0.0]], [[1.0], [2.0], [3.0]], [7], [7, 4, 7], [0], [1, 1, 1], fprs=(0.5,))
    >>> result.tprs                         # accepts the match at 1, not the one beyond 2
    array([0.5])
    >>> bool(1.9 < result.thresholds[0] < 2)
    True
    """
    query, gallery = check_sets(query, gallery, metric, block)
    fprs = tuple(float(fpr) for fpr in fprs)
    for fpr in fprs:
        check_number(above=0, below=1, fprs=fpr)
    labels = Labels.check(
        len(query), len(gallery), q_pids, g_pids, q_camids, g_camids, camera_aware
    )
    labels.check_some_match()
    counts = PairCounts(query, gallery, labels, metric, block, progress)
    num_same, num_different = int(counts.same.sum()), int(counts.different.sum())
    if not num_different:
        raise ArgumentError("There is no pair of different people: all images have one pid.")
    return _evaluate(counts, num_same, num_different, fprs, metric)


def _evaluate(counts, num_same, num_different, fprs, metric):
    total_same, total_different = np.cumsum(counts.same), np.cumsum(counts.different)
    # With k of N pairs of different people allowed, the (k + 1)-th nearest is the first to refuse.
    allowed = [_most_within(fpr, num_different) for fpr in fprs]
    bins = np.searchsorted(total_different, allowed, side="right")
    # Whole numbers: false positives / num_different >= false negatives / num_same.
    crossed = total_different * num_same >= (num_same - total_same) * num_different
    eer_bin = int(np.argmax(crossed))
    inside = counts.within([*bins, eer_bin])

    thresholds, rates = [], []
    for wanted, at in zip(allowed, bins, strict=True):
        same, different = inside[int(at)]
        before = total_different[at] - different.sum()
        low = int(np.searchsorted(before + np.cumsum(different), wanted, side="right"))
        accepted_same = total_same[at] - same[low:].sum()
        accepted_different = total_different[at] - different[low:].sum()
        thresholds.append(distance_of((int(at) << LOW_BITS) + low - 1))
        rates.append((accepted_same / num_same, accepted_different / num_different))
    eer, eer_threshold = _equal_error(
        inside[eer_bin], eer_bin, total_same, total_different, num_same, num_different
    )
    filled = np.flatnonzero(counts.same + counts.different)
    tprs, reached = np.array(rates).T
    return VerificationResult(
        metric=metric,
        fprs=fprs,
        thresholds=np.array(thresholds, np.float32),
        tprs=tprs,
        reached_fprs=reached,
        eer=eer,
        eer_threshold=eer_threshold,
        num_same=num_same,
        num_different=num_different,
        roc_thresholds=distance_of((filled << LOW_BITS) + (1 << LOW_BITS) - 1),
        roc_fpr=total_different[filled] / num_different,
        roc_tpr=total_same[filled] / num_same,
        same_counts=counts.same[filled],
        different_counts=counts.different[filled],
    )


def _equal_error(inside, at, total_same, total_different, num_same, num_different):
    """`(rate, threshold)` where the false-positive rate first reaches the false-negative rate."""
    same, different = inside
    accepted = total_different[at] - different.sum() + np.cumsum(different)
    refused = num_same - (total_same[at] - same.sum() + np.cumsum(same))
    low = int(np.argmax(accepted * num_same >= refused * num_different))
    fpr, fnr = accepted[low] / num_different, refused[low] / num_same
    old_fpr = (accepted[low] - different[low]) / num_different
    old_fnr = (refused[low] + same[low]) / num_same
    share = (old_fnr - old_fpr) / (old_fnr - old_fpr + fpr - fnr)  # old_fnr > old_fpr
    rate = old_fpr + share * (fpr - old_fpr)
    return float(rate), float(distance_of((at << LOW_BITS) + low))


def _most_within(fpr, total):
    """The largest k < total with k / total <= fpr."""
    k = int(fpr * total)
    k += (k + 1) / total <= fpr
    return min(k, total - 1)
