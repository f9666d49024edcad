import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.training import FusedAdam, MomentumSGD


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("weight_decay", [None, 0.01])
def test_it_is_keras_adam_in_one_operation(amsgrad, weight_decay):
    weights = []
    for optimizer_class in (keras.optimizers.Adam, FusedAdam):
        rng = np.random.default_rng(0)
        variables = [keras.Variable(rng.normal(size=s).astype("f")) for s in ((3, 4), (5,))]
        optimizer = optimizer_class(
            keras.optimizers.schedules.CosineDecay(0.1, 20),
            amsgrad=amsgrad,
            weight_decay=weight_decay,
        )
        optimizer.build(variables)
        step = tf.function(optimizer.apply)
        for _ in range(15):
            step([tf.constant(rng.normal(size=v.shape).astype("f")) for v in variables])
        weights.append([v.numpy() for v in variables])
    for stock, fused in zip(*weights, strict=True):
        np.testing.assert_allclose(fused, stock, rtol=1e-4, atol=1e-5)


def test_serialisation():
    optimizer = FusedAdam(0.01, beta_1=0.8, amsgrad=True, epsilon=1e-8)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, FusedAdam)
    assert again.get_config() == optimizer.get_config()


@pytest.mark.parametrize("optimizer_class", [MomentumSGD, FusedAdam])
@pytest.mark.parametrize("scaled", [False, True])
def test_rates_of_their_own_are_a_part_of_the_config(optimizer_class, scaled):
    """The copy moves the same variables by the same amounts."""
    steps = []
    optimizer = optimizer_class(0.5)
    weights = [keras.Variable(np.full(3, 2.0, "float32")) for _ in range(3)]
    optimizer.build(weights)
    optimizer.scale_rate(weights[1:2], 0.25)
    if scaled:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1.0)
    for one in (optimizer, type(optimizer).from_config(optimizer.get_config())):
        for weight in weights:
            weight.assign(np.full(3, 2.0))
        one.build(weights)
        one.apply([np.full(3, 1.0, "float32") for _ in weights], weights)
        steps.append([2.0 - weight.numpy() for weight in weights])
    np.testing.assert_array_equal(steps[0], steps[1])
    np.testing.assert_allclose(steps[0][1], 0.25 * steps[0][0], rtol=1e-5)
    np.testing.assert_array_equal(steps[0][2], steps[0][0])
