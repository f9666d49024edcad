import math

import keras
import pytest

from osnet_tf.training import WarmUp, make_optimizer
from osnet_tf.training.config import OptimizerConfig
from osnet_tf.training.schedules import learning_rate_schedule


def rates(steps_per_epoch=10, **settings):
    rate = learning_rate_schedule(OptimizerConfig(learning_rate=0.4, **settings), steps_per_epoch)
    return lambda step: float(rate(step)) if callable(rate) else rate


def test_cosine_ends_at_zero():
    rate = rates(schedule="cosine", epochs=4)
    for step in (0, 1, 17, 39, 40):
        expected = 0.4 * (1 + math.cos(math.pi * step / 40)) / 2
        assert rate(step) == pytest.approx(expected, abs=1e-6)


def test_steps_take_effect_with_the_epoch_that_they_name():
    rate = rates(schedule="step", step_epochs=(2, 3), step_factor=0.1, epochs=5)
    expected = {0: 0.4, 19: 0.4, 20: 0.04, 29: 0.04, 30: 0.004, 49: 0.004}
    assert {step: pytest.approx(rate(step)) for step in expected} == expected


def test_constant():
    assert rates(schedule="constant")(1000) == 0.4


def test_warm_up_rises_and_leaves_the_schedule_where_it_would_be():
    plain, warm = rates(epochs=4), rates(epochs=4, warmup_epochs=0.5)
    for step in range(40):
        assert warm(step) == pytest.approx(plain(step) * min(1, (step + 1) / 5), rel=1e-5)


def test_warm_up_is_serialisable():
    inner = keras.optimizers.schedules.CosineDecay(0.3, 100)
    schedule = WarmUp(inner, 7)
    again = WarmUp.from_config(schedule.get_config())
    assert [float(again(s)) for s in (0, 6, 50)] == [float(schedule(s)) for s in (0, 6, 50)]
    with pytest.raises(ValueError, match=r"`steps` must be >= 1. Received: steps=0"):
        WarmUp(0.1, 0)


def test_the_optimizer_is_the_configs():
    sgd = make_optimizer(OptimizerConfig(optimizer="sgd", momentum=0.8, weight_decay=0.01), 10)
    assert (sgd.momentum, sgd.weight_decay) == (0.8, 0.01)
    adam = make_optimizer(OptimizerConfig(optimizer="adam"), 10)
    assert (adam.amsgrad, adam.epsilon, adam.weight_decay) == (False, 1e-8, None)
