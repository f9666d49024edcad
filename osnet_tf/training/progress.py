"""How far a run has come: the part of a checkpoint that is neither weights nor optimizer."""

import json

import tensorflow as tf


class Progress(tf.train.experimental.PythonState):
    """Epochs and steps done, and the sums of the epoch under way.

    A `tf.train.Checkpoint` holds it as JSON, in which Python's floats come back bit for bit: a run
    interrupted in the middle of an epoch goes on with the next batch of it and reports the epoch as
    if nothing had happened.

    Args:
        names: Names of the results of a step.

    Attributes:
        epoch: Whole epochs done.
        step: Steps done of the epoch under way.
        total_steps: Steps done in the whole run.
        stopped: Whether the run was found to be at its end before its last epoch.
        learning_rate: In the first step of the epoch under way.
        sums: Dict from a result's name to its sum over the epoch under way.

    >>> progress = Progress(["loss"])
    >>> for loss in (3.0, 2.0):
    ...     progress.add({"loss": loss})
    >>> progress.means(), progress.step
    ({'loss': 2.5}, 2)
    >>> progress.end_epoch()
    >>> progress.epoch, progress.step, progress.total_steps, progress.sums
    (1, 0, 2, {'loss': 0.0})
    """

    def __init__(self, names):
        self.epoch = self.step = self.total_steps = 0
        self.stopped = False
        self.learning_rate = 0.0
        self.sums = dict.fromkeys(names, 0.0)

    def add(self, results):
        """Counts one step, given its results as floats by name."""
        self.step += 1
        self.total_steps += 1
        for name, value in results.items():
            self.sums[name] += value

    def means(self):
        """Means over the steps of this epoch so far."""
        return {name: total / max(self.step, 1) for name, total in self.sums.items()}

    def end_epoch(self, stopped=False):
        """Counts an epoch, the last one where `stopped`."""
        self.epoch += 1
        self.step = 0
        self.sums = dict.fromkeys(self.sums, 0.0)
        self.stopped = bool(stopped)

    def serialize(self):
        """What a checkpoint holds of it."""
        names = ("epoch", "step", "total_steps", "stopped", "learning_rate", "sums")
        return json.dumps({name: getattr(self, name) for name in names})

    def deserialize(self, string_value):
        """Takes over what `serialize` returned."""
        for name, value in json.loads(string_value).items():
            setattr(self, name, value)
