"""How well identities that were found agree with the people that there are."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.features import check_labels


@dataclass(frozen=True)
class IdentityScores:
    """What `score_identities` returns; all but the numbers in [0, 1], the index also below 0.

    Attributes:
        precision: share of the pairs of images with one identity that show one person; 1 if
            there is no such pair.
        recall: share of the pairs that show one person that have one identity; 1 if there is none.
        f1: their harmonic mean.
        ari: adjusted Rand index (Hubert and Arabie 1985): 1 for the same partition, 0 on average
            for one drawn by chance with the same sizes.
        idf1: share of the images that the one-to-one match of identities to people that is best
            for it gets right. IDF1 (Ristani et al. 2016) is this where every image has an identity
            and a person.
        num_images, num_identities, num_people: how many there are.
    """

    precision: float
    recall: float
    f1: float
    ari: float
    idf1: float
    num_images: int
    num_identities: int
    num_people: int

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict that JSON can hold."""
        return asdict(self)


def score_identities(identities: ArrayLike, pids: ArrayLike) -> IdentityScores:
    """Compares identities with people; names and numbers of either do not count.

    Args:
        identities: `(n,)` integers or texts, n >= 1: what was found.
        pids: `(n,)` integers or texts: what is true.

    Returns:
        `IdentityScores`, exact: pairs are counted, not sampled.

    Raises TypeError, ArgumentError for other labels.

    >>> scores = score_identities([0, 0, 1, 1], [7, 7, 7, 4])
    >>> scores.precision, round(scores.recall, 3), scores.idf1
    (0.5, 0.333, 0.75)
    """
    n = np.size(identities)
    if not n:
        raise ArgumentError("identities must not be empty.")
    identities = check_labels(identities, "identities", n)
    pids = check_labels(pids, "pids", n)
    found, rows = np.unique(identities, return_inverse=True)
    people, columns = np.unique(pids, return_inverse=True)
    cells, shared = np.unique(rows * np.int64(len(people)) + columns, return_counts=True)
    right = _pairs(shared)
    told, actual = _pairs(np.bincount(rows)), _pairs(np.bincount(columns))
    chance = told * actual / max(_pairs(np.array([n])), 1)
    most = (told + actual) / 2
    matched = _best_match(cells // len(people), cells % len(people), shared)
    return IdentityScores(
        precision=right / told if told else 1.0,
        recall=right / actual if actual else 1.0,
        f1=2 * right / (told + actual) if told + actual else 1.0,
        ari=(right - chance) / (most - chance) if most > chance else 1.0,
        idf1=matched / n,
        num_images=n,
        num_identities=len(found),
        num_people=len(people),
    )


def _pairs(counts):
    return int((counts.astype(np.int64) * (counts - 1) // 2).sum())


def _best_match(rows, columns, shared):
    """Images in common under the best one-to-one match of rows to columns."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    # A row that stays alone is matched to a column of its own that is worth nothing. An entry of 0
    # is none to SciPy, so each is 1 more; each row has one.
    num_rows, num_columns = rows.max() + 1, columns.max() + 1
    alone = np.arange(num_rows)
    place = (np.concatenate([rows, alone]), np.concatenate([columns, num_columns + alone]))
    weights = np.concatenate([shared + 1.0, np.ones(num_rows)])
    shape = (num_rows, num_columns + num_rows)
    matrix = csr_array((weights, place), shape=shape)
    chosen = min_weight_full_bipartite_matching(matrix, maximize=True)
    return round(matrix[chosen].sum()) - int(num_rows)
