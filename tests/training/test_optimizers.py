import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf import OSNet, add_classifier
from osnet_tf.training import FusedAdam, MomentumSGD
from osnet_tf.training.optimizers import slow_base


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


def test_rates_fall_from_stage_to_stage():
    """By the paths of the variables, counted anew."""
    embedder = OSNet("osnet_x0_25", input_shape=(16, 16, 3), streams=1, neck="batch_norm")
    model = add_classifier(embedder, 3)
    optimizer = MomentumSGD(1.0)
    slow_base(optimizer, model, embedder, 0.5, layer_decay=0.1)
    before = [variable.numpy() for variable in model.trainable_variables]
    gradients = [tf.ones(variable.shape) for variable in model.trainable_variables]
    optimizer.apply(gradients, model.trainable_variables)
    found = {}
    for variable, old in zip(model.trainable_variables, before, strict=True):
        moved = old - variable.numpy()
        found.setdefault(variable.path.split("/")[0], set()).add(f"{np.max(moved):.1e}")
    powers = {
        "classifier": 1.0, "conv1": 5e-6, "conv2_0": 5e-5, "conv2_transition": 5e-5,
        "conv3_1": 5e-4, "conv4_0": 5e-3, "conv5": 5e-2, "fc": 5e-2, "fc_norm": 5e-2,
        "bnneck": 5e-2,
    }  # fmt: skip
    assert {name: found[name] for name in powers} == {
        name: {f"{factor:.1e}"} for name, factor in powers.items()
    }
