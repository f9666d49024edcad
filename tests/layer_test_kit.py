"""What every layer is held to, and gradients on whichever Keras backend runs the tests."""

import json
import math

import keras
import numpy as np

TOLERANCE = {"mixed_float16": 5e-3, "mixed_bfloat16": 5e-2}  # of the largest output


def is_tensorflow():
    return keras.backend.backend() == "tensorflow"


def array(tensor):
    """A copy in NumPy of a tensor or variable."""
    return np.array(keras.ops.convert_to_numpy(tensor))


def random_input(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def randomise(layer, seed=0):
    """Weights that a trained layer could have, so that no term of a formula vanishes."""
    rng = np.random.default_rng(seed)
    for variable in layer.variables:
        if variable.name in ("gamma", "moving_variance"):
            value = rng.uniform(0.5, 1.5, variable.shape)
        elif len(variable.shape) == 1:
            value = rng.normal(0.0, 0.3, variable.shape)
        else:
            fan_in = math.prod(variable.shape[:-1])
            value = rng.normal(0.0, math.sqrt(2.0 / fan_in), variable.shape)
        variable.assign(value.astype("float32"))
    return layer


def run_layer(layer_class, arguments, input_shape, tmp_path, *, trainable, non_trainable):
    """Serialisation, shapes, building, dtype policies and the number of weights of a layer.

    Args:
        layer_class: The class.
        arguments: Its constructor's arguments; each must come back from `get_config`.
        input_shape: With a batch size.
        tmp_path: Where the `.keras` file may go.
        trainable, non_trainable: The number of its variables.
    """
    x = random_input(input_shape)
    layer = layer_class(**arguments, name="under_test")

    config = layer.get_config()
    json.dumps(config)
    assert {key: config[key] for key in arguments} == arguments
    assert layer_class.from_config(config).get_config() == config
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(restored) is layer_class
    assert restored.get_config() == config

    expected_shape = tuple(layer.compute_output_shape(input_shape))
    open_batch = (None, *input_shape[1:])
    assert tuple(layer.compute_output_shape(open_batch)) == (None, *expected_shape[1:])
    outputs = layer(x)
    assert tuple(outputs.shape) == expected_shape
    assert len(layer.trainable_variables) == trainable
    assert len(layer.non_trainable_variables) == non_trainable
    assert layer.get_config() == config, "building changed the configuration"

    built = layer_class.from_config(config)
    built.build(open_batch)
    assert built.built
    from_config = layer_class.from_config(config)
    from_config.build_from_config(layer.get_build_config())
    for other in (built, from_config):
        assert _shapes(other) == _shapes(layer)
        other(x)
        assert _shapes(other) == _shapes(layer), "a call made further weights"

    randomise(layer)
    inputs = keras.Input(input_shape[1:])
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, *expected_shape[1:])
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    assert loaded.get_layer("under_test").get_config() == config
    for found, saved in zip(loaded.variables, layer.variables, strict=True):
        np.testing.assert_array_equal(found, saved, err_msg=saved.path)
    expected = array(layer(x))
    np.testing.assert_array_equal(array(loaded(x)), expected)

    for policy, tolerance in TOLERANCE.items():
        mixed = layer_class(**arguments, dtype=policy)
        mixed.build(input_shape)
        for target, source in zip(mixed.variables, layer.variables, strict=True):
            target.assign(source)
        assert {variable.dtype for variable in mixed.variables} <= {"float32"}
        assert {child.dtype_policy.name for child in mixed._flatten_layers()} == {policy}
        found = mixed(x)
        assert keras.backend.standardize_dtype(found.dtype) == policy.removeprefix("mixed_")
        error = np.abs(array(keras.ops.cast(found, "float32")) - expected).max()
        assert error <= tolerance * np.abs(expected).max()


def _shapes(layer):
    return [(variable.name, tuple(variable.shape)) for variable in layer.variables]


def layer_gradients(layer, x, cotangent, *, training=True):
    """Gradients of `sum(layer(x) * cotangent)`.

    Returns `(outputs, gradient of x, {path: gradient of each trainable variable})`, NumPy; the
    layer's non-trainable variables are left as the call leaves them.
    """
    arguments = {"training": training} if layer._call_has_training_arg else {}
    if is_tensorflow():
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, **arguments)
            total = tf.reduce_sum(tf.cast(outputs, "float32") * cotangent)
        sources = [x, *(variable.value for variable in layer.trainable_variables)]
        dx, *gradients = tape.gradient(total, sources)
    else:
        import jax

        def total_of(variables, x):
            outputs, state = layer.stateless_call(
                variables, [v.value for v in layer.non_trainable_variables], x, **arguments
            )
            return (outputs.astype("float32") * cotangent).sum(), (outputs, state)

        variables = [variable.value for variable in layer.trainable_variables]
        (gradients, dx), (outputs, state) = jax.grad(total_of, argnums=(0, 1), has_aux=True)(
            variables, jax.numpy.asarray(x)
        )
        for variable, value in zip(layer.non_trainable_variables, state, strict=True):
            variable.assign(value)
    paths = [variable.path for variable in layer.trainable_variables]
    return array(outputs), array(dx), dict(zip(paths, map(array, gradients), strict=True))


def value_and_gradient(function, x):
    """A scalar function of one tensor and its gradient there: `(float, NumPy array)`."""
    if is_tensorflow():
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        return float(value), array(tape.gradient(value, x))
    import jax

    value, gradient = jax.value_and_grad(function)(jax.numpy.asarray(x))
    return float(value), array(gradient)
