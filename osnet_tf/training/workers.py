"""The hosts that train together, and what they have to agree on."""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf

from osnet_tf.errors import OSNetError

#: What TensorFlow raises when another host is gone.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)


class WorkerLostError(OSNetError, ConnectionError):
    """Another host of the run ended, so this one had to. The last checkpoint is kept.

    Attributes:
        exit_code: What a command ends with: EX_TEMPFAIL, for schedulers that then start it anew.
    """

    exit_code = 75


class Workers:
    """The hosts (workers) of a `tf.distribute` strategy; a single one for most strategies.

    With `MultiWorkerMirroredStrategy` each host runs the same program. One, the chief (worker 0
    where TF_CONFIG names none), writes files; decisions that rest on what one host alone knows are
    shared, or the hosts would part and wait for each other for ever.

    Args:
        strategy: A `tf.distribute.Strategy`.

    Attributes:
        count: Number of hosts.
        rank: This host's number, from 0; the chief's is 0.
        is_chief: Whether this host writes.

    >>> workers = Workers(tf.distribute.get_strategy())
    >>> workers.count, workers.is_chief, workers.any(True), workers.from_chief(0.5)
    (1, True, True, 0.5)
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self._strategy = strategy
        self.count, self.rank = 1, 0
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            resolver = strategy.cluster_resolver
            hosts = resolver.cluster_spec().as_dict()
            self.count = len(hosts.get("chief", [])) + len(hosts.get("worker", []))
            after_chief = "chief" in hosts and resolver.task_type == "worker"
            self.rank = resolver.task_id + after_chief
        self.is_chief = self.rank == 0

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true on any host. All hosts have to ask."""
        return self.any_of([flag])[0]

    def any_of(self, flags: Sequence[bool]) -> list[bool]:
        """For each of some flags, whether it is true on any host. All hosts have to ask."""
        return [bool(count > 0) for count in self._sum([float(bool(flag)) for flag in flags])]

    def from_chief(self, value: float) -> float:
        """The chief's number, on every host. All hosts have to ask; none goes on before all do."""
        return self._sum([float(value) if self.is_chief else 0.0])[0]

    def same(self, value: float) -> bool:
        """Whether a number is the same on every host. All hosts have to ask."""
        return not self.any(self.from_chief(value) != float(value))

    def wait(self) -> None:
        """Returns when every host has come here."""
        self._sum([0.0])

    def _sum(self, values):
        """The sum of each number over the hosts."""
        if self.count == 1:
            return values
        strategy = self._strategy
        local = strategy.num_replicas_in_sync // self.count  # one of its replicas speaks for a host
        shares = strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                values if context.replica_id_in_sync_group % local == 0 else [0.0] * len(values),
                tf.float64,
            )
        )
        return strategy.reduce(tf.distribute.ReduceOp.SUM, shares, axis=None).numpy().tolist()

    @contextlib.contextmanager
    def naming_lost(self, last_checkpoint: Callable[[], str | None]) -> Iterator[None]:
        """A context in which the loss of another host raises WorkerLostError.

        Args:
            last_checkpoint: Function without arguments, to the path of a checkpoint or None.
        """
        try:
            yield
        except _LOST as error:
            if self.count == 1:
                raise
            kept = last_checkpoint()
            go_on = f"Last checkpoint: {kept}" if kept else "There is no checkpoint yet"
            raise WorkerLostError(
                f"One of the {self.count} workers ended, so training stopped here. {go_on}. "
                "Start all workers again, with --resume."
            ) from error
