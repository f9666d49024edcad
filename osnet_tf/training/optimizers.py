"""Optimizers that a config can ask for."""

import contextlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import keras
import tensorflow as tf

from osnet_tf.training.config import OptimizerConfig
from osnet_tf.training.schedules import learning_rate_schedule
from osnet_tf.types import Tensor


class RateFactors:
    """Mixin of an optimizer: learning rates of their own for some variables.

    (Keras has one rate for all. Its decoupled `weight_decay` stays with that one.)

    Args:
        rate_factors: What `get_config` returned: a number for each variable, in the order in which
            the optimizer was built with them. None: 1 for all.
    """

    def __init__(self, *args, rate_factors=None, **kwargs):
        super().__init__(*args, **kwargs)
        self._rate_factors = dict(enumerate(rate_factors or ()))

    def scale_rate(self, variables, factor):
        """Multiplies the learning rate of these variables. The optimizer must be built."""
        for variable in variables:
            self._rate_factors[self._get_variable_index(variable)] = float(factor)

    def _rate_for(self, variable, learning_rate):
        factor = self._rate_factors.get(self._get_variable_index(variable), 1.0)
        return learning_rate if factor == 1.0 else factor * learning_rate

    def get_config(self):
        factors = self._rate_factors
        listed = [factors.get(index, 1.0) for index in range(max(factors, default=-1) + 1)]
        return {**super().get_config(), "rate_factors": listed or None}


@keras.saving.register_keras_serializable(package="osnet_tf")
class MomentumSGD(RateFactors, keras.optimizers.SGD):
    """Keras's SGD with learning rates of their own for some variables.

    >>> import numpy as np
    >>> weights = [keras.Variable(np.array([1.0], "float32")) for _ in range(2)]
    >>> optimizer = MomentumSGD(learning_rate=0.1)
    >>> optimizer.build(weights)
    >>> optimizer.scale_rate(weights[1:], 0.1)
    >>> optimizer.apply([np.array([1.0], "float32")] * 2, weights)
    >>> [round(float(weight[0]), 3) for weight in weights]
    [0.9, 0.99]
    """

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        super().update_step(gradient, variable, self._rate_for(variable, learning_rate))


@keras.saving.register_keras_serializable(package="osnet_tf")
class FusedAdam(RateFactors, keras.optimizers.Adam):
    """Keras's Adam and AMSGrad with one TensorFlow operation for each weight.

    Stock Keras composes the update of a weight from some twenty operations. OSNet has over 400
    weights, most of them small, so those operations are what its step takes longest to build, and
    a notable part of running it. The numbers are the same.

    Args: those of `keras.optimizers.Adam`. TensorFlow backend only.

    Reference: Kingma and Ba 2014 (arXiv 1412.6980); Reddi et al. 2018 (arXiv 1904.09237).

    >>> import numpy as np
    >>> weight = keras.Variable(np.array([1.0], "float32"))
    >>> optimizer = FusedAdam(learning_rate=0.1, amsgrad=True)
    >>> optimizer.apply([np.array([0.5], "float32")], [weight])
    >>> round(float(weight[0]), 3)
    0.9
    """

    def apply(self, grads: Sequence[Tensor], trainable_variables: Any = None) -> None:
        # In a namespace, which Keras does not look into for something to track
        self._step = SimpleNamespace(scalars={})
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        index = self._get_variable_index(variable)
        common = {
            "var": variable.handle,
            "m": self._momentums[index].value.handle,
            "v": self._velocities[index].value.handle,
            "grad": tf.cast(gradient, variable.dtype),
            **self._scalars_of(variable.dtype),
            "lr": tf.cast(self._rate_for(variable, learning_rate), variable.dtype),
        }
        if self.amsgrad:
            vhat = self._velocity_hats[index].value.handle
            tf.raw_ops.ResourceApplyAdamWithAmsgrad(vhat=vhat, **common)
        else:
            tf.raw_ops.ResourceApplyAdam(**common)

    def _scalars_of(self, dtype):
        """The numbers of a step that all weights share: made once, not once for each of them."""
        scalars = self._step.scalars
        if dtype not in scalars:
            step = tf.cast(self.iterations.value + 1, dtype)
            beta_1, beta_2 = (tf.cast(beta, dtype) for beta in (self.beta_1, self.beta_2))
            scalars[dtype] = {
                "beta1": beta_1,
                "beta2": beta_2,
                "beta1_power": beta_1**step,
                "beta2_power": beta_2**step,
                "epsilon": tf.cast(self.epsilon, dtype),
            }
        return scalars[dtype]


