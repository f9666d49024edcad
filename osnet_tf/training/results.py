"""Results of training steps, which stay on the device until somebody asks for them.

Reading one makes the host wait until the device has come to the end of the step. A loop that reads
each step's loss leaves an accelerator idle between two steps.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf


class StepLogs(Mapping):
    """The results of one step as callbacks see them: a float each, read when it is asked for.

    >>> logs = StepLogs({"loss": tf.constant(0.5)})
    >>> logs["loss"], dict(logs), "accuracy" in logs
    (0.5, {'loss': 0.5}, False)
    """

    def __init__(self, results):
        self._results = results

    def __getitem__(self, name):
        return float(self._results[name])

    def __iter__(self):
        return iter(self._results)

    def __len__(self):
        return len(self._results)


def fetch(steps):
    """Reads the results of several steps at once.

    Args:
        steps: Sequence of dicts, alike in their names, of scalar tensors.

    Returns:
        List of dicts of floats.

    >>> fetch([{"loss": tf.constant(0.5)}, {"loss": tf.constant(0.25)}])
    [{'loss': 0.5}, {'loss': 0.25}]
    """
    if not steps:
        return []
    names = list(steps[0])
    rows = tf.stack([tf.stack([results[name] for name in names]) for results in steps])
    return [
        dict(zip(names, row, strict=True)) for row in np.asarray(rows, dtype="float64").tolist()
    ]
