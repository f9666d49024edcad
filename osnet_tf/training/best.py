"""The best evaluation of a run so far, and when to stop."""

import tensorflow as tf


class BestEvaluation(tf.Module):
    """Keeps the highest score, its epoch, and how many evaluations have not beaten it since.

    It is a part of the checkpoint, so that a resumed run stops where it would have stopped.

    >>> best = BestEvaluation()
    >>> [best.beaten_by(score, epoch) for epoch, score in enumerate((0.1, 0.3, 0.3, 0.2), start=1)]
    [True, True, False, False]
    >>> int(best.epoch), int(best.since)
    (2, 2)
    """

    def __init__(self):
        super().__init__(name="best")
        self.score = tf.Variable(float("-inf"), dtype=tf.float64, name="score")
        self.epoch = tf.Variable(0, dtype=tf.int64, name="epoch")
        self.since = tf.Variable(0, dtype=tf.int64, name="since")

    def beaten_by(self, score: float, epoch: int) -> bool:
        """Counts an evaluation; whether it is the best so far."""
        if score > float(self.score):
            self.score.assign(score)
            self.epoch.assign(epoch)
            self.since.assign(0)
            return True
        self.since.assign_add(1)
        return False
