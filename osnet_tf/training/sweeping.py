"""Search for settings, with Optuna: many short runs of the same config, some settings varied."""

from pathlib import Path
from typing import NamedTuple

import keras

from osnet_tf.config import ConfigError
from osnet_tf.errors import MissingPackageError
from osnet_tf.files import table_writer
from osnet_tf.training.fitting import fit
from osnet_tf.visualize.sweep import draw_sweep

#: Share of the training people that a sweep judges by, where the config holds out none.
HOLD_OUT = 0.2


class Trial(NamedTuple):
    """One run of a sweep.

    Attributes:
        number: From 0.
        settings: The values tried.
        mAP: Of its last evaluation, a fraction; NaN if it did not come so far.
        epochs: Epochs to its last evaluation.
        state: "complete", "pruned" (stopped as worse than most at that epoch) or "fail".
    """

    number: int
    settings: dict
    mAP: float
    epochs: int
    state: str


def sweep(config, space, output_dir, *, trials, show_progress=False, notify=None):
    """Tries settings and judges each by people held out of training, never by query and gallery.

    A setting that is worse than the median of the others at the same epoch is given up (with
    `evaluate_every` set). The search is kept in `output_dir` after each trial: the same call again
    goes on with it until `trials` are done, a trial that was cut off being repeated.

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
        ImportError: Optuna is not installed.

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
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise MissingPackageError(
            "A sweep needs Optuna, which is not installed: pip install optuna"
        ) from error
    if not space:
        raise ConfigError("search", "must name a setting at least", space)
    if trials < 1:
        raise ConfigError("trials", "must be >= 1", trials)
    if not config.data.hold_out:
        config = config.replace(hold_out=HOLD_OUT)
    output_dir = Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name="sweep",
        storage=JournalStorage(JournalFileBackend(str(output_dir / "optuna.log"))),
        sampler=optuna.samplers.TPESampler(seed=config.run.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
        direction="maximize",
        load_if_exists=True,
    )
    for cut_off in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(cut_off.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(cut_off.params)

    def run(trial):
        tried = {name: values.suggest(trial, name) for name, values in space.items()}
        keras.utils.clear_session()
        result = fit(
            config.replace(**tried),
            output_dir / f"trial_{trial.number:04d}",
            callbacks=[_Report(trial)],
            show_progress=show_progress,
        )
        return result.score

    finished = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    while len(study.get_trials(states=finished)) < trials:
        study.optimize(run, n_trials=1)
        done = _trials(study)
        _write(output_dir, done)
        if notify is not None:
            last = max(done, key=lambda trial: trial.number)
            best = f"best mAP {100 * done[0].mAP:.2f} (trial {done[0].number})"
            notify(f"trial {last.number} {last.state}: mAP {100 * last.mAP:.2f}; {best}")
    return _trials(study)


class _Report(keras.callbacks.Callback):
    """Tells Optuna of each evaluation; ends a run that is not worth going on."""

    def __init__(self, trial):
        super().__init__()
        self._trial = trial

    def on_epoch_end(self, epoch, logs=None):
        import optuna

        if "mAP" in (logs or {}):
            self._trial.report(logs["mAP"], epoch + 1)
            if self._trial.should_prune():
                raise optuna.TrialPruned


def _trials(study):
    found = []
    for trial in study.get_trials(deepcopy=False):
        if not trial.state.is_finished():
            continue
        steps = trial.intermediate_values
        epochs = max(steps, default=0)
        mAP = steps[epochs] if epochs else float("nan")
        found.append(Trial(trial.number, dict(trial.params), mAP, epochs, trial.state.name.lower()))
    # a pruned trial's mAP is that of an earlier epoch: it stands behind those that finished
    return sorted(found, key=lambda trial: (trial.state != "complete", -trial.mAP, trial.number))


def _write(output_dir, trials):
    names = sorted({name for trial in trials for name in trial.settings})
    columns = {"trial": [trial.number for trial in trials]}
    columns |= {name: [trial.settings.get(name, "") for trial in trials] for name in names}
    columns |= {"mAP": [float(trial.mAP) for trial in trials]}
    columns |= {"epochs": [trial.epochs for trial in trials]}
    columns |= {"state": [trial.state for trial in trials]}
    table_writer(output_dir / "sweep.csv", (".csv",))(columns)
    draw_sweep(output_dir / "sweep.png", trials)
