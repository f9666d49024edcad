"""Where the time of a training step goes."""

from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from osnet_tf.errors import NotFoundError
from osnet_tf.training.op_names import readable_name
from osnet_tf.types import PathLike


class OpTime(NamedTuple):
    """Time in one kind of operation.

    Attributes:
        name: What it computes, such as "convolution, gradient by its weights".
        operations: TensorFlow's names of it, such as ("_MklNativeConv2DBackpropFilter",).
        calls: Calls in a step, on average.
        milliseconds: In a step, on average, summed over threads.
        share: Of the time in all operations, in [0, 1].
    """

    name: str
    operations: tuple[str, ...]
    calls: float
    milliseconds: float
    share: float


class StepProfiler(keras.callbacks.Callback):
    """Records a few steps with TensorFlow's profiler, once the first ones have warmed up.

    The trace lies where TensorBoard's profile plugin looks for it; `read_profile` reads it without.

    Args:
        log_dir: Folder of TensorBoard's event files.
        after: Steps of this process to let pass first.

    >>> import tempfile
    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> model.compile("sgd", "mse")
    >>> with tempfile.TemporaryDirectory() as log_dir:
    ...     profiler = StepProfiler(log_dir, after=2)
    ...     data = np.zeros((8, 4), "float32"), np.zeros((8, 2), "float32")
    ...     history = model.fit(*data, batch_size=1, callbacks=[profiler], verbose=0)
    ...     times = read_profile(log_dir)
    >>> "matrix product" in [time.name for time in times]
    True
    """

    #: Steps to record.
    STEPS = 5

    def __init__(self, log_dir: PathLike, after: int = 5) -> None:
        super().__init__()
        self._log_dir = str(log_dir)
        self._after = after
        self._seen = 0
        self._running = False

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._seen == self._after:
            tf.profiler.experimental.start(self._log_dir)
            self._running = True

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._seen += 1
        if self._seen == self._after + self.STEPS:
            self._stop()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._stop()

    def _stop(self):
        if self._running:
            tf.profiler.experimental.stop()
            self._running = False


def read_profile(log_dir: PathLike, steps: int = StepProfiler.STEPS) -> list[OpTime]:
    """Time by kind of operation in the newest trace below a folder, longest first.

    Args:
        log_dir: Folder that the profiler was given.
        steps: Steps that it recorded.

    Returns:
        List of `OpTime`.

    Raises FileNotFoundError if there is no trace.

    >>> read_profile("runs/never_profiled")
    Traceback (most recent call last):
    osnet_tf.errors.NotFoundError: There is no profile below runs/never_profiled: recording \
takes a run of 10 steps at least
    """
    traces = sorted(Path(log_dir).rglob("*.xplane.pb"))
    if not traces:
        raise NotFoundError(
            f"There is no profile below {log_dir}: recording takes a run of 10 steps at least"
        )
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace.FromString(traces[-1].read_bytes())
    operations, calls, picoseconds = {}, {}, {}
    for plane in space.planes:
        names = {key: _operation(value.name) for key, value in plane.event_metadata.items()}
        for event in (event for line in plane.lines for event in line.events):
            operation = names[event.metadata_id]
            if operation:
                name = readable_name(operation)
                operations.setdefault(name, set()).add(operation)
                calls[name] = calls.get(name, 0) + 1
                picoseconds[name] = picoseconds.get(name, 0) + event.duration_ps
    total = max(sum(picoseconds.values()), 1)
    return [
        OpTime(
            name,
            tuple(sorted(operations[name])),
            calls[name] / steps,
            time / 1e9 / steps,
            time / total,
        )
        for name, time in sorted(picoseconds.items(), key=lambda item: -item[1])
    ]


def _operation(event):
    """The kind of operation of an event "NODE:KIND"; empty for one like "Executor::Process"."""
    node, _, kind = event.rpartition(":")
    return kind if node and not node.endswith(":") and kind.isidentifier() else ""
