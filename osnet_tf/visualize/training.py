"""The curves of a training run."""

import csv
import math

from osnet_tf.errors import FileError
from osnet_tf.files import check_regular_file
from osnet_tf.types import PathLike
from osnet_tf.visualize.figure import figure_file

#: Columns of `metrics.csv` that say how fast a run was, not how well it learnt.
_PACE = ("seconds", "images_per_second", "input_wait")
_SIZES = ("gradient_norm", "update_norm")
_RATE = "learning_rate"
_SHARES = ("accuracy", "rank1", "mAP", "mA", "F1", "top1", "top5")


def draw_training(path: PathLike, metrics_csv: PathLike) -> None:
    """Draws a run's losses, shares and learning rate over its epochs.

    Args:
        path: File to write; see `figure_file`.
        metrics_csv: A run's `metrics.csv`. A figure that only some epochs have, such as Rank-1, is
            a line through those.

    Raises:
        NotFoundError: there is no such file.
        FileError: it is no table of epochs, or has none.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "metrics.csv").write_text("epoch,loss,mAP\\n1,3.5,\\n2,2.5,0.25\\n")
    >>> draw_training(folder / "curves.png", folder / "metrics.csv")
    >>> (folder / "curves.png").read_bytes()[1:4]
    b'PNG'
    """
    curves = read_curves(metrics_csv)
    shares = [name for name in curves if name in _SHARES]
    losses = [name for name in curves if name not in (*shares, *_PACE, *_SIZES, _RATE)]
    if "loss" in losses and len(losses) == 2:  # the sum of one loss is that loss
        losses = ["loss"]
    panels = [
        (losses, "loss", 1),
        (shares, "share (%)", 100),
        ([_RATE] if _RATE in curves else [], "learning rate", 1),
    ]
    panels = [panel for panel in panels if panel[0]]
    with figure_file(path, columns=len(panels), width=4.6, height=3.6) as all_axes:
        for axes, (names, title, unit) in zip(all_axes, panels, strict=True):
            for name in names:
                epochs, values = curves[name]
                marker = "o" if len(epochs) <= 40 else None
                label = name.replace("rank1", "Rank-1").replace("_", " ")
                values = [unit * value for value in values]
                axes.plot(epochs, values, marker=marker, markersize=3, label=label)
            axes.set(xlabel="epoch", ylabel=title)
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(alpha=0.3)
            if len(names) > 1:
                axes.legend(fontsize=8)


def read_curves(metrics_csv):
    """The columns of a run's `metrics.csv`.

    Args:
        metrics_csv: The file.

    Returns:
        Dict from a column's name to `(epochs, values)`, lists of the epochs that have it. Columns
        that no epoch has are left out, and values that are not finite.

    Raises as `draw_training`.
    """
    check_regular_file(metrics_csv)
    try:
        with open(metrics_csv, newline="", encoding="utf-8") as file:
            rows = [
                (int(row.pop("epoch")), {k: float(v) for k, v in row.items() if v})
                for row in csv.DictReader(file, strict=True)
            ]
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise FileError(metrics_csv, f"is no table of epochs: {error}") from None
    if not rows:
        raise FileError(metrics_csv, "has no epoch yet")
    curves = {}
    for epoch, values in rows:
        for name, value in values.items():
            if math.isfinite(value):
                epochs, found = curves.setdefault(name, ([], []))
                epochs.append(epoch)
                found.append(value)
    return curves