@contextlib.contextmanager
def gradients_summed(optimizer):
    """A context in which an optimizer takes gradients that the replicas have added up already.

    Keras's optimizers add them up when they apply them, which is too late for whoever wants the
    norm of the whole batch's gradient, and offer no public way to leave it out. (Adding up twice
    would double the traffic between hosts.)

    Args:
        optimizer: A Keras optimizer; a `LossScaleOptimizer` counts as what it is around.
    """
    own = getattr(optimizer, "inner_optimizer", optimizer)
    own._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables
    try:
        yield
    finally:
        del own._all_reduce_sum_gradients


def make_optimizer(config: OptimizerConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """The Keras optimizer that an `OptimizerConfig` asks for.

    `config.l2` is not part of it: PyTorch's weight decay is inside the gradient, so the training
    step adds it there. `config.weight_decay` is Keras's own, decoupled. In float16 small gradients
    vanish, so there the optimizer is a `keras.optimizers.LossScaleOptimizer` around it.

    >>> from osnet_tf.training.config import OptimizerConfig
    >>> make_optimizer(OptimizerConfig(optimizer="amsgrad"), 10).amsgrad
    True
    """
    common = {
        "learning_rate": learning_rate_schedule(config, steps_per_epoch),
        "weight_decay": config.weight_decay or None,
        "name": "optimizer",  # Keras would number it, and checkpoints hold variables by their names
    }
    if config.optimizer == "sgd":
        optimizer = MomentumSGD(momentum=config.momentum, **common)
    else:
        amsgrad = config.optimizer == "amsgrad"
        optimizer = FusedAdam(beta_1=config.momentum, epsilon=1e-8, amsgrad=amsgrad, **common)
    if config.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def slow_base(optimizer, model, embedder, factor, layer_decay=1.0):
    """Multiplies the learning rate of the embedder's weights; those of new layers keep theirs.

    Args:
        optimizer: What `make_optimizer` returned; it is built here.
        model: The model that is trained, as `add_classifier` returns it.
        embedder: The one it was put on.
        factor: > 0; 0.1 makes the classifier learn ten times as fast as the rest, the public code's
            `staged_lr`.
        layer_decay: In (0, 1], another factor for each step down: once for the layers behind the
            last stage, twice for stage 4, five times for the stem.

    Reference of `layer_decay`: Clark et al. 2020 (arXiv 2003.10555), "layerwise LR decay".

    >>> from osnet_tf import OSNet, add_classifier
    >>> from osnet_tf.training.config import OptimizerConfig
    >>> embedder = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> optimizer = make_optimizer(OptimizerConfig(), steps_per_epoch=10)
    >>> slow_base(optimizer, add_classifier(embedder, num_classes=4), embedder, factor=0.1)
    """
    # stages by how the names of their layers begin; 1 for what follows them
    depths = {"conv1": 5, "conv2_": 4, "conv3_": 3, "conv4_": 2}
    optimizer.build(model.trainable_variables)
    own = getattr(optimizer, "inner_optimizer", optimizer)
    for variable in embedder.trainable_variables:
        depth = next((d for name, d in depths.items() if variable.path.startswith(name)), 1)
        own.scale_rate([variable], factor * layer_decay**depth)
