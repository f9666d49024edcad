"""Average link: whose clusters are nearest on average is joined first."""

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_number
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.features import check_labels


class Dendrogram:
    """All joins of average link (UPGMA, Sokal and Michener 1958), to be cut at any threshold.

    Two clusters' distance is the mean over all pairs of an image of one and an image of the other.
    SciPy computes it, in O(n^2) time. A pair that cannot be linked counts as so far apart that no
    mean with it can be within the threshold: the clusters are those that joining the nearest two
    *allowed* clusters again and again gives.

    Args:
        distances: float64 `(n (n - 1) / 2,)`, >= 0, as `pair_distances` returns. Where there is
            `cannot_link`, these are overwritten.
        cannot_link: bool of the same shape; None allows every pair.

    Raises ArgumentError for other shapes, or distances that are negative or not finite.

    >>> tree = Dendrogram(np.array([1.0, 9.0, 8.0]))
    >>> tree.cut(1), tree.cut(9)
    (array([0, 0, 1]), array([0, 0, 0]))
    >>> Dendrogram(np.array([1.0, 9.0, 8.0]), np.array([True, False, False])).cut(9)
    array([0, 1, 1])
    """

    def __init__(self, distances: ArrayLike, cannot_link: ArrayLike | None = None) -> None:
        from scipy.cluster.hierarchy import linkage

        distances = np.asarray(distances, np.float64)
        n = round((1 + np.sqrt(1 + 8 * distances.size)) / 2)
        if distances.ndim != 1 or n * (n - 1) // 2 != len(distances):
            raise ArgumentError(
                f"distances must have shape (n (n - 1) / 2,). Received: shape={distances.shape}"
            )
        if not (np.isfinite(distances).all() and (distances >= 0).all()):
            raise ArgumentError("distances must be finite and >= 0.")
        largest = max(float(distances.max(initial=0)), 1.0)
        self._limit = 2 * largest  # between all means of allowed pairs and any other
        if cannot_link is not None:
            mask = np.asarray(cannot_link)
            if mask.dtype != bool or mask.shape != distances.shape:
                raise ArgumentError(
                    f"cannot_link must be bools of shape {distances.shape}. "
                    f"Received: shape={mask.shape}, dtype={mask.dtype}"
                )
            # One of at most n^2 / 4 pairs, it makes their mean 4 times the largest, at least
            distances[mask] = largest * n**2
        self.num_images = n
        self._joins = linkage(distances, "average") if n > 1 else np.zeros((0, 4))

    def cut(self, threshold: float) -> np.ndarray:
        """The identities that remain when no two clusters are at `threshold` or nearer.

        Returns int64 `(n,)`, numbered from 0 in the order of their first images. Raises
        ArgumentError for a threshold that is no finite number >= 0.
        """
        from scipy.cluster.hierarchy import fcluster

        check_number(0, threshold=threshold)
        if self.num_images == 1:
            return np.zeros(1, np.int64)
        flat = fcluster(self._joins, min(threshold, self._limit), "distance")
        return in_order(flat)

    def best_threshold(self, pids: ArrayLike) -> tuple[float, float]:
        """Where to cut so that pairwise F1 is highest, for images of known people.

        Args:
            pids: `(n,)` integers or texts.

        Returns:
            `(threshold, f1)`: halfway from the last join that is made to the next, for it is for
            other images that the threshold is chosen; the smallest of equally good ones.

        Raises TypeError, ArgumentError for other labels.

        >>> threshold, f1 = Dendrogram(np.array([1.0, 9.0, 8.0])).best_threshold([7, 7, 4])
        >>> threshold, f1
        (4.75, 1.0)
        """
        pids = check_labels(pids, "pids", self.num_images)
        _, codes, sizes = np.unique(pids, return_inverse=True, return_counts=True)
        actual = int((sizes * (sizes - 1) // 2).sum())
        people = dict(enumerate({int(code): 1} for code in codes))
        counts = dict.fromkeys(people, 1)
        found = told = 0
        best = (0.0 if actual else 1.0, 0.0, self._joins[0, 2] if len(self._joins) else 0.0)
        for number, (a, b, height, _) in enumerate(self._joins, self.num_images):
            if height > self._limit:
                break  # no more are allowed
            few, many = sorted((people.pop(int(a)), people.pop(int(b))), key=len)
            found += sum(count * many.get(pid, 0) for pid, count in few.items())
            for pid, count in few.items():
                many[pid] = many.get(pid, 0) + count
            people[number] = many
            sizes = counts.pop(int(a)), counts.pop(int(b))
            told += sizes[0] * sizes[1]
            counts[number] = sum(sizes)
            later = self._joins[number - self.num_images + 1 :, 2]
            following = later[0] if len(later) and later[0] <= self._limit else None
            if following is None or following > height:
                f1 = 2 * found / (told + actual)
                if f1 > best[0]:
                    best = (f1, height, height if following is None else following)
        return float(best[1] + best[2]) / 2, best[0]


def in_order(labels):
    """Labels numbered from 0 in the order in which they first appear.

    >>> in_order([7, 3, 7, 1])
    array([0, 1, 0, 2])
    """
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[place]
