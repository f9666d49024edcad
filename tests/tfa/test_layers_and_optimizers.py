"""What else of tensorflow-addons this project stands in for, on the same inputs."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.data import augmentation
from osnet_tf.layers.conv import instance_norm_arguments
from osnet_tf.training import FusedAdam
from osnet_tf.training.moving_average import MovingAverage
from tests.layer_test_kit import layer_gradients
from tests.tfa import goldens


@functools.cache
def golden(part):
    """(inputs, outputs) of one part of the recording."""
    return tuple(
        {k.removeprefix(f"{part}/"): v for k, v in arrays.items() if k.startswith(f"{part}/")}
        for arrays in goldens.load()
    )


def rectangle(mask):
    """Top, left, height, width of the True pixels; TFA's rectangles end at the border."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return rows[0], columns[0], len(rows), len(columns)


def erased(rectangles, shape):
    """Where the project's erasing changes images of zeros."""
    drawn = {"erase": np.array(rectangles, "int32")}
    images = augmentation.apply(np.zeros(shape, "uint8"), drawn).numpy()
    np.testing.assert_array_equal(np.unique(images[..., 0]), [0, augmentation.FILL[0]])
    return (images != 0).all(axis=-1)


@pytest.mark.parametrize("masks", ["given", "drawn"])
def test_erasing_covers_what_cutout_covers(masks):
    """Every rectangle that TFA cuts out, at the border too, pixel by pixel."""
    inputs, outputs = golden("cutout")
    found = erased([rectangle(mask) for mask in outputs[masks]], tuple(inputs["shape"]))
    np.testing.assert_array_equal(found, outputs[masks])


def test_erasing_and_random_cutout_stay_inside():
    """Both draw whole rectangles only: none is cut off at the border. TFA's are of one size, ours
    of 2-40 % of the image."""
    inputs, outputs = golden("cutout")
    height, width = inputs["mask_size"]
    for mask in outputs["drawn"]:
        assert rectangle(mask)[2:] == (height, width)
    size = tuple(inputs["shape"][1:3])
    drawn = augmentation.draw(augmentation.Augmentation(erase=1.0), 40, size, seed=0, epoch=0)
    masks = erased(drawn["erase"], (40, *size, 3))
    assert [rectangle(mask) for mask in masks] == [tuple(row) for row in drawn["erase"]]


def test_instance_norm():
    """Output and all gradients of the norm that IBN and AIN presets use."""
    inputs, outputs = golden("instance_norm")
    assert inputs["epsilon"] == np.float32(instance_norm_arguments()["epsilon"])
    layer = keras.layers.GroupNormalization(**instance_norm_arguments())
    layer.build(inputs["x"].shape)
    layer.gamma.assign(inputs["gamma"])
    layer.beta.assign(inputs["beta"])
    y, dx, weights = layer_gradients(layer, inputs["x"], inputs["cotangent"])
    np.testing.assert_allclose(y, outputs["y"], atol=1e-5)
    np.testing.assert_allclose(dx, outputs["dx"], atol=1e-5)
    by_name = {path.split("/")[-1]: gradient for path, gradient in weights.items()}
    np.testing.assert_allclose(by_name["gamma"], outputs["dgamma"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(by_name["beta"], outputs["dbeta"], rtol=1e-5, atol=1e-5)


def trained(rate_factor, **arguments):
    """Weights after each step of `FusedAdam`, Keras's decoupled decay included."""
    inputs, _ = golden("adamw")
    rate = float(inputs["learning_rate"])
    if rate_factor != 1.0:
        rate = keras.optimizers.schedules.ExponentialDecay(rate, 1, rate_factor)
    optimizer = FusedAdam(rate, epsilon=1e-7, **arguments)
    variable = keras.Variable(inputs["start"])
    steps = []
    for gradient in inputs["gradients"]:
        optimizer.apply([tf.constant(gradient)], [variable])
        steps.append(variable.numpy())
    return np.stack(steps)


@pytest.mark.parametrize(
    ("name", "rate_factor", "amsgrad"),
    [("constant", 1.0, False), ("amsgrad", 1.0, True), ("both_fall", 0.9, False)],
)
def test_adamw_is_ours_with_the_decay_over_the_rate(name, rate_factor, amsgrad):
    """TFA takes weight_decay x weight off, Keras learning_rate x weight_decay x weight: what is
    `weight_decay` there is `weight_decay / learning_rate` here. Under a schedule they are the same
    where TFA's weight_decay is given the same schedule, as its documentation asks."""
    inputs, outputs = golden("adamw")
    decay = float(inputs["weight_decay"]) / float(inputs["learning_rate"])
    found = trained(rate_factor, weight_decay=decay, amsgrad=amsgrad)
    np.testing.assert_allclose(found, outputs[name], atol=1e-5)


def test_adamw_with_a_falling_rate_alone_differs():
    """TFA's decay does not fall with the rate; Keras's does."""
    inputs, outputs = golden("adamw")
    decay = float(inputs["weight_decay"]) / float(inputs["learning_rate"])
    found = trained(0.9, weight_decay=decay)
    assert np.abs(found - outputs["rate_falls"]).max() > 1e-3


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("plain", {}),
        ("dynamic", {"dynamic": True}),
        ("later", {"start_step": 3}),
        ("dynamic_later", {"dynamic": True, "start_step": 3}),
    ],
)
def test_moving_average(name, arguments, compiled):
    inputs, outputs = golden("moving_average")
    variable = keras.Variable(inputs["start"], name="weight")
    optimizer = keras.optimizers.SGD(float(inputs["learning_rate"]))
    optimizer.build([variable])
    average = MovingAverage([variable], float(inputs["decay"]), **arguments)

    def step(gradient):
        optimizer.apply([gradient], [variable])
        average.update()

    step = tf.function(step) if compiled else step
    for gradient, weight, expected in zip(
        inputs["gradients"],
        outputs[f"{name}/weights"],
        outputs[f"{name}/averages"],
        strict=True,
    ):
        step(tf.constant(gradient))
        np.testing.assert_allclose(variable.numpy(), weight, atol=1e-5)
        np.testing.assert_allclose(average.averages[0].numpy(), expected, atol=1e-5)
    average.swap()
    np.testing.assert_allclose(variable.numpy(), outputs[f"{name}/swapped"], atol=1e-5)
