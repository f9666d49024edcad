"""The losses that a config asks for."""

from osnet_tf.losses import (
    BatchHardTripletLoss,
    CenterLoss,
    CircleLoss,
    LabelSmoothedCrossEntropy,
    LossTerm,
    MarginSoftmaxLoss,
    MultiSimilarityLoss,
    SemiHardTripletLoss,
    WeightedLosses,
)
from osnet_tf.training.config import LossConfig


def make_losses(config: LossConfig) -> WeightedLosses:
    """The `WeightedLosses` that a `LossConfig` asks for.

    >>> from osnet_tf.training.config import LossConfig
    >>> losses = make_losses(LossConfig(triplet_weight=0.5))
    >>> [(term.output, term.loss.name, term.weight) for term in losses.terms]
    [('logits', 'cross_entropy', 1.0), ('embedding', 'triplet', 0.5)]
    """
    if config.head == "linear":
        identity = LabelSmoothedCrossEntropy(config.label_smoothing)
    else:
        margin = None if config.head_margin < 0 else config.head_margin
        identity = MarginSoftmaxLoss(config.head, margin, config.head_scale, config.label_smoothing)
    terms = [LossTerm("logits", "identity", identity)]
    compared = "before_neck" if config.neck == "after" else "embedding"
    if config.triplet_weight and config.triplet == "semi_hard":
        triplet = SemiHardTripletLoss(config.triplet_margin, mining=config.mining)
        terms.append(LossTerm(compared, "identity", triplet, config.triplet_weight))
    elif config.triplet_weight:
        triplet = BatchHardTripletLoss(
            config.triplet_margin, config.soft_margin, mining=config.mining
        )
        terms.append(LossTerm(compared, "identity", triplet, config.triplet_weight))
    if config.circle_weight:
        circle = CircleLoss(config.circle_margin, config.circle_scale, config.mining)
        terms.append(LossTerm(compared, "identity", circle, config.circle_weight))
    if config.multi_similarity_weight:
        similarity = MultiSimilarityLoss(
            config.multi_similarity_alpha,
            config.multi_similarity_beta,
            config.multi_similarity_base,
            mining=config.mining,
        )
        terms.append(LossTerm(compared, "identity", similarity, config.multi_similarity_weight))
    if config.center_weight:
        center = CenterLoss()
        terms.append(LossTerm("center_distances", "identity", center, config.center_weight))
    return WeightedLosses(terms)
