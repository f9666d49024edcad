"""One training step, the same for one device, several, and several hosts."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import keras
import tensorflow as tf

from osnet_tf.checks import check_int, check_number
from osnet_tf.errors import ArgumentError
from osnet_tf.losses import WeightedLosses
from osnet_tf.training.moving_average import MovingAverage
from osnet_tf.training.optimizers import gradients_summed
from osnet_tf.types import Tensor


class TrainingStep:
    """Forward, backward and update over a `tf.distribute` strategy.

    Every replica gets an equal, contiguous part of the global batch, and its loss counts 1 /
    replicas: the summed gradients are those of the mean over the global batch.

    Args:
        model: From images to a dict of outputs, such as `add_classifier` returns. Made, as the
            optimizer, within `strategy.scope()`.
        losses: `osnet_tf.losses.WeightedLosses` on its outputs.
        optimizer: A Keras optimizer.
        strategy: A `tf.distribute.Strategy`; `tf.distribute.get_strategy()` for one device.
        metrics: What else to measure in each step: dict from names to functions (targets, outputs)
            -> scalar, a mean over the images.
        only: None to train every layer, or the list of layers that alone are trained. The model
            then runs as in inference, batch norm too, as in the public code's `fixbase_epoch`.
        l2: Added to the gradient as l2 x weight on every trainable weight, as PyTorch's
            weight_decay; >= 0.
        clip_norm: Largest global L2 norm of the whole batch's gradient (before l2 is added), as
            PyTorch's `clip_grad_norm_`; 0 for none.
        accumulation: Equal, contiguous parts that each replica's images go through the model in,
            one after the other, before the one update; >= 1. Batch statistics and pairs of images
            are those of a part.
        average: A `MovingAverage` to update after each step; may be None.
        teachers: A function from a replica's part of the images to more targets for the losses, as
            `osnet_tf.training.distillation.Distillation`; may be None. No gradient flows through.
        xla: Compile the forward and backward pass with XLA. With one replica only: the
            replicas' running statistics meet in the middle of it.

    An optimizer that scales the loss (`keras.optimizers.LossScaleOptimizer`, for float16) gets a
    scaled gradient; a step in which it overflows changes no weight.

    Raises ArgumentError for `xla` on several replicas, a negative l2 or clip_norm, no accumulation,
    no weight to train, two results of one name.

    Reference: arXiv 1905.00953, section 4.1.
    """

    def __init__(
        self,
        model: keras.Model,
        losses: WeightedLosses,
        optimizer: keras.optimizers.Optimizer,
        strategy: tf.distribute.Strategy,
        *,
        metrics: Mapping[str, Callable] | None = None,
        only: Sequence[keras.Layer] | None = None,
        l2: float = 0.0,
        clip_norm: float = 0.0,
        accumulation: int = 1,
        average: MovingAverage | None = None,
        teachers: Callable[[Tensor], Mapping[str, Tensor]] | None = None,
        xla: bool = False,
    ) -> None:
        check_number(0, l2=l2, clip_norm=clip_norm)
        check_int(accumulation=accumulation)
        replicas = strategy.num_replicas_in_sync
        if xla and replicas > 1:
            raise ArgumentError(f"`xla` needs a single replica. Received: {replicas} replicas")
        self._model = model
        self._losses = losses
        self._optimizer = optimizer
        self._strategy = strategy
        self._l2 = float(l2)
        self._clip_norm = float(clip_norm)
        self._accumulation = int(accumulation)
        self._scales_loss = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        self._average = average
        self._teachers = teachers
        self._metrics = dict(metrics or {})
        self._in_training = only is None
        trained = [model] if only is None else only
        self._variables = [v for layer in trained for v in layer.trainable_variables]
        if not self._variables:
            raise ArgumentError(f"There is no weight to train. Received: only={only}")
        self.names = step_names(losses, self._metrics)
        self._gradients = self._compute_gradients
        if xla:
            self._gradients = tf.function(
                self._compute_gradients, jit_compile=True, autograph=False
            )
        self._run = tf.function(self._distributed_step, autograph=False)

    def __call__(self, images: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Trains on one global batch.

        Args:
            images: RGB `(batch, height, width, 3)` of 0..255, a tensor or what
                `strategy.experimental_distribute_dataset` yields.
            targets: Dict of tensors `(batch, ...)` by the names that the losses and metrics know.

        Returns:
            Dict of scalar float32 tensors, means over the global batch: `loss` (the weighted sum
            that is minimised, without l2), each loss and each metric by its name,
            `gradient_norm` (L2, of `loss` by all trained weights, before clipping and l2; 0 where
            it overflows in float16) and `update_norm` (L2, of what the step added to them).
        """
        return self._run(images, targets)

    def _distributed_step(self, images, targets):
        with gradients_summed(self._optimizer):
            results = self._strategy.run(self._replica_step, args=(images, targets))
        return {
            name: self._strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
            for name, value in results.items()
        }

    def _replica_step(self, images, targets):
        gradients, results = self._accumulate(images, targets)
        if self._strategy.num_replicas_in_sync > 1:
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        scale = self._optimizer.scale_loss(1.0)
        before = _flat(self._weights())
        gradient = _flat(gradients)
        norm = tf.norm(gradient)
        if self._clip_norm:
            (gradient,), _ = tf.clip_by_global_norm([gradient], scale * self._clip_norm, norm)
        if self._l2:
            gradient += scale * self._l2 * before
        if self._clip_norm or self._l2:
            gradients = _cut(gradient, [variable.shape for variable in self._variables])
        self._optimizer.apply(gradients, self._variables)
        update = tf.norm(_flat(self._weights()) - before)
        if self._average is not None:
            self._average.update()
        if self._scales_loss:  # a step that overflows is left out
            norm = tf.where(tf.math.is_finite(norm), norm, 0.0)
        return {**results, "gradient_norm": norm / scale, "update_norm": update}

    def _weights(self):
        return [variable.value for variable in self._variables]

    def _accumulate(self, images, targets):
        """Mean gradients and results over the parts of a replica's batch."""
        parts = self._accumulation
        if parts == 1:
            return self._gradients(images, targets)
        cut = {name: tf.split(values, parts) for name, values in targets.items()}
        done = [
            self._gradients(part, {name: values[number] for name, values in cut.items()})
            for number, part in enumerate(tf.split(images, parts))
        ]
        return tf.nest.map_structure(lambda *values: tf.add_n(values) / parts, *done)

    def _compute_gradients(self, images, targets):
        replicas = self._strategy.num_replicas_in_sync
        if self._teachers is not None:
            targets = {**targets, **self._teachers(images)}
        with tf.GradientTape() as tape:
            outputs = self._model(images, training=self._in_training)
            # Keras's losses divide by the number of replicas themselves
            share_of_loss, parts = self._losses(targets, outputs)
            scaled = self._optimizer.scale_loss(share_of_loss)
        gradients = tape.gradient(scaled, self._weights())
        losses = {"loss": share_of_loss, **parts}
        means = {name: replicas * value for name, value in losses.items()}
        measured = {name: metric(targets, outputs) for name, metric in self._metrics.items()}
        return gradients, {**means, **measured}


def step_names(losses: WeightedLosses, metrics: Iterable[str] = ()) -> list[str]:
    """Names of what a `TrainingStep` of these losses and metrics returns.

    Raises ArgumentError where two would have the same name.
    """
    names = ["loss", *losses.names, *metrics, "gradient_norm", "update_norm"]
    for name in names:
        if names.count(name) > 1:
            raise ArgumentError(f"Two results of a step have the name {name!r}. Received: {names}")
    return names


def _flat(tensors):
    """All values of some tensors in one vector: one operation more, not one for each of 400."""
    return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], axis=0)


def _cut(vector, shapes):
    """The inverse of `_flat`."""
    parts = tf.split(vector, [math.prod(shape) for shape in shapes])
    return [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
