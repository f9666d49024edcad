import keras
import numpy as np
import pytest

from osnet_tf.layers import BatchNorm
from tests.layer_test_kit import (
    array,
    is_tensorflow,
    layer_gradients,
    random_input,
    randomise,
    run_layer,
)

only_tensorflow = pytest.mark.skipif(
    not is_tensorflow(), reason="about TensorFlow's fused kernel or its distribution"
)
SHAPES = [(3, 4, 5, 6), (8, 6), (4, 5, 6), (2, 3, 2, 5, 6)]


def built(shape, **arguments):
    layer = BatchNorm(**arguments)
    layer.build(shape)
    return randomise(layer)


def formula(x, layer, mean, variance):
    normalised = (x.astype("float64") - mean) / np.sqrt(variance + layer.epsilon)
    return normalised * np.asarray(layer.gamma) + np.asarray(layer.beta)


def moments(x):
    """Mean, biased and unbiased variance of every channel."""
    rows = x.reshape(-1, x.shape[-1]).astype("float64")
    return rows.mean(0), rows.var(0), rows.var(0, ddof=1) if len(rows) > 1 else rows.var(0)


@pytest.mark.parametrize("shape", SHAPES[:2])
@pytest.mark.parametrize("arguments", [{}, {"momentum": 0.8, "epsilon": 1e-3, "axis": -1}])
def test_basics(shape, arguments, tmp_path):
    run_layer(BatchNorm, arguments, shape, tmp_path, trainable=2, non_trainable=2)


def test_the_defaults_are_those_of_pytorch():
    config = BatchNorm().get_config()
    assert config["epsilon"] == 1e-5
    assert config["momentum"] == 0.9
    assert config["synchronized"] is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"momentum": 1.5}, r"`momentum` must be >= 0 and <= 1. Received: momentum=1.5"),
        ({"momentum": -0.1}, r"`momentum` must be >= 0 and <= 1. Received: momentum=-0.1"),
        ({"epsilon": 0.0}, r"`epsilon` must be > 0. Received: epsilon=0.0"),
        ({"epsilon": float("nan")}, r"`epsilon` must be a finite number. Received: epsilon=nan"),
        ({"renorm": True}, r"`renorm` is not supported. Received: renorm=True"),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        BatchNorm(**arguments)


