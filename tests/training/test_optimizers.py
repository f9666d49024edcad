import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.training import FusedAdam


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
