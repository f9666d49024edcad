"""People as points: t-SNE of embeddings (scikit-learn)."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.checks import check_int, optional_package
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.features import check_labels
from osnet_tf.types import PathLike
from osnet_tf.visualize.canvas import short_name
from osnet_tf.visualize.figure import figure_file

_COLOURS = 20  # that can be told apart
_MARKERS = "osD^vP*X<>"


def tsne(embeddings: ArrayLike, *, perplexity: float = 30.0, seed: int = 0) -> np.ndarray:
    """Places embeddings in a plane by t-SNE, by their direction.

    Embeddings are brought to length 1, so that distances grow with the cosine distance. Neighbours
    in the plane are neighbours; how far apart groups lie, and how large they are, means nothing.

    Args:
        embeddings: real `(n, dim)`, finite, n >= 4.
        perplexity: About how many neighbours count; at most a third of n is taken.
        seed: int >= 0.

    Returns:
        float32 `(n, 2)`; the same for the same arguments and versions.

    Raises:
        ArgumentError: fewer than 4, or not finite.
        MissingPackageError: scikit-learn is not installed.

    Reference: van der Maaten and Hinton, Visualizing Data using t-SNE (JMLR 2008).

    >>> tsne(np.eye(5)).shape
    (5, 2)
    """
    check_int(minimum=0, seed=seed)
    embeddings = np.asarray(embeddings, np.float64)
    if embeddings.ndim != 2 or len(embeddings) < 4 or not np.isfinite(embeddings).all():
        raise ArgumentError(
            "embeddings must be finite, of shape (n, dim) with n >= 4. "
            f"Received: shape={embeddings.shape}"
        )
    require_scikit_learn()
    from sklearn.manifold import TSNE

    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = embeddings / np.where(lengths > 0, lengths, 1)
    perplexity = min(perplexity, (len(unit) - 1) / 3)
    plane = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(unit)
    return plane.astype(np.float32)


def draw_people(
    path: PathLike,
    plane: ArrayLike,
    pids: ArrayLike,
    *,
    camids: ArrayLike | None = None,
    names: Mapping[int, str] | None = None,
) -> None:
    """Draws points, of each person in one colour and of each camera with one mark.

    Args:
        path: File to write; see `figure_file`.
        plane: real `(n, 2)`, as from `tsne`.
        pids: `(n,)` integers. The 20 people of most images get colours, all others are grey;
            distractors (pid 0) are small and grey.
        camids: `(n,)` integers from 0; None for one mark for all.
        names: pid -> what the person is called; the number by default.

    Raises ArgumentError for labels that do not fit.
    """
    plane = np.asarray(plane)
    pids = check_labels(pids, "pids", len(plane))
    camids = None if camids is None else check_labels(camids, "camids", len(plane))
    counts = Counter(pids[pids > 0].tolist())
    shown = sorted(sorted(counts, key=lambda pid: (-counts[pid], pid))[:_COLOURS])
    cameras = [None] if camids is None else sorted(set(camids.tolist()))
    with figure_file(path, width=8.0, height=6.0) as [axes]:
        rest = ~np.isin(pids, shown)
        axes.plot(*plane[rest].T, ".", color="0.75", markersize=3, zorder=0)
        for number, pid in enumerate(shown):
            colour = _colour(number)
            for place, camid in enumerate(cameras):
                of_both = (pids == pid) & (True if camid is None else camids == camid)
                mark = _MARKERS[place % len(_MARKERS)]
                axes.plot(*plane[of_both].T, mark, color=colour, markersize=5, alpha=0.85)
            label = short_name((names or {}).get(pid, str(pid)))
            axes.plot([], [], "s", color=colour, markersize=6, label=label)
        if len(cameras) > 1:
            for place, camid in enumerate(cameras):
                mark = _MARKERS[place % len(_MARKERS)]
                axes.plot([], [], mark, color="0.3", markersize=5, label=f"camera {camid + 1}")
        axes.set(xticks=[], yticks=[])
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)


def require_scikit_learn():
    """Raises MissingPackageError if scikit-learn is not installed."""
    with optional_package(
        "t-SNE and clusters of gates need scikit-learn", "pip install 'osnet_tf[visualize]'"
    ):
        import sklearn  # noqa: F401


def _colour(number):
    """One of twenty colours: two rounds of ten."""
    from matplotlib import colormaps

    return colormaps["tab20"].colors[2 * number % _COLOURS + 2 * number // _COLOURS]
