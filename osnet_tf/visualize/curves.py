"""The curves of an evaluation: CMC, ROC, and how far apart same and different people are."""

from collections.abc import Mapping

import numpy as np

from osnet_tf.metrics.ranking import RankingResult
from osnet_tf.metrics.verification import VerificationResult
from osnet_tf.report import distance_name
from osnet_tf.types import PathLike
from osnet_tf.visualize.figure import figure_file

_BINS = 120
_LEAST_GAP = 0.03  # of the axes' width, between texts that stand upright
_SAME, _DIFFERENT = "#2a7f62", "#c05746"


def draw_cmc(path: PathLike, rankings: Mapping[str, RankingResult], *, title: str = "") -> None:
    """Draws CMC curves: the share of queries with a match among the first k, over k.

    Args:
        path: File to write; see `figure_file`.
        rankings: Dict from names to `RankingResult`.
        title: Above the picture.

    Example:

    >>> import pathlib, tempfile
    >>> from osnet_tf.metrics import rank
    >>> path = pathlib.Path(tempfile.mkdtemp(), "cmc.png")
    >>> result = rank([[0.0]], [[1.0], [2.0]], [7], [4, 7], [0], [1, 1], max_rank=5)
    >>> draw_cmc(path, {"euclidean": result})
    >>> path.read_bytes()[1:4]
    b'PNG'
    """
    with figure_file(path) as [axes]:
        for name, ranking in rankings.items():
            ranks = np.arange(1, len(ranking.cmc) + 1)
            label = f"{distance_name(name)}: Rank-1 {ranking.cmc[0]:.2%}, mAP {ranking.mAP:.2%}"
            axes.plot(ranks, 100 * ranking.cmc, marker="o", markersize=2.5, label=label)
        axes.set(title=f"{title}  CMC".strip(), xlabel="rank k", ylabel="queries matched by k (%)")
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right", fontsize=8)


def draw_roc(
    path: PathLike, verifications: Mapping[str, VerificationResult], *, title: str = ""
) -> None:
    """Draws ROC curves with the rates that thresholds were wanted for marked.

    Args:
        path: File to write; see `figure_file`.
        verifications: Dict from names to `VerificationResult`.
        title: Above the picture.
    """
    with figure_file(path) as [axes]:
        least = 1.0
        for name, found in verifications.items():
            shown = found.roc_fpr > 0
            (line,) = axes.plot(
                found.roc_fpr[shown],
                100 * found.roc_tpr[shown],
                label=f"{distance_name(name)}: equal error rate {found.eer:.2%}",
            )
            marked = found.reached_fprs > 0
            axes.plot(
                found.reached_fprs[marked], 100 * found.tprs[marked], "o", color=line.get_color()
            )
            least = min([least, *found.fprs, *found.roc_fpr[shown][:1]])
        axes.set(
            title=f"{title}  ROC, same person or not".strip(),
            xscale="log",
            xlim=(max(least, 1e-6), 1),
            xlabel="false-positive rate (different people accepted)",
            ylabel="true-positive rate (%)",
        )
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right", fontsize=8)


def draw_distances(
    path: PathLike, verifications: Mapping[str, VerificationResult], *, title: str = ""
) -> None:
    """Draws the distances of same and of different people as histograms, each of area one, and the
    thresholds for the wanted false-positive rates, whose rates stand above the axes.

    Args:
        path: File to write; see `figure_file`.
        verifications: Dict from names to `VerificationResult`; a panel each.
        title: Above the picture.
    """
    with figure_file(path, columns=len(verifications)) as panels:
        for axes, (name, found) in zip(panels, verifications.items(), strict=True):
            edges = np.linspace(0, float(found.roc_thresholds[-1]) * 1.001, _BINS + 1)
            for counts, text, color in (
                (found.same_counts, "same person", _SAME),
                (found.different_counts, "different people", _DIFFERENT),
            ):
                heights, _ = np.histogram(found.roc_thresholds, edges, weights=counts)
                share = heights / max(counts.sum(), 1)
                axes.stairs(100 * share, edges, fill=True, alpha=0.55, color=color, label=text)
            axes.set(xlabel=f"{distance_name(name)} distance", ylabel="share of pairs (%)")
            _mark_thresholds(axes, found)
            axes.set_title(f"{title}  {distance_name(name)} distances".strip(), pad=66)
            axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)


def _mark_thresholds(axes, found):
    """Lines at the thresholds, their rates above the axes, where no histogram or legend is."""
    reached = sorted(
        (t, f"FPR {fpr:g}") for fpr, t in zip(found.fprs, found.thresholds, strict=True) if t > 0
    )
    axes.set_xlim(axes.get_xlim())  # it stays, so that the texts can be placed
    low, high = axes.get_xlim()
    places = _apart([(threshold - low) / (high - low) for threshold, _ in reached])
    for (threshold, text), place in zip(reached, places, strict=True):
        axes.axvline(threshold, color="0.3", linewidth=0.8, linestyle=":")
        axes.annotate(
            text,
            (threshold, 1),
            (place, 1.06),
            xycoords=("data", "axes fraction"),
            textcoords="axes fraction",
            arrowprops={"arrowstyle": "-", "color": "0.3", "linewidth": 0.6, "shrinkB": 0},
            **{"rotation": 90, "fontsize": 7, "ha": "center", "va": "bottom"},
        )


def _apart(places):
    """Rising places, moved to the right where they would stand too close for a line of text."""
    moved = []
    for place in places:
        moved.append(max(place, moved[-1] + _LEAST_GAP) if moved else place)
    return moved
