"""The base of layers that are made of other layers."""

from typing import Any

import keras


class Composite(keras.layers.Layer):
    """A layer whose children are made in `build()`, named, and given its own dtype policy."""

    def _child(self, layer_class, name, **arguments):
        policy = self.dtype_policy
        if not issubclass(layer_class, Composite):  # Keras saves no layer that holds a map itself
            policy = _policy_at(policy, f"{self.path}/{name}")
        return layer_class(name=name, dtype=policy, **arguments)

    def _built_child(self, layer_class, name, input_shape, **arguments):
        child = self._child(layer_class, name, **arguments)
        child.build(input_shape)
        return child

    def get_config(self) -> dict[str, Any]:
        """With the policies of the children that `quantize` has changed: they are built by them."""
        config = super().get_config()
        changed = {
            layer.path: layer.dtype_policy
            for layer in self._flatten_layers(include_self=False)
            if layer.quantization_mode is not None
        }
        if changed:
            own = _policy_at(self.dtype_policy, self.path)
            config["dtype"] = keras.dtype_policies.DTypePolicyMap(own, changed)
        return config


def _policy_at(policy, path):
    is_map = isinstance(policy, keras.dtype_policies.DTypePolicyMap)
    return policy[path] if is_map else policy
