"""The base of layers that are made of other layers."""

import keras

from osnet_tf.errors import ArgumentError


class Composite(keras.layers.Layer):
    """A layer whose children are made in `build()`, named, and given its own dtype policy."""

    def _child(self, layer_class, name, **arguments):
        return layer_class(name=name, dtype=self.dtype_policy, **arguments)

    def _built_child(self, layer_class, name, input_shape, **arguments):
        child = self._child(layer_class, name, **arguments)
        child.build(input_shape)
        return child


def check_positive_int(**arguments):
    """Raises ValueError for the first argument that is not an integer above zero."""
    for name, value in arguments.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ArgumentError(f"`{name}` must be a positive integer. Received: {name}={value!r}")


def check_choice(choices, **arguments):
    """Raises ValueError for the first argument that is not one of `choices`."""
    for name, value in arguments.items():
        if value not in choices:
            raise ArgumentError(
                f"`{name}` must be one of {', '.join(map(repr, choices))}. "
                f"Received: {name}={value!r}"
            )
