"""A progress bar that can be left out."""

import contextlib
import sys

from tqdm import tqdm

from osnet_tf.files import printable


@contextlib.contextmanager
def progress_bar(show, total, text, unit="images"):
    """Gives a function that counts finished items into a bar on stderr; None without `show`.

    Args:
        show: Whether there is a bar; None: where stderr is a terminal.
        total: Number of items; None if unknown.
        text: What is going on.
        unit: What the items are.
    """
    if not (sys.stderr.isatty() if show is None else show):
        yield None
        return
    with tqdm(
        total=total,
        desc=printable(text),
        unit=f" {unit}",
        dynamic_ncols=True,
        # A log file wants a line now and then, a terminal a live bar that goes when it is done
        leave=False,
        mininterval=0.2 if sys.stderr.isatty() else 30,
    ) as bar:
        yield bar.update
