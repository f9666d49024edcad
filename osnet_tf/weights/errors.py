"""The one error of reading and converting checkpoints."""

from osnet_tf.errors import OSNetError


class CheckpointError(OSNetError, ValueError):
    """A checkpoint is damaged, asks for something that is refused, or does not fit the model.

    The message names the file and what is wrong with it.

    Example:

    >>> from osnet_tf.weights import CheckpointError
    >>> issubclass(CheckpointError, ValueError)
    True
    """
