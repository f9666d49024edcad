"""Search for settings, with Optuna: many short runs of the same config, some settings varied."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras

from osnet_tf.checks import optional_package
from osnet_tf.config import ConfigError
from osnet_tf.errors import FileError
from osnet_tf.files import locked, table_writer
from osnet_tf.training.config import TrainingConfig
from osnet_tf.training.fitting import fit
from osnet_tf.training.tasks import make_task
from osnet_tf.training.trainer import DivergedError
from osnet_tf.types import PathLike
from osnet_tf.visualize.sweep import draw_sweep

#: Share of the training people or images that a sweep judges by, where the config holds out none.
HOLD_OUT = 0.2


class Trial(NamedTuple):
    """One run of a sweep.

    Attributes:
        number: From 0.
        settings: The values tried.
        score: Of its last evaluation, a fraction; NaN if it did not come so far.
        epochs: Epochs to its last evaluation.
        state: "complete", "pruned" (stopped as worse than most at that epoch), "diverged" or "fail"
            (cut off; it is tried again).
        score_name: What the score is: that of the task, mAP for people.
    """

    number: int
    settings: dict
    score: float
    epochs: int
    state: str
    score_name: str = "mAP"


def sweep(
    config: TrainingConfig,
    space: Mapping[str, Any],
    output_dir: PathLike,
    *,
    trials: int,
    show_progress: bool = False,
    notify: Callable[[str], Any] | None = None,
) -> list[Trial]:
    """Tries settings and judges each by what is held out of training, never by test images.

    These are people, or images of classes or attributes.

    A setting that is worse than the median of the others at the same epoch is given up (with
    `evaluate_every` set), and so is one with which training diverges. The search is kept in
    `output_dir` after each trial: the same call again goes on with it until `trials` are done, a
    trial that was cut off being repeated.

    `output_dir` is left with `trial_0000/` ... (runs as of `fit`), `sweep.csv`, `sweep.png` and
    Optuna's own journal, `optuna.log`.

    Args:
        config: `TrainingConfig` of what all trials have in common; `hold_out` 0 becomes 0.2.
        space: As `parse_space` returns.
        output_dir: Folder to write to.
        trials: Trials in all, >= 1.
        show_progress: Progress bars on stderr.
        notify: None, or a function that is given a line of text after each trial.

    Returns:
        List of `Trial`, the best first.

    Raises:
        ConfigError: no setting to search, or values that go with none of the others.
        MissingPackageError: Optuna is not installed.
        InUseError: another process searches in `output_dir`.
        FileError: Optuna's journal is damaged.

    Reference: Akiba et al., Optuna (arXiv 1907.10902).

    >>> import tempfile
    >>> from osnet_tf.data import generate_demo
    >>> from osnet_tf.training import make_config
    >>> from osnet_tf.training.search_space import parse_space
    >>> space = parse_space(["learning_rate=0.001..0.01:log"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     demo = generate_demo(folder, train_identities=10, test_identities=2)
    ...     small = {"height": 32, "width": 16, "streams": 1, "epochs": 1}
    ...     config = make_config("demo", data_dir=folder, **small)
    ...     best, *others = sweep(config, space, f"{folder}/sweep", trials=1)
    >>> best.state, best.epochs, 0.001 <= best.settings["learning_rate"] <= 0.01
    ('complete', 1, True)
    """
    with optional_package("A sweep needs Optuna", "pip install optuna"):
        import optuna  # noqa: F401
    if not space:
        raise ConfigError("search", "must name a setting at least", space)
    if trials < 1:
        raise ConfigError("trials", "must be >= 1", trials)
    if not config.data.hold_out:
        config = config.replace(hold_out=HOLD_OUT)
    output_dir = Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    with locked(output_dir, "searching for settings"):
        return _search(config, space, output_dir, trials, show_progress, notify)


def _search(config, space, output_dir, trials, show_progress, notify):
    import optuna

    score = make_task(config).score
    study = _open_study(output_dir / "optuna.log", config.run.seed)
    for cut_off in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(cut_off.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(cut_off.params)

    def run(trial):
        tried = {name: _suggest(trial, name, values) for name, values in space.items()}
        keras.utils.clear_session()
        try:
            result = fit(
                config.replace(**tried),
                output_dir / f"trial_{trial.number:04d}",
                callbacks=[_Report(trial, score)],
                show_progress=show_progress,
            )
        except DivergedError as error:  # the search learns to keep away from there
            trial.set_user_attr("diverged", str(error))
            raise optuna.TrialPruned from error
        return result.score

    finished = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    while len(study.get_trials(states=finished)) < trials:
        study.optimize(run, n_trials=1)
        done = _trials(study, score)
        _write(output_dir, done)
        if notify is not None:
            last = max(done, key=lambda trial: trial.number)
            best = f"best {score} {100 * done[0].score:.2f} (trial {done[0].number})"
            notify(f"trial {last.number} {last.state}: {score} {100 * last.score:.2f}; {best}")
    return _trials(study, score)


def _open_study(journal, seed):
    """The search that a journal holds, or a new one."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(
            study_name="sweep",
            storage=JournalStorage(JournalFileBackend(str(journal))),
            sampler=optuna.samplers.TPESampler(seed=seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
            direction="maximize",
            load_if_exists=True,
        )
    except (ValueError, KeyError, TypeError) as error:  # as Optuna reads it, line by line
        raise FileError(journal, f"is damaged, or no journal of a sweep: {error}") from None


def _suggest(trial, name, values):
    try:
        return values.suggest(trial, name)
    except ValueError:  # Optuna's, of values that may not change within a search
        rule = "is not searched as before: choose another output_dir"
        raise ConfigError(name, rule, values) from None


class _Report(keras.callbacks.Callback):
    """Tells Optuna of each evaluation; ends a run that is not worth going on."""

    def __init__(self, trial, score):
        super().__init__()
        self._trial = trial
        self._score = score

    def on_epoch_end(self, epoch, logs=None):
        import optuna

        if self._score in (logs or {}):
            self._trial.report(logs[self._score], epoch + 1)
            if self._trial.should_prune():
                raise optuna.TrialPruned


def _trials(study, score_name):
    found = []
    for trial in study.get_trials(deepcopy=False):
        if not trial.state.is_finished():
            continue
        state = "diverged" if "diverged" in trial.user_attrs else trial.state.name.lower()
        steps = trial.intermediate_values
        epochs = max(steps, default=0)
        score = steps[epochs] if epochs else float("nan")
        if state == "complete":
            score = trial.value
        found.append(Trial(trial.number, dict(trial.params), score, epochs, state, score_name))
    # A pruned trial's score is that of an earlier epoch: it stands behind those that finished
    order = ("complete", "pruned", "diverged", "fail")
    return sorted(
        found, key=lambda trial: (order.index(trial.state), *_worst_last(trial.score), trial.number)
    )


def _worst_last(value):
    return (math.isnan(value), 0.0 if math.isnan(value) else -value)


def _write(output_dir, trials):
    names = sorted({name for trial in trials for name in trial.settings})
    columns = {"trial": [trial.number for trial in trials]}
    columns |= {name: [trial.settings.get(name, "") for trial in trials] for name in names}
    columns |= {trials[0].score_name: [float(trial.score) for trial in trials]}
    columns |= {"epochs": [trial.epochs for trial in trials]}
    columns |= {"state": [trial.state for trial in trials]}
    table_writer(output_dir / "sweep.csv", (".csv",))(columns)
    draw_sweep(output_dir / "sweep.png", trials)
