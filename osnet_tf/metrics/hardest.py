"""The pairs that a model gets most wrong, and images whose label is probably wrong."""

from typing import NamedTuple

import numpy as np

from osnet_tf.checks import check_int
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.distances import check_sets, distance_blocks
from osnet_tf.metrics.features import check_labels
from osnet_tf.metrics.labels import Labels
from osnet_tf.metrics.neighbors import nearest


class Pair(NamedTuple):
    """A query and a gallery image.

    Attributes:
        query, gallery: Their rows.
        distance: Between their features.
    """

    query: int
    gallery: int
    distance: float


def hardest_pairs(
    query,
    gallery,
    q_pids,
    g_pids,
    q_camids,
    g_camids,
    *,
    k=12,
    metric="euclidean",
    camera_aware=True,
    progress=None,
):
    """The different people who look most alike, and the images of one person that look least.

    Args:
        query, gallery, q_pids, g_pids, q_camids, g_camids, metric, camera_aware, progress: As in
            `rank`. Pairs of one person by one camera do not count with `camera_aware`.
        k: Pairs of each kind, >= 1. Of each query's person there is one at most, the hardest.

    Returns:
        `(different, same)`: two lists of at most k `Pair`s, the first by rising distance, the
        second by falling distance.

    Raises:
        TypeError, ArgumentError: as `rank`, except that no query needs a match; k < 1.

    >>> labels = [7, 8], [7, 8, 7], [0, 0], [1, 1, 1]
    >>> different, same = hardest_pairs([[0.0], [4.0]], [[1.0], [9.0], [5.0]], *labels, k=1)
    >>> different, same
    ([Pair(query=1, gallery=2, distance=1.0)], [Pair(query=0, gallery=2, distance=5.0)])
    """
    query, gallery = check_sets(query, gallery, metric, None)
    check_int(k=k)
    labels = Labels.check(
        len(query), len(gallery), q_pids, g_pids, q_camids, g_camids, camera_aware
    )
    closest, farthest = [], []
    for rows, distances in distance_blocks(query, gallery, metric=metric):
        same = labels.q_pids[rows, None] == labels.g_pids
        counted = same & (labels.q_camids[rows, None] != labels.g_camids)
        closest += _extremes(np.where(same, np.inf, distances), rows.start, 1)
        farthest += _extremes(np.where(counted, distances, -np.inf), rows.start, -1)
        if progress is not None:
            progress(len(distances))
    return _one_of_each(closest, labels, k, 1), _one_of_each(farthest, labels, k, -1)


def _extremes(distances, start, sign):
    """Each row's least (sign 1) or greatest (-1) finite distance as a `Pair`."""
    columns = (sign * distances).argmin(axis=1)
    values = distances[np.arange(len(distances)), columns]
    return [
        Pair(start + row, int(column), float(value))
        for row, (column, value) in enumerate(zip(columns, values, strict=True))
        if np.isfinite(value)
    ]


def _one_of_each(pairs, labels, k, sign):
    found = {}
    for pair in sorted(pairs, key=lambda pair: (sign * pair.distance, pair.query)):
        found.setdefault(int(labels.q_pids[pair.query]), pair)
    return list(found.values())[:k]


class LabelSuspect(NamedTuple):
    """An image whose label is probably wrong.

    Attributes:
        image: Its row.
        label: What it is labelled as.
        suggested: Whom all its neighbours are labelled as.
        neighbor: Row of the nearest of them.
        distance: From that one.
    """

    image: int
    label: int
    suggested: int
    neighbor: int
    distance: float


def label_suspects(features, pids, *, k=5, metric="euclidean", progress=None):
    """Images whose k nearest others are all of one person, and not of the one they are labelled as.

    The vote of the nearest neighbours is as good as the features are: a look at the images decides.
    Distractors (pid 0) are nobody, so that none is suggested; one may well be somebody.

    Args:
        features: `(n, dim)` real.
        pids: `(n,)` integers.
        k: Neighbours that must agree, 1 <= k < n. Someone with fewer images is never suggested.
        metric: "euclidean" or "cosine".
        progress: Called with the number of images of each finished block; may be None.

    Returns:
        A list of `LabelSuspect`s, those nearest to their neighbours first.

    Raises:
        TypeError, ArgumentError: as `distance_blocks`; labels that do not fit; k out of its range.

    Reference: k-nearest-neighbour editing of labels, Wilson (1972), "Asymptotic properties of
    nearest neighbor rules using edited data".

    >>> features = [[0.0], [0.1], [0.2], [5.0], [5.1], [5.2], [0.15]]
    >>> label_suspects(features, [1, 1, 1, 2, 2, 2, 2], k=3)[0][:3]
    (6, 2, 1)
    """
    features = np.asarray(features)
    check_int(k=k)
    if len(features) <= k:
        raise ArgumentError(f"k must be < the {len(features)} images. Received: k={k}")
    pids = check_labels(pids, "pids", len(features))
    indices, distances = nearest(features, features, k + 1, metric=metric, progress=progress)
    found = []
    for image, (near, far) in enumerate(zip(indices, distances, strict=True)):
        others = near != image
        others[k] &= others[:k].sum() < k  # copies of an image may leave itself beyond its k
        near, far = near[others], far[others]
        suggested = pids[near[0]]
        if suggested not in (0, pids[image]) and (pids[near] == suggested).all():
            suspect = (int(pids[image]), int(suggested), int(near[0]), float(far[0]))
            found.append(LabelSuspect(image, *suspect))
    return sorted(found, key=lambda one: (one.distance, one.image))
