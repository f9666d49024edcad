"""Ctrl-C and SIGTERM, taken between two steps."""

import signal
import threading


class Interrupted(KeyboardInterrupt):
    """Training was stopped from outside; its checkpoint is written.

    Attributes:
        signal_name: "SIGINT" or "SIGTERM".
        checkpoint: Path of the checkpoint to go on from.
    """

    def __init__(self, signal_name: str, checkpoint: str | None) -> None:
        super().__init__(f"stopped by {signal_name}; checkpoint: {checkpoint}")
        self.signal_name = signal_name
        self.checkpoint = checkpoint


class InterruptFlag:
    """Remembers a first SIGINT or SIGTERM instead of raising in the middle of an update.

    A context manager. The second signal acts as it always does. Outside the main thread, where
    Python allows no handlers, it does nothing.

    >>> with InterruptFlag() as flag:
    ...     signal.raise_signal(signal.SIGINT)
    ...     print(flag.received)
    SIGINT
    """

    def __init__(self):
        self.received = None
        self._previous = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number, _frame):
        self.received = signal.Signals(number).name
        signal.signal(number, self._previous[number])
