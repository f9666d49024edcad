"""Crops or tracklets of several cameras clustered into identities."""

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_number, refuse
from osnet_tf.identities.constraints import cannot_link
from osnet_tf.identities.dendrogram import Dendrogram, in_order
from osnet_tf.identities.pairs import pair_distances
from osnet_tf.identities.tracklets import join_tracklets
from osnet_tf.metrics.features import check_features
from osnet_tf.types import Progress


def identify(
    features: ArrayLike,
    threshold: float,
    *,
    metric: str = "cosine",
    rerank: bool = False,
    camids: ArrayLike | None = None,
    times: ArrayLike | None = None,
    within_camera: bool = False,
    tracklets: ArrayLike | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Gives images of the same person the same number, by average link up to a threshold.

    Args:
        features: `(n, D)` embeddings of n >= 1 images, at most 50,000 (of which, or of whose
            tracklets, 8 m^2 bytes are held: 2.2 GB for 16,483).
        threshold: clusters whose images lie at this mean distance or nearer are one person. Of one
            pair it is the `Calibration.threshold` of `metric`; one of re-ranked distances is
            chosen with `Dendrogram.best_threshold`.
        metric, rerank: as in `pair_distances`; re-ranking takes more than 20 images.
        camids, times, within_camera: as in `cannot_link`; without camids every pair may be linked.
        tracklets: `(n,)` integers or texts: equal ones are certainly one person, and count as one
            image, see `join_tracklets`. None: each image by itself.
        progress: called with the numbers of images (or tracklets) whose distances are known.

    Returns:
        int64 `(n,)` identities from 0, in the order of their first images.

    Raises TypeError, ArgumentError for arguments that are none of these.

    >>> features = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]
    >>> identify(features, 0.1)
    array([0, 0, 1])
    >>> identify(features, 0.1, camids=[0, 0, 1], times=[5, 5, 9])
    array([0, 1, 2])
    """
    features = check_features(features, "features")
    check_number(0, threshold=threshold)
    if camids is None and (times is not None or within_camera):
        refuse("camids", "must be given with times or within_camera", camids)
    members = np.arange(len(features))
    if tracklets is not None:
        features, camids, times, members = join_tracklets(features, tracklets, camids, times)
    distances = pair_distances(features, metric=metric, rerank=rerank, progress=progress)
    forbidden = None
    if camids is not None:
        forbidden = cannot_link(camids, times, within_camera=within_camera)
    return in_order(Dendrogram(distances, forbidden).cut(threshold)[members])
