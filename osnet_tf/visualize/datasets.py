"""A dataset in numbers, drawn."""

import numpy as np

from osnet_tf.files import printable
from osnet_tf.visualize.figure import figure_file

_MOST = 40  # bars that can be told apart
_LONGEST = 24  # letters of a name


def draw_statistics(path, statistics):
    """Draws how many images people, cameras, classes or attributes have.

    Args:
        path: File to write; see `figure_file`.
        statistics: `osnet_tf.data.statistics.Statistics`.

    >>> import pathlib, tempfile
    >>> from osnet_tf.data import ReidDataset, Sample
    >>> from osnet_tf.data.statistics import dataset_statistics
    >>> path = pathlib.Path(tempfile.mkdtemp(), "tiny.png")
    >>> dataset = ReidDataset("tiny", (Sample("a.jpg", 7, 0), Sample("b.jpg", 2, 1)), (), ())
    >>> draw_statistics(path, dataset_statistics(dataset))
    >>> path.read_bytes()[1:4]
    b'PNG'
    """
    splits = statistics.splits
    bars = [
        ("camera", {name: one.cameras for name, one in splits.items() if one.cameras}),
        (statistics.of, {name: one.groups for name, one in splits.items() if one.groups}),
    ]
    bars = [(what, found) for what, found in bars if found]
    with figure_file(path, columns=max(1, len(bars))) as axes:
        for one, (what, found) in zip(axes, bars, strict=False):
            if max(map(len, found.values())) <= _MOST:
                _draw_bars(one, found)
                one.set(xlabel=what, ylabel="images")
            else:
                _draw_histogram(one, found)
                one.set(xlabel=f"images of one of the {what}", ylabel=what)
            one.legend(fontsize=8)
            one.grid(alpha=0.3, axis="y")
        axes[0].set_title(statistics.dataset)


def _draw_bars(axes, found):
    """Bars of each split beside each other."""
    names = list(dict.fromkeys(name for counts in found.values() for name in counts))
    places, width = np.arange(len(names)), 0.8 / len(found)
    for number, (split, counts) in enumerate(found.items()):
        heights = [counts.get(name, 0) for name in names]
        axes.bar(places + (number - (len(found) - 1) / 2) * width, heights, width, label=split)
    turned = 90 if max(map(len, names)) > 4 else 0
    axes.set_xticks(places, list(map(_short, names)), rotation=turned, fontsize=8)


def _short(name):
    name = printable(name)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."


def _draw_histogram(axes, found):
    """How many people or classes have so many images."""
    most = max(max(counts.values()) for counts in found.values())
    edges = np.linspace(0.5, most + 0.5, min(most, 40) + 1)
    for split, counts in found.items():
        axes.hist(list(counts.values()), bins=edges, alpha=0.6, label=split)
