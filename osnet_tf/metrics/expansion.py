"""Features averaged with their nearest neighbours: query expansion, database augmentation."""

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_int, check_number
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.distances import unit_rows
from osnet_tf.metrics.features import check_features, check_same_width
from osnet_tf.metrics.neighbors import nearest


def expand_queries(
    query: ArrayLike,
    gallery: ArrayLike,
    *,
    k: int = 5,
    alpha: float | None = None,
    metric: str = "cosine",
    block: int | None = None,
) -> np.ndarray:
    """Average query expansion: each query's mean with its k nearest gallery images.

    With `alpha`, neighbours weigh max(cos, 0)^alpha (alpha-weighted expansion) instead of 1.

    Args:
        query: `(Q, D)` real features, taken as float32.
        gallery: `(G, D)` real features.
        k: neighbours to average with, 1 <= k <= G.
        alpha: None, or a number >= 0; 0 is the plain mean of those with cos > 0.
        metric: the metric by which neighbours are found; with `"cosine"` (usual) features are first
            brought to length 1, and so is the result.
        block: queries at a time; by default as in `distance_blocks`.

    Returns:
        float32 `(Q, D)`.

    Raises:
        ArgumentError: shapes that do not fit, NaN features, k outside [1, G], alpha < 0.

    Reference:
        Chum et al., "Total recall", ICCV 2007; Radenovic et al., arXiv 1711.02512, section 5.3.

    Example:

    >>> from osnet_tf.metrics import expand_queries
    >>> expand_queries([[0.0, 0.0]], [[3.0, 0.0], [9.0, 9.0]], k=1, metric="euclidean")
    array([[1.5, 0. ]], dtype=float32)
    """
    query = check_features(query, "query")
    gallery = check_features(gallery, "gallery")
    check_same_width(query, gallery, "query", "gallery")
    _check_alpha(alpha)
    indices, _ = nearest(query, gallery, k, metric=metric, block=block)
    return _averaged(query, gallery, indices, alpha, metric)


def augment_gallery(
    gallery: ArrayLike,
    *,
    k: int = 5,
    alpha: float | None = None,
    metric: str = "cosine",
    block: int | None = None,
) -> np.ndarray:
    """Database augmentation: each gallery image's mean with its k nearest others in the gallery.

    The image itself is left out of its own neighbours (by index: a duplicate of it stays in).

    Args:
        gallery: `(G, D)` real features, taken as float32.
        k: neighbours to average with, 1 <= k < G.
        alpha, metric, block: as in `expand_queries`.

    Returns:
        float32 `(G, D)`.

    Raises:
        ArgumentError: as `expand_queries`; k outside [1, G - 1].

    Reference:
        Turcot and Lowe, ICCV Workshops 2009; Arandjelovic and Zisserman, CVPR 2012, section 4.

    Example:

    >>> from osnet_tf.metrics import augment_gallery
    >>> augment_gallery([[0.0], [1.0], [10.0]], k=1, metric="euclidean").ravel()
    array([0.5, 0.5, 5.5], dtype=float32)
    """
    gallery = check_features(gallery, "gallery")
    _check_alpha(alpha)
    check_int(k=k)
    if k >= len(gallery):
        raise ArgumentError(f"k must be < the {len(gallery)} rows of gallery. Received: k={k}")
    indices, _ = nearest(gallery, gallery, k + 1, metric=metric, block=block)
    other = indices != np.arange(len(gallery))[:, None]
    other[other.all(axis=1), -1] = False  # more than k duplicates stand before the image itself
    return _averaged(gallery, gallery, indices[other].reshape(-1, k), alpha, metric)


def _check_alpha(alpha):
    if alpha is not None:
        check_number(0, alpha=alpha)


def _averaged(features, gallery, indices, alpha, metric):
    """Float32 means of each row of `features` with the gallery rows of its `indices`."""
    out = np.empty_like(features)
    for i, columns in enumerate(indices):
        own, others = features[i].astype(np.float64), gallery[columns].astype(np.float64)
        weights = np.ones(len(columns))
        if metric == "cosine":
            own, others = unit_rows(own), unit_rows(others)
        if alpha is not None:
            cosine = unit_rows(others) @ unit_rows(own)
            weights = np.where(cosine > 0, np.maximum(cosine, 0.0) ** alpha, 0.0)
        mean = (own + weights @ others) / (1 + weights.sum())
        out[i] = unit_rows(mean) if metric == "cosine" else mean
    return out
