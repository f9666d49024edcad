"""What an evaluation finds, and how `results.json` holds it."""

from dataclasses import dataclass, field, fields
from typing import Any, Self

from osnet_tf.metrics import RankingResult, SingleShotResult, VerificationResult

RANKS = (1, 5, 10, 20)


@dataclass(frozen=True, eq=False)
class Scores:
    """The figures of one ranking, fractions in [0, 1].

    Attributes:
        rank1, rank5, rank10, rank20: Shares of queries with a match among the first k.
        mAP: Mean average precision, non-interpolated.
        mAP_trapezoid: The same by the trapezoid rule; not comparable with `mAP`.
        mINP: Mean inverse negative penalty.
        single_shot: The `SingleShotResult` of CUHK03's classic protocol, if asked for.

    >>> from osnet_tf.metrics import rank
    >>> ranking = rank([[0.0]], [[1.0], [2.0]], [7], [4, 7], [0], [1, 1])
    >>> scores = Scores.of(ranking)
    >>> scores.rank1, scores.rank5, scores.mAP
    (0.0, 1.0, 0.5)
    """

    rank1: float
    rank5: float
    rank10: float
    rank20: float
    mAP: float
    mAP_trapezoid: float
    mINP: float
    single_shot: SingleShotResult | None = None

    @classmethod
    def of(cls, ranking: RankingResult, single_shot: SingleShotResult | None = None) -> Self:
        """The scores of a `RankingResult`; beyond its `max_rank` the last rank's count."""
        last = len(ranking.cmc)
        ranks = {f"rank{k}": float(ranking.cmc[min(k, last) - 1]) for k in RANKS}
        means = {name: getattr(ranking, name) for name in ("mAP", "mAP_trapezoid", "mINP")}
        return cls(**ranks, **means, single_shot=single_shot)

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON can hold them."""
        figures = {f.name: getattr(self, f.name) for f in fields(self) if f.type is float}
        if self.single_shot is not None:
            figures["single_shot"] = _single_shot(self.single_shot)
        return figures


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an evaluation of one dataset found.

    Attributes:
        dataset: The dataset's name.
        num_query, num_gallery, num_distractors: Images; distractors (pid 0) are in the gallery.
        num_unmatched_query: Queries without a match, which count in no figure.
        rankings: `RankingResult` by name: "euclidean", "cosine", and "euclidean_reranked",
            "cosine_reranked" with re-ranking.
        scores: `Scores` by the same names.
        verifications: `VerificationResult` by metric; none unless asked for.
        has_cameras: Whether the dataset tells cameras; else images of all count as matches.
        notes: The dataset's notes, lines of text for a person.
        trained_on: Whether the model has been trained on these very people.
        held_out: Share of the training people that query and gallery are; 0: they are others.
    """

    dataset: str
    num_query: int
    num_gallery: int
    num_distractors: int
    num_unmatched_query: int
    rankings: dict[str, RankingResult]
    scores: dict[str, Scores]
    verifications: dict[str, VerificationResult] = field(default_factory=dict)
    has_cameras: bool = True
    notes: tuple[str, ...] = ()
    trained_on: bool = False
    held_out: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """What `results.json` holds of it: counts, the scores by name, and with verification, for
        each metric, the equal error rate and the threshold and rates for each false-positive rate.
        """
        counts = ("num_query", "num_gallery", "num_distractors", "num_unmatched_query")
        found = {"dataset": self.dataset, **{name: getattr(self, name) for name in counts}}
        found.update({name: scores.to_dict() for name, scores in self.scores.items()})
        if self.verifications:
            verified = {name: _verification(one) for name, one in self.verifications.items()}
            found["verification"] = verified
        if not self.has_cameras:
            found["has_cameras"] = False
        if self.notes:
            found["notes"] = list(self.notes)
        if self.held_out:
            found["held_out"] = self.held_out
        if self.trained_on:
            found["trained_on"] = True
        return found


def _single_shot(found):
    repeats = found.first_match.shape[1]
    figures = {"repeats": repeats}
    for k in RANKS:
        figures[f"rank{k}"] = float(found.cmc[k - 1])
        if repeats > 1:
            figures[f"rank{k}_std"] = float(found.cmc_std[k - 1])
    return figures


def _verification(found):
    rates = zip(found.fprs, found.thresholds, found.tprs, found.reached_fprs, strict=True)
    return {
        "eer": found.eer,
        "eer_threshold": found.eer_threshold,
        "num_same": found.num_same,
        "num_different": found.num_different,
        "at_fpr": {
            f"{fpr:g}": {"threshold": float(threshold), "tpr": float(tpr), "fpr": float(reached)}
            for fpr, threshold, tpr, reached in rates
        },
    }
