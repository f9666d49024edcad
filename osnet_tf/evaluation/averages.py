"""Figures over several splits of one dataset: their mean and deviation."""

from collections.abc import Mapping, Sequence

import numpy as np

from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation.results import Evaluation, Scores


def mean_and_deviation(scores: Sequence[Scores]) -> dict:
    """Mean and standard deviation of each figure over some scores.

    Args:
        scores: `Scores` of two evaluations or more, such as those of VIPeR's twenty splits.

    Returns:
        A dict from the names that `Scores.to_dict` has ("rank1", "mAP", ...) to
        `{"mean": m, "std": s}`, fractions; s is the sample's (ddof 1). "single_shot" holds such a
        dict of "rank1", ..., "rank20" if all scores have it.

    Raises ArgumentError for fewer than two.

    >>> from osnet_tf.evaluation import Scores
    >>> two = [Scores(r, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25) for r in (0.25, 0.75)]
    >>> mean_and_deviation(two)["rank1"]
    {'mean': 0.5, 'std': 0.3535533905932738}
    >>> mean_and_deviation(two)["mAP"]
    {'mean': 0.5, 'std': 0.0}
    """
    figures = [one.to_dict() for one in scores]
    if len(figures) < 2:
        raise ArgumentError(f"A deviation takes two scores or more. Received: {len(figures)}")
    shots = [one.pop("single_shot", None) for one in figures]
    found = {name: _of([one[name] for one in figures]) for name in figures[0]}
    if all(shots):
        ranks = [name for name in found if name.startswith("rank")]
        found["single_shot"] = {name: _of([shot[name] for shot in shots]) for name in ranks}
    return found


def average_splits(evaluations: Mapping[str, Sequence[Evaluation]]) -> dict:
    """What `results.json` holds of datasets of which several splits were evaluated.

    Splits whose people the model has been trained on are left out.

    Args:
        evaluations: name of the whole ("viper") -> the `Evaluation`s of splits of it.

    Returns:
        Name -> `{"splits": ["viper:0", ...], "euclidean": mean_and_deviation(...), ...}`, of those
        with two such splits or more.
    """
    found = {}
    for name, splits in evaluations.items():
        splits = [one for one in splits if not one.trained_on]
        if len(splits) > 1:
            found[name] = {"splits": [one.dataset for one in splits]}
            for key in splits[0].scores:
                found[name][key] = mean_and_deviation([one.scores[key] for one in splits])
    return found


def _of(values):
    return {"mean": float(np.mean(values)), "std": float(np.std(values, ddof=1))}
