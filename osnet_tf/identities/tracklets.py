"""Tracklets: images that one camera's tracker has joined, as one embedding each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.errors import ArgumentError
from osnet_tf.identities.constraints import check_times
from osnet_tf.metrics.features import check_features, check_labels


class Tracklets(NamedTuple):
    """m tracklets of n images.

    Attributes:
        features: float32 `(m, D)`, the mean of the images' features.
        camids: `(m,)`, as given; None where none were.
        times: float64 `(m, 2)`, the first and the last time; NaN where it is unknown.
        members: int64 `(n,)`, each image's tracklet in [0, m): identities of tracklets, indexed
            with it, are those of the images.
    """

    features: np.ndarray
    camids: np.ndarray | None
    times: np.ndarray
    members: np.ndarray


def join_tracklets(
    features: ArrayLike,
    tracklets: ArrayLike,
    camids: ArrayLike | None = None,
    times: ArrayLike | None = None,
) -> Tracklets:
    """Joins the images of each tracklet.

    Args:
        features: `(n, D)` real features.
        tracklets: `(n,)` integers or texts: the images with equal ones are a tracklet.
        camids: `(n,)` integers or texts, or None.
        times: as in `cannot_link`.

    Raises TypeError, ArgumentError for other shapes, or a tracklet by two cameras.

    >>> joined = join_tracklets([[0.0], [1.0], [5.0]], ["a", "a", "b"], times=[3, 7, 5])
    >>> joined.features.tolist(), joined.times.tolist(), joined.members.tolist()
    ([[0.5], [5.0]], [[3.0, 7.0], [5.0, 5.0]], [0, 0, 1])
    """
    features = check_features(features, "features")
    n = len(features)
    names, first, members = np.unique(
        check_labels(tracklets, "tracklets", n), return_index=True, return_inverse=True
    )
    if camids is not None:
        camids = check_labels(camids, "camids", n)
        wrong = np.flatnonzero(camids != camids[first][members])
        if len(wrong):
            name = names[members[wrong[0]]]
            raise ArgumentError(f"A tracklet is by one camera. Received: {name} by several")
        camids = camids[first]
    times = check_times(times, n)
    spans = np.full((len(names), 2), np.nan)
    np.fmin.at(spans[:, 0], members, times[:, 0])
    np.fmax.at(spans[:, 1], members, times[:, 1])
    means = np.zeros((len(names), features.shape[1]))
    np.add.at(means, members, features)
    means /= np.bincount(members)[:, None]
    return Tracklets(means.astype(np.float32), camids, spans, members)