@pytest.mark.parametrize("shape", SHAPES)
def test_inference_uses_the_moving_statistics(shape):
    layer, x = built(shape), random_input(shape)
    before = [array(v) for v in layer.non_trainable_variables]
    expected = formula(x, layer, np.asarray(layer.moving_mean), np.asarray(layer.moving_variance))
    for training in (False, None):
        np.testing.assert_allclose(array(layer(x, training=training)), expected, atol=1e-5)
    for variable, value in zip(layer.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("momentum", [0.0, 0.9, 1.0])
def test_training_over_several_steps(shape, momentum):
    """Biased variance for the batch, unbiased for the moving one, as PyTorch keeps it."""
    layer = built(shape, momentum=momentum)
    moving_mean = array(layer.moving_mean).astype("float64")
    moving_variance = array(layer.moving_variance).astype("float64")
    for step in range(4):
        x = 2.0 * random_input(shape, seed=step) + step
        mean, biased, unbiased = moments(x)
        y = array(layer(x, training=True))
        np.testing.assert_allclose(y, formula(x, layer, mean, biased), atol=2e-5)
        moving_mean = momentum * moving_mean + (1 - momentum) * mean
        moving_variance = momentum * moving_variance + (1 - momentum) * unbiased
        np.testing.assert_allclose(layer.moving_mean, moving_mean, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(layer.moving_variance, moving_variance, rtol=1e-5)


@pytest.mark.parametrize("path", ["fused", "reshaped", "stock", "synchronized"])
def test_gradients_of_every_path(path):
    """Against the chain rule written out: dx = gamma / sd * (dy - mean(dy) - n mean(dy n))."""
    shape = (3, 4, 5, 6)
    x, cotangent = random_input(shape), random_input(shape, seed=1)
    view = (3, 2, 2, 5, 6) if path == "reshaped" else shape
    if path == "stock":
        layer = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        layer.build(view)
        randomise(layer)
    elif path == "synchronized" and not is_tensorflow():
        pytest.skip("Keras has synchronized statistics with TensorFlow only")
    else:
        layer = built(view, synchronized=path == "synchronized")
    mean, biased, unbiased = moments(x)
    deviation = np.sqrt(biased + 1e-5)
    normalised = (x - mean) / deviation
    axes = (0, 1, 2)
    gamma = array(layer.gamma).astype("float64")
    expected_moving = 0.9 * array(layer.moving_variance) + 0.1 * unbiased

    y, dx, gradients = layer_gradients(layer, x.reshape(view), cotangent.reshape(view))

    np.testing.assert_allclose(y.reshape(shape), normalised * gamma + array(layer.beta), atol=1e-5)
    residual = cotangent - cotangent.mean(axes) - normalised * (cotangent * normalised).mean(axes)
    np.testing.assert_allclose(dx.reshape(shape), gamma / deviation * residual, atol=2e-5)
    by_name = {path.split("/")[-1]: value for path, value in gradients.items()}
    np.testing.assert_allclose(by_name["beta"], cotangent.sum(axes), atol=1e-4)
    np.testing.assert_allclose(by_name["gamma"], (cotangent * normalised).sum(axes), atol=1e-4)
    if path != "stock":
        np.testing.assert_allclose(layer.moving_variance, expected_moving, rtol=1e-5)


@only_tensorflow
@pytest.mark.parametrize(
    ("shape", "arguments", "fused"),
    [
        ((2, 3, 4, 5), {}, True),
        ((2, 3, 4, 5), {"axis": 3}, True),
        ((2, 5), {}, False),
        ((2, 3, 4, 5), {"axis": 1}, False),
        ((2, 3, 4, 5), {"scale": False}, False),
        ((2, 3, 4, 5), {"center": False}, False),
        ((2, 3, 4, 5), {"synchronized": True}, False),
        ((2, 3, 4, 5), {"dtype": "float64"}, False),
        ((2, 3, 4, 5), {"dtype": "mixed_bfloat16"}, True),
        ((2, 3, 4, 5), {"dtype": "mixed_float16"}, True),
    ],
)
def test_which_inputs_take_the_fused_kernel(shape, arguments, fused):
    import tensorflow as tf

    layer = BatchNorm(**arguments)
    layer.build(shape)
    x = tf.cast(random_input(shape), layer.compute_dtype)
    graph = tf.function(lambda x: layer(x, training=True)).get_concrete_function(x).graph
    kernels = [op for op in graph.get_operations() if op.type == "FusedBatchNormV3"]
    assert [op.get_attr("is_training") for op in kernels] == [True] * fused
    before = [array(v) for v in layer.non_trainable_variables]
    y = array(tf.cast(layer(x, training=True), "float32"))
    channel = arguments.get("axis", -1) % y.ndim
    axes = tuple(axis for axis in range(y.ndim) if axis != channel)
    np.testing.assert_allclose(y.mean(axes), 0.0, atol=0.02)
    np.testing.assert_allclose(y.std(axes), 1.0, atol=0.02)
    for variable, value in zip(layer.non_trainable_variables, before, strict=True):
        assert np.all(np.asarray(variable) != value)


@only_tensorflow
@pytest.mark.parametrize(
    ("dtype", "channels", "kernel"),
    [
        ("bfloat16", 16, "bfloat16"),
        ("bfloat16", 48, "bfloat16"),
        ("bfloat16", 24, "float32"),
        ("bfloat16", 8, "float32"),
        ("float16", 24, "float16"),
    ],
)
def test_channels_that_bfloat16_is_slow_with_are_normalised_in_float32(dtype, channels, kernel):
    import tensorflow as tf

    shape = (2, 3, 4, channels)
    layer = built(shape, dtype=f"mixed_{dtype}")
    function = tf.function(lambda x: layer(x, training=True))
    graph = function.get_concrete_function(tf.TensorSpec(shape, dtype)).graph
    [op] = [op for op in graph.get_operations() if op.type == "FusedBatchNormV3"]
    assert op.get_attr("T") == kernel
    x = np.random.default_rng(0).integers(-9, 9, shape).astype("float32")
    y, dx, _ = layer_gradients(layer, x, np.ones(shape, "float32"))
    mean, biased, _ = moments(x)
    np.testing.assert_allclose(y, formula(x, layer, mean, biased), atol=0.05)
    np.testing.assert_allclose(dx, 0.0, atol=0.02)  # a constant cotangent moves the mean alone


@pytest.mark.parametrize("shape", [(1, 1, 1, 6), (1, 6)])
def test_a_single_value_for_each_channel(shape):
    """No unbiased variance exists: the batch's is 0, as is what enters the moving one."""
    layer, x = built(shape), random_input(shape)
    expected = 0.9 * array(layer.moving_variance)
    expected_mean = 0.9 * array(layer.moving_mean) + 0.1 * x.reshape(-1)
    y, dx, gradients = layer_gradients(layer, x, np.ones(shape, "float32"))
    np.testing.assert_allclose(y.reshape(-1), layer.beta, atol=3e-5)
    np.testing.assert_allclose(layer.moving_mean, expected_mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, expected, rtol=1e-5)
    # The output is beta, whatever the input and gamma are
    np.testing.assert_allclose(dx, 0.0, atol=1e-5)
    for path, gradient in gradients.items():
        of_beta = path.endswith("beta")
        np.testing.assert_allclose(gradient, float(of_beta), atol=1e-4, err_msg=path)


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_a_frozen_layer_infers_and_keeps_its_statistics(shape):
    layer, x = built(shape), random_input(shape)
    expected = array(layer(x, training=False))
    before = [array(v) for v in layer.variables]
    layer.trainable = False
    np.testing.assert_array_equal(array(layer(x, training=True)), expected)
    for variable, value in zip(layer.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("shape", [*SHAPES[:2], (3, 4, 5, 16)])
def test_mixed_precision_keeps_the_statistics_in_float32(policy, shape):
    layer = built(shape, dtype=policy)
    assert {variable.dtype for variable in layer.variables} == {"float32"}
    # Small integers are exact in both types, and their mean and variance are not
    x = np.random.default_rng(0).integers(-100, 100, shape).astype("float32")
    mean, biased, unbiased = moments(x)
    expected_mean = 0.9 * array(layer.moving_mean) + 0.1 * mean
    expected_variance = 0.9 * array(layer.moving_variance) + 0.1 * unbiased
    y = layer(x, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == policy.removeprefix("mixed_")
    y = array(keras.ops.cast(y, "float32"))
    np.testing.assert_allclose(y, formula(x, layer, mean, biased), atol=0.05)
    np.testing.assert_allclose(layer.moving_mean, expected_mean, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, expected_variance, rtol=1e-4)


def test_replicas_average_the_moving_statistics():
    layer = built(SHAPES[0])
    assert layer.moving_mean.aggregation == "mean"
    assert layer.moving_variance.aggregation == "mean"
    for variable in layer.trainable_variables:
        assert variable.aggregation != "mean"


@only_tensorflow
def test_synchronized_equals_fused_on_one_replica_and_in_a_scope():
    import tensorflow as tf

    x = random_input(SHAPES[0])
    fused, synchronized = built(SHAPES[0]), built(SHAPES[0], synchronized=True)
    expected = fused(x, training=True)
    # A scope is no replica: Keras takes the batch's own statistics there, and so does the factor
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        np.testing.assert_allclose(synchronized(x, training=True), expected, atol=1e-5)
    for ours, theirs in zip(
        synchronized.non_trainable_variables, fused.non_trainable_variables, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
