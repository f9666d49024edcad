"""A moving average of a model's weights."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow as tf

from osnet_tf.errors import ArgumentError


class MovingAverage:
    """Keeps exponential moving averages beside the variables that are trained.

    Each `update()` moves an average towards its variable: `a <- a - (1 - decay) * (a - v)`. The
    averages begin as the variables' values. `swap()` exchanges the two, so that the model evaluates
    or saves its averages; a second `swap()` puts everything back, bit for bit.

    With `dynamic`, the decay of the k-th update since `start_step` (from 0) is
    `min(decay, (1 + k) / (10 + k))`, which forgets the first, poor weights soon. Updates before
    `start_step` copy the variables. These are the numbers of tensorflow-addons' `MovingAverage`
    with its average_decay, dynamic_decay and start_step; it swaps by adding and subtracting, which
    rounds.

    It works eagerly and in a `tf.function`, in and outside of the replicas of a `tf.distribute`
    strategy: call `update()` once a step, after the optimizer, either within `strategy.run` or
    after it.

    Without a decay the average is the plain mean of the values at all updates since `start_step`:
    stochastic weight averaging (SWA), here over steps.

    Args:
        variables: Floating-point Keras or TensorFlow variables: `model.trainable_variables`, or
            `model.variables` to average the running statistics of batch norm too.
        decay: In [0, 1], the average's weight against the new value; None for the mean.
        dynamic: Lower decays for the first updates.
        start_step: >= 0, updates before averaging begins.

    Attributes:
        averages: `tf.Variable`s in the order of `variables`.
        state: A `tf.Module` of the averages (by path) and the number of updates, to be put into a
            `tf.train.Checkpoint`: `tf.train.Checkpoint(..., average=average.state)`.

    Raises ValueError for no variables, two of one path, one that is not floating-point, or an
    argument out of its range.

    Reference: Polyak and Juditsky 1992; `tf.train.ExponentialMovingAverage`; SWA: Izmailov et al.
    2018 (arXiv 1803.05407), algorithm 1 (the running statistics of batch norm, where they are among
    the variables, are averaged like them, not computed anew).

    >>> weight = tf.Variable([1.0])
    >>> average = MovingAverage([weight], decay=0.9)
    >>> _ = weight.assign([2.0])
    >>> average.update()
    >>> with average.swapped():
    ...     round(float(weight[0]), 4)
    1.1
    >>> float(weight[0])
    2.0
    """

    def __init__(
        self,
        variables: Iterable[Any],
        decay: float | None = 0.999,
        *,
        dynamic: bool = False,
        start_step: int = 0,
    ) -> None:
        if decay is not None and not 0.0 <= decay <= 1.0:
            raise ArgumentError(f"`decay` must be in [0, 1]. Received: decay={decay}")
        if not start_step >= 0:
            raise ArgumentError(f"`start_step` must be >= 0. Received: start_step={start_step}")
        self.decay = None if decay is None else float(decay)
        self.dynamic = bool(dynamic)
        self.start_step = int(start_step)
        paths = [getattr(v, "path", v.name) for v in variables]
        self._variables = [v if isinstance(v, tf.Variable) else v.value for v in variables]
        _check(paths, self._variables)
        # a plain variable knows no strategy
        home = getattr(self._variables[0], "distribute_strategy", None)
        self._strategy = home or tf.distribute.get_strategy()
        with _scope(self._strategy):
            self.averages = [
                tf.Variable(v.read_value(), trainable=False, name="average")
                for v in self._variables
            ]
            self._updates = tf.Variable(0, dtype=tf.int64, trainable=False, name="updates")
        self.state = tf.Module(name="moving_average")
        self.state.updates = self._updates
        self.state.averages = dict(zip(paths, self.averages, strict=True))

    def update(self) -> None:
        """Moves the averages towards the variables. Once a step, after the optimizer."""
        self._across_replicas(self._update)

    def swap(self) -> None:
        """Exchanges averages and variables. Twice is as never."""
        self._across_replicas(self._swap)

    @contextlib.contextmanager
    def swapped(self) -> Iterator[None]:
        """A context in which the variables hold the averages; afterwards their own values again."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def _across_replicas(self, function):
        context = tf.distribute.get_replica_context()
        if context is not None and context.strategy is self._strategy:
            context.merge_call(function)
        else:
            with _scope(self._strategy):
                function(self._strategy)

    def _update(self, strategy):
        rate = 1.0 - self._current_decay()
        for average, variable in zip(self.averages, self._variables, strict=True):
            strategy.extended.update(
                average,
                lambda a, v: a.assign_sub((a - v) * tf.cast(rate, a.dtype)),
                args=(variable,),
            )
        strategy.extended.update(self._updates, lambda updates: updates.assign_add(1))

    def _current_decay(self):
        step = tf.cast(self._updates.read_value() - self.start_step, tf.float32)
        decay = step / (step + 1.0) if self.decay is None else tf.constant(self.decay)
        if self.dynamic:
            decay = tf.minimum(decay, (1.0 + step) / (10.0 + step))
        return tf.where(step < 0.0, 0.0, decay)

    def _swap(self, strategy):
        def exchange(average, variable):
            kept = tf.identity(variable)
            variable.assign(average)
            average.assign(kept)

        for average, variable in zip(self.averages, self._variables, strict=True):
            strategy.extended.update(average, exchange, args=(variable,))


def _scope(strategy):
    """The strategy's scope, or none where it is entered already."""
    entered = tf.distribute.get_strategy() is strategy
    return contextlib.nullcontext() if entered else strategy.scope()


def _check(paths, variables):
    if not variables:
        raise ArgumentError(f"At least one variable is needed. Received: variables={variables}")
    for path, variable in zip(paths, variables, strict=True):
        if paths.count(path) > 1:
            raise ArgumentError(f"Two variables have the same path. Received: {path}")
        if not variable.dtype.is_floating:
            raise ArgumentError(f"{path} has no average. Received: dtype={variable.dtype.name}")
