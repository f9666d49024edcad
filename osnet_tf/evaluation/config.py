"""How a model is evaluated: one frozen dataclass, from which the flags are generated."""

from dataclasses import dataclass

from osnet_tf.config import Config, setting


@dataclass(frozen=True)
class EvaluationConfig(Config):
    """The protocol of an evaluation; the defaults are those of the public code.

    Every field is a flag of `train/evaluate.py` with the help text below.

    Raises ConfigError, which names the field, for a value of another type or outside its range.

    >>> EvaluationConfig(rerank=True).rerank_k1
    20
    """

    max_rank: int = setting(50, "Ranks of the CMC curve.", minimum=1)
    camera_aware: bool = setting(
        True, "Take out gallery images of the query's person by the query's own camera."
    )
    flip_test: bool = setting(
        False, "Average each embedding with that of the mirrored image (twice the time)."
    )
    query_expansion: int = setting(
        0,
        "Average query expansion: nearest gallery images that join each query; 0: none.",
        minimum=0,
    )
    database_augmentation: int = setting(
        0,
        "Database augmentation: nearest others that join each gallery image; 0: none.",
        minimum=0,
    )
    expansion_alpha: float = setting(
        0.0, "Those neighbours weigh cosine^alpha; 0: all weigh the same.", minimum=0
    )
    rerank: bool = setting(False, "k-reciprocal re-ranking too (arXiv 1701.08398).")
    rerank_k1: int = setting(20, "Its k1: size of the k-reciprocal neighbourhoods.", minimum=1)
    rerank_k2: int = setting(6, "Its k2: nearest images averaged over; 1: none.", minimum=1)
    rerank_lambda: float = setting(
        0.3, "Its lambda: weight of the original distance, in [0, 1].", minimum=0, maximum=1
    )
    single_shot: int = setting(
        0,
        "CUHK03's classic protocol too, one gallery image a person: draws of it; 0: none.",
        minimum=0,
    )
    verification: bool = setting(
        True, "Same person or not, by distance: ROC, TPR at FPR, EER, and thresholds."
    )
    distractors: str = setting(
        "", "Folder of images that join the gallery and match nobody.", is_path=True
    )
    seed: int = setting(0, "Seed of the single-shot draws and of splits of people.", minimum=0)

    def check_together(self) -> None:
        self.check("rerank_k2", self.rerank_k2 <= self.rerank_k1 + 1, "must be <= rerank_k1 + 1")


#: The protocol that training reports: that of the public code, and no more.
PLAIN = EvaluationConfig(verification=False)
