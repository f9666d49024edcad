import pytest

from osnet_tf.losses.pair_loss import PairLoss


def test_the_base_class_is_no_loss():
    with pytest.raises(TypeError, match=r"abstract class PairLoss .*anchor_losses"):
        PairLoss("replica", "pairs", "mean")
