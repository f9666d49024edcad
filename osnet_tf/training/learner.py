"""What learns: the model that a config and a task make, its losses, optimizer and average."""

import contextlib

from osnet_tf.models import OSNet
from osnet_tf.training.devices import use_xla
from osnet_tf.training.distillation import Distillation
from osnet_tf.training.moving_average import MovingAverage
from osnet_tf.training.optimizers import make_optimizer, slow_base
from osnet_tf.training.precision import dtype_policy
from osnet_tf.training.step import TrainingStep, step_names
from osnet_tf.training.workers import Workers


class Learner:
    """A model with all that moves its weights.

    Args:
        config: A `TrainingConfig`.
        task: A `Task`.
        strategy: The `tf.distribute.Strategy` that the variables are made for.
        steps: Steps in an epoch.

    Attributes:
        embedder: The embedder, in the precision that is trained in.
        model: What the task has made of it.
        optimizer: Its optimizer.
        average: `MovingAverage` of its variables, or None.
        distillation: `Distillation`, from the teachers if there are any.
        metrics: The task's `step_metrics`.
        names: Of all that a step returns.
    """

    def __init__(self, config, task, strategy, steps):
        self._config = config
        self._task = task
        self._strategy = strategy
        self._steps = {}
        optimizing = config.optimizer
        with strategy.scope():
            self.distillation = Distillation(config.distillation, config.model.size)
            with dtype_policy(optimizing.precision):
                self.embedder = _make_embedder(
                    config, config.model.weights, any_size=bool(config.data.progressive_epochs)
                )
                self.model = self._build(self.embedder)
            self.optimizer = make_optimizer(optimizing, steps)
            factors = (optimizing.base_rate_factor, optimizing.layer_rate_decay)
            if factors != (1.0, 1.0):
                slow_base(self.optimizer, self.model, self.embedder, *factors)
            self.average = None
            if optimizing.average_decay:
                decay = optimizing.average_decay
                self.average = MovingAverage(self.model.variables, decay, dynamic=True)
                self.distillation.learn_from(self.model, self.average)
            elif optimizing.average_epochs:
                start = (optimizing.epochs - optimizing.average_epochs) * steps
                self.average = MovingAverage(self.model.variables, None, start_step=start)
        self._losses = self.distillation.losses(task.losses(), self.model)
        self.metrics = task.step_metrics()
        self.names = step_names(self._losses, self.metrics)

    def step_for(self, epoch):
        """The `TrainingStep` of an epoch, from 0; there are two of them at most."""
        config = self._config.optimizer
        new_only = epoch < config.new_layers_only_epochs
        if new_only not in self._steps:
            new_layers = self._task.new_layers(self.model, self.embedder)
            self._steps[new_only] = TrainingStep(
                self.model,
                self._losses,
                self.optimizer,
                self._strategy,
                metrics=self.metrics,
                only=new_layers if new_only else None,
                l2=config.l2,
                clip_norm=config.clip_norm,
                accumulation=config.accumulation,
                average=self.average,
                teachers=self.distillation if self.distillation.in_step else None,
                xla=use_xla(self._config.run.xla, self._strategy),
            )
        return self._steps[new_only]

    @contextlib.contextmanager
    def for_use(self):
        """A context of (embedder, model) as they are used: averaged weights, in float32."""
        with self.average.swapped() if self.average else contextlib.nullcontext():
            fixed_size = self.embedder.input_shape[1] is not None
            if self._config.optimizer.precision == "float32" and fixed_size:
                yield self.embedder, self.model
            else:
                with self._scope():
                    embedder = _make_embedder(self._config)
                    model = self._build(embedder)
                model.set_weights(self.model.get_weights())
                yield embedder, model

    def _build(self, embedder):
        return self.distillation.build(self._task.build(embedder), embedder)

    def _scope(self):
        """Of the strategy; none on several hosts, who would have to enter it together."""
        several = Workers(self._strategy).count > 1
        return contextlib.nullcontext() if several else self._strategy.scope()


def _make_embedder(config, weights=None, any_size=False):
    arguments = config.model.to_dict()
    for name in ("height", "width", "weights"):
        del arguments[name]
    return OSNet(
        **arguments,
        neck="batch_norm" if config.losses.neck == "after" else "none",
        input_shape=(None, None, 3) if any_size else (*config.model.size, 3),
        weights=weights or None,
    )
