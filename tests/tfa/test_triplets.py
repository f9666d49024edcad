"""The triplet losses against tensorflow-addons: values and gradients."""

import functools

import numpy as np
import pytest

from osnet_tf.losses import BatchHardTripletLoss, SemiHardTripletLoss
from tests.layer_test_kit import value_and_gradient
from tests.tfa import goldens

BATCHES = (
    "usual", "unit length", "some without positive", "no positives", "one identity",
    "batch of one", "all equal", "all zero", "duplicated images", "negatives on top", "far apart",
)  # fmt: skip
DISTANCES = ("euclidean", "sqeuclidean", "cosine")
LOSSES = {
    "hard 0.0": lambda distance: BatchHardTripletLoss(0.0, distance=distance),
    "hard 1.0": lambda distance: BatchHardTripletLoss(1.0, distance=distance),
    "soft": lambda distance: BatchHardTripletLoss(soft_margin=True, distance=distance),
    "semi_hard 0.0": lambda distance: SemiHardTripletLoss(0.0, distance=distance),
    "semi_hard 1.0": lambda distance: SemiHardTripletLoss(1.0, distance=distance),
}
#: Where this project says 0 on purpose, gradient included.
WITHOUT_NEGATIVES = ("one identity", "batch of one")
WITHOUT_POSITIVES = ("no positives", "batch of one")

load = functools.cache(goldens.load)


def both(batch, distance, loss):
    """(value, gradient) of this project and of TFA."""
    inputs, outputs = load()
    pids, x = (inputs[f"triplets/{batch}/{name}"] for name in ("pids", "embeddings"))
    key = f"triplets/{batch}/{distance}/{loss}"
    ours = value_and_gradient(lambda x: LOSSES[loss](distance)(pids, x), x)
    return ours, (float(outputs[f"{key}/value"]), outputs[f"{key}/gradient"])


def ours_is_zero(batch, loss):
    return batch in WITHOUT_NEGATIVES or (
        loss.startswith("semi_hard") and batch in WITHOUT_POSITIVES
    )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("batch", BATCHES)
def test_against_tfa(batch, distance, loss):
    (value, gradient), (tfa_value, tfa_gradient) = both(batch, distance, loss)
    assert np.all(np.isfinite(gradient))
    if ours_is_zero(batch, loss):
        assert value == 0.0
        assert not gradient.any()
        return
    if np.isinf(tfa_value):  # see below
        assert np.isfinite(value)
        return
    assert value == pytest.approx(tfa_value, rel=1e-5, abs=1e-5)
    np.testing.assert_allclose(gradient, tfa_gradient, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("batch", ["no positives", "batch of one"])
def test_tfa_gives_nan_without_positives(batch):
    """The documented difference: here it is 0."""
    _, (value, _) = both(batch, "euclidean", "semi_hard 1.0")
    assert np.isnan(value)


def test_tfa_takes_positives_for_negatives_where_there_are_none():
    """The documented difference: with one identity, TFA's batch-hard loss is the margin plus
    farthest minus farthest, its semi-hard one the margin plus the mean distance."""
    inputs, _ = load()
    x = inputs["triplets/one identity/embeddings"].astype("float64")
    distances = np.linalg.norm(x[:, None] - x[None], axis=2)
    _, (hard, _) = both("one identity", "euclidean", "hard 1.0")
    _, (semi_hard, _) = both("one identity", "euclidean", "semi_hard 1.0")
    assert hard == pytest.approx(1.0)
    assert semi_hard == pytest.approx(1.0 + distances.sum() / (8 * 7), rel=1e-5)


def test_tfas_soft_margin_overflows():
    """The documented difference: its log(1 + exp(x)) is infinite above x = 88, here it is x."""
    (value, gradient), (tfa_value, _) = both("far apart", "euclidean", "soft")
    assert np.isinf(tfa_value)
    _, (hard, hard_gradient) = both("far apart", "euclidean", "hard 0.0")
    assert value == pytest.approx(hard, rel=1e-5)
    np.testing.assert_allclose(gradient, hard_gradient, atol=1e-3)
