"""Optimizers that a config can ask for."""

import keras
import tensorflow as tf

from osnet_tf.training.schedules import learning_rate_schedule


@keras.saving.register_keras_serializable(package="osnet_tf")
class FusedAdam(keras.optimizers.Adam):
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

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations.value + 1, variable.dtype)
        beta_1 = tf.cast(self.beta_1, variable.dtype)
        beta_2 = tf.cast(self.beta_2, variable.dtype)
        common = {
            "var": variable.handle,
            "m": self._momentums[index].value.handle,
            "v": self._velocities[index].value.handle,
            "beta1_power": beta_1**step,
            "beta2_power": beta_2**step,
            "lr": tf.cast(learning_rate, variable.dtype),
            "beta1": beta_1,
            "beta2": beta_2,
            "epsilon": tf.cast(self.epsilon, variable.dtype),
            "grad": tf.cast(gradient, variable.dtype),
        }
        if self.amsgrad:
            vhat = self._velocity_hats[index].value.handle
            tf.raw_ops.ResourceApplyAdamWithAmsgrad(vhat=vhat, **common)
        else:
            tf.raw_ops.ResourceApplyAdam(**common)


def make_optimizer(config, steps_per_epoch):
    """The Keras optimizer that a config asks for.

    `config.l2` is not part of it: PyTorch's weight decay is inside the gradient, so the training
    step adds it there. `config.weight_decay` is Keras's own, decoupled.

    >>> from osnet_tf.training.config import TrainingConfig
    >>> make_optimizer(TrainingConfig(optimizer="amsgrad"), 10).amsgrad
    True
    """
    common = {
        "learning_rate": learning_rate_schedule(config, steps_per_epoch),
        "weight_decay": config.weight_decay or None,
    }
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(momentum=config.momentum, **common)
    return FusedAdam(
        beta_1=config.momentum, epsilon=1e-8, amsgrad=config.optimizer == "amsgrad", **common
    )
