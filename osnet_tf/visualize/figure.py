"""A Matplotlib figure that becomes a file, without a screen and without global state."""

import contextlib
import warnings

from osnet_tf.checks import optional_package
from osnet_tf.files import printable, whole_file


@contextlib.contextmanager
def figure_file(path, *, columns=1, rows=1, width=6.0, height=4.2, width_ratios=None):
    """Gives the axes of a new figure; the file is written when the block ends without an error.

    Args:
        path: Ends in `.png`, `.svg` or another suffix that Matplotlib knows; its folder exists.
        columns, rows: Axes beside each other, and above; they come row by row.
        width, height: Of each, in inches.
        width_ratios: Of the columns to each other; all the same by default.

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
    from matplotlib.ticker import LogFormatter

    figure = Figure(figsize=(columns * width, rows * height), layout="constrained", dpi=120)
    axes = list(figure.subplots(rows, columns, squeeze=False, width_ratios=width_ratios).flat)
    yield axes
    for one in axes:  # names of people, files and datasets may hold any character, such as $
        for axis in (one.xaxis, one.yaxis):
            if axis.get_scale() == "log":  # whose numbers are formulas by default
                axis.set_major_formatter(LogFormatter())
                axis.set_minor_formatter(LogFormatter())
        one.get_xticklabels(), one.get_yticklabels()  # makes them
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_text(printable(text.get_text()))
    with whole_file(path) as new, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a box takes its place
        figure.draw_without_rendering()  # its layout decides the ticks, for which it makes room
        figure.savefig(new)


def require_matplotlib():
    """The matplotlib package; raises MissingPackageError if it is not installed."""
    with optional_package("Pictures need Matplotlib", "pip install matplotlib"):
        import matplotlib
    return matplotlib
