"""Which images make which batch, in every epoch of a run."""

import numpy as np

from osnet_tf.config import ConfigError
from osnet_tf.data.sampling import identity_batches, random_batches


class BatchPlan:
    """The batches of a run: indices into its training samples, pure in (config, epoch).

    Images of one person lie side by side and no part of a batch, be it a replica's or one of
    several that are accumulated, gets only some of them.

    Args:
        config: A `TrainingConfig`.
        pids: int `(images,)`, the person in each training image.
        replicas: Replicas in sync.

    Attributes:
        steps: Batches in every epoch. (P x K epochs would vary by a step or two; they are cut to
            the first one's length, so that schedules in steps end where they should.)

    Raises ConfigError for a batch that cannot be cut, or is larger than the training set.

    >>> from osnet_tf.training.config import TrainingConfig
    >>> plan = BatchPlan(TrainingConfig(batch_size=4, instances=2), [7, 7, 8, 8, 9, 9, 9, 9], 1)
    >>> plan(epoch=0).shape[1], bool((plan(epoch=3) == plan(epoch=3)).all())
    (4, True)
    """

    def __init__(self, config, pids, replicas):
        parts = replicas * config.accumulation
        if config.batch_size % parts:
            raise ConfigError(
                "batch_size",
                f"must be a multiple of {replicas} replicas x {config.accumulation} parts",
                config.batch_size,
            )
        self._config = config
        self._parts = parts
        self._pids = np.asarray(pids)
        if config.batch_size > len(self._pids):
            raise ConfigError(
                "batch_size", f"must be <= the {len(self._pids)} images", config.batch_size
            )
        self.steps = len(self._batches(0))

    def __call__(self, epoch):
        """int `(steps, batch_size)`."""
        return self._batches(epoch)[: self.steps]

    def _batches(self, epoch):
        config = self._config
        order = {"seed": config.seed, "epoch": epoch}
        if not config.instances:
            return random_batches(len(self._pids), config.batch_size, **order)
        identities = config.batch_size // config.instances
        return identity_batches(
            self._pids, identities, config.instances, replicas=self._parts, **order
        )
