"""What a training or a sweep leaves."""

from collections.abc import Sequence
from typing import Any

from osnet_tf.types import PathLike


def profile_table(rows: Sequence[Any], shown: int = 15) -> str:
    """What `osnet_tf.training.read_profile` returned: where the time of a step goes.

    >>> from types import SimpleNamespace
    >>> row = SimpleNamespace(calls=79.0, milliseconds=50.0, share=0.25)
    >>> row.name, row.operations = "convolution", ("_MklNativeConv2D",)
    >>> print(profile_table([row]))
    ms in a step   share    calls  operation
            50.0   25.0%       79  convolution (_MklNativeConv2D)
    """
    lines = [f"{'ms in a step':>12}  {'share':>6}  {'calls':>7}  operation"]
    for row in rows[:shown]:
        figures = f"{row.milliseconds:>12.1f}  {row.share:>6.1%}  {row.calls:>7.0f}"
        own = "" if row.operations == (row.name,) else f" ({', '.join(row.operations)})"
        lines.append(f"{figures}  {row.name}{own}")
    if len(rows) > shown:
        rest = sum(row.milliseconds for row in rows[shown:])
        share = sum(row.share for row in rows[shown:])
        lines.append(f"{rest:>12.1f}  {share:>6.1%}  {'':>7}  {len(rows) - shown} others")
    return "\n".join(lines)


def sweep_table(trials: Sequence[Any]) -> str:
    """What `osnet_tf.training.sweep` returned, the best first.

    >>> from types import SimpleNamespace
    >>> trial = SimpleNamespace(number=3, score=0.5, epochs=6, state="complete", score_name="mAP")
    >>> trial.settings = {"learning_rate": 0.00123456}
    >>> print(sweep_table([trial]))
       mAP  epochs  state     trial  settings
     50.00       6  complete      3  learning_rate=0.00123
    """
    lines = [f"{trials[0].score_name:>6}  {'epochs':>6}  {'state':<8}  {'trial':>5}  settings"]
    for trial in trials:
        settings = ", ".join(
            f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in trial.settings.items()
        )
        lines.append(
            f"{100 * trial.score:>6.2f}  {trial.epochs:>6}  {trial.state:<8}  {trial.number:>5}  "
            f"{settings}"
        )
    return "\n".join(lines)


def next_steps(run_dir: PathLike) -> str:
    """What lies in a run's directory, and what one may type next."""
    return "\n".join(
        [
            f"model      {run_dir}/embedder.keras    results  {run_dir}/results.json",
            f"curves     tensorboard --logdir={run_dir}/tensorboard    ({run_dir}/metrics.csv)",
            f"evaluate   python train/evaluate.py --run_dir={run_dir}",
            f"export     python train/export.py --run_dir={run_dir}",
            f"in Python  import osnet_tf, keras; "
            f'keras.models.load_model("{run_dir}/embedder.keras")',
        ]
    )
