"""The base of layers that are made of other layers."""

import keras


class Composite(keras.layers.Layer):
    """A layer whose children are made in `build()`, named, and given its own dtype policy."""

    def _child(self, layer_class, name, **arguments):
        return layer_class(name=name, dtype=self.dtype_policy, **arguments)

    def _built_child(self, layer_class, name, input_shape, **arguments):
        child = self._child(layer_class, name, **arguments)
        child.build(input_shape)
        return child
