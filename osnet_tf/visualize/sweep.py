"""The picture of a sweep: what each setting does to the score."""

import numbers

from osnet_tf.visualize.figure import figure_file

_STATES = {"complete": ("#2a7f62", "to the end"), "pruned": ("#c0a056", "given up early")}


def draw_sweep(path, trials):
    """Draws the score over each setting that was searched, a point for a trial.

    Args:
        path: File to write; see `figure_file`.
        trials: `osnet_tf.training.sweeping.Trial`s; failed ones are left out.

    >>> import pathlib, tempfile
    >>> from types import SimpleNamespace
    >>> path = pathlib.Path(tempfile.mkdtemp(), "sweep.png")
    >>> trial = SimpleNamespace(settings={"pad": 5}, score=0.5, score_name="mAP", state="complete")
    >>> draw_sweep(path, [trial])
    >>> path.read_bytes()[1:4]
    b'PNG'
    """
    shown = [trial for trial in trials if trial.state in _STATES]
    names = sorted({name for trial in shown for name in trial.settings})
    with figure_file(path, columns=max(len(names), 1), width=3.6, height=3.4) as columns:
        for name, axes in zip(names, columns, strict=bool(names)):
            for state, (colour, words) in _STATES.items():
                points = [t for t in shown if t.state == state and name in t.settings]
                values = [_position(t.settings[name]) for t in points]
                scores = [100 * t.score for t in points]
                axes.plot(values, scores, "o", color=colour, alpha=0.8, label=words)
            axes.set(xlabel=name, ylabel=f"{shown[0].score_name} of what was held out (%)")
            if _spans_decades([t.settings[name] for t in shown if name in t.settings]):
                axes.set_xscale("log")
            axes.grid(alpha=0.3)
        if shown:
            columns[0].legend(loc="best", fontsize=8)


def _spans_decades(values):
    numeric = all(_is_number(value) for value in values)
    return numeric and min(values) > 0 and max(values) >= 10 * min(values)


def _position(value):
    """Numbers by their size; words and truths side by side."""
    return value if _is_number(value) else str(value)


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
