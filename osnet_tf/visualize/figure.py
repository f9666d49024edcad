"""A Matplotlib figure that becomes a file, without a screen and without global state."""

import contextlib
import warnings

from osnet_tf.errors import MissingPackageError
from osnet_tf.files import printable, whole_file


@contextlib.contextmanager
def figure_file(path, *, columns=1, width=6.0, height=4.2):
    """Gives the axes of a new figure; the file is written when the block ends without an error.

    Args:
        path: Ends in `.png`, `.svg` or another suffix that Matplotlib knows; its folder exists.
        columns: Axes beside each other.
        width, height: Of each, in inches.

    Raises MissingPackageError if Matplotlib is not installed.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "line.png")
    >>> with figure_file(path) as [axes]:
    ...     lines = axes.plot([1, 2], [3, 5])
    >>> path.read_bytes()[1:4]
    b'PNG'
    """
    require_matplotlib()
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    figure = Figure(figsize=(columns * width, height), layout="constrained", dpi=120)
    axes = list(figure.subplots(1, columns, squeeze=False)[0])
    yield axes
    for one in axes:  # names of people, files and datasets may hold any character, such as $
        one.get_xticklabels(), one.get_yticklabels()  # makes them
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_text(printable(text.get_text()))
    with whole_file(path) as new, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a box takes its place
        figure.savefig(new)


def require_matplotlib():
    """The matplotlib package; raises MissingPackageError if it is not installed."""
    try:
        import matplotlib
    except ImportError as error:
        raise MissingPackageError(
            "Pictures need Matplotlib, which is not installed: pip install matplotlib"
        ) from error
    return matplotlib
