"""How far a run has come: the part of a checkpoint that is neither weights nor optimizer."""

import tensorflow as tf


class Progress(tf.Module):
    """Epochs and steps done, and the sums of the epoch under way.

    `step` counts within the epoch, `total_steps` over the whole run.

    They are variables so that a `tf.train.Checkpoint` holds them: a run interrupted in the middle
    of an epoch goes on with the next batch of it and reports the epoch as if nothing had happened.
    """

    def __init__(self, names):
        super().__init__(name="progress")
        self.epoch = tf.Variable(0, dtype=tf.int64, name="epoch")
        self.step = tf.Variable(0, dtype=tf.int64, name="step")
        self.total_steps = tf.Variable(0, dtype=tf.int64, name="total_steps")
        self.sums = {name: tf.Variable(0.0, dtype=tf.float64, name=name) for name in names}

    def add(self, results):
        """Counts one step, given its results as floats."""
        self.step.assign_add(1)
        self.total_steps.assign_add(1)
        for name, value in results.items():
            self.sums[name].assign_add(value)

    def means(self):
        """Means over the steps of this epoch so far."""
        steps = max(int(self.step), 1)
        return {name: float(total) / steps for name, total in self.sums.items()}

    def next_epoch(self):
        """Ends the epoch."""
        self.epoch.assign_add(1)
        self.step.assign(0)
        for total in self.sums.values():
            total.assign(0.0)
