import csv
import sys
from types import SimpleNamespace

import pytest

from osnet_tf.data import generate_demo
from osnet_tf.errors import FileError, InUseError
from osnet_tf.files import locked
from osnet_tf.training import ConfigError, DivergedError, make_config, sweep
from osnet_tf.training.search_space import Choices, Range, parse_space


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["learning_rat=1,2"], r"`learning_rat` is no setting. Did you mean 'learning_rate'\?"),
        (["erase=0,1", "erase=0.5,1"], "`erase` is searched twice"),
        (["erase=0..x"], r"`erase` takes values of type float. Received: erase='0..x'"),
        (["erase=0..1:log"], "`erase` must be LOW..HIGH with 0 < LOW < HIGH"),
        (["flip=true,maybe"], "`flip` takes values of type bool"),
        (["step_epochs=1,2"], "`step_epochs` takes values of type"),
        (["pad="], "`pad` takes values of type int"),
    ],
)
def test_a_bad_search_space_is_named(texts, message):
    with pytest.raises(ConfigError, match=message):
        parse_space(texts)


def test_a_search_space():
    spaced = parse_space(["optimizer=sgd, adam"])
    assert spaced == {"optimizer": Choices(("sgd", "adam"))}
    assert parse_space(["flip=true,false", "pad=0..8", "l2=1e-5..1e-3:log"]) == {
        "flip": Choices((True, False)),
        "pad": Range(0, 8),
        "l2": Range(1e-5, 1e-3, log=True),
    }


def test_a_sweep_goes_on_where_it_was_cut_off(tmp_path, monkeypatch):
    """Real runs; the second sweep adds trials to the first, and repeats the one that died."""
    generate_demo(tmp_path, train_identities=4, test_identities=3, images_per_camera=2)
    config = make_config(
        "demo", data_dir=str(tmp_path), height=32, width=16, batch_size=8, epochs=2, streams=1,
        evaluate_every=1, hold_out=0.5,
    )  # fmt: skip
    space = parse_space(["learning_rate=0.0005..0.02:log", "erase=0,0.5"])
    first = sweep(config, space, tmp_path / "sweep", trials=1)
    assert [trial.state for trial in first] == ["complete"]

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["osnet_tf.training.sweeping"], "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        sweep(config, space, tmp_path / "sweep", trials=2)
    monkeypatch.undo()
    said = []
    both = sweep(config, space, tmp_path / "sweep", trials=2, notify=said.append)
    done = [trial for trial in both if trial.state == "complete"]
    assert len(done) == 2
    assert first[0] in done
    assert done[0].score >= done[1].score
    assert len(said) == 1
    for trial in done:
        assert 0.0005 <= trial.settings["learning_rate"] <= 0.02
        assert (tmp_path / "sweep" / f"trial_{trial.number:04d}" / "results.json").exists()
    with open(tmp_path / "sweep" / "sweep.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["trial"]) for row in rows] == [trial.number for trial in both]
    assert float(rows[0]["mAP"]) == pytest.approx(both[0].score)


def run_of(scores):
    """In place of `fit`: the scores in their order, an exception among them raised."""
    scores = iter(scores)

    def run(config, run_dir, **_):
        score = next(scores)
        if isinstance(score, Exception):
            raise score
        return SimpleNamespace(score=score)

    return run


@pytest.fixture
def runs(monkeypatch):
    def replace(*scores):
        monkeypatch.setattr(sys.modules["osnet_tf.training.sweeping"], "fit", run_of(scores))

    return replace


SPACE = {"pad": Range(0, 8)}


def test_a_sweep_goes_on_after_a_trial_that_diverged(tmp_path, runs):
    runs(DivergedError("NaN"), 0.25, DivergedError("NaN"), 0.5)
    said = []
    trials = sweep(make_config("demo"), SPACE, tmp_path, trials=4, notify=said.append)
    states = [(trial.number, trial.state) for trial in trials]
    assert states == [(3, "complete"), (1, "complete"), (0, "diverged"), (2, "diverged")]
    assert len(said) == 4
    rows = list(csv.DictReader((tmp_path / "sweep.csv").read_text().splitlines()))
    assert [row["state"] for row in rows] == [state for _, state in states]
    runs()  # a trial that diverged is done: nothing is left to run
    again = sweep(make_config("demo"), SPACE, tmp_path, trials=4)
    assert [(trial.number, trial.state) for trial in again] == states


def test_a_sweep_of_which_nothing_is_left(tmp_path, runs):
    runs(DivergedError("NaN"), DivergedError("NaN"))
    trials = sweep(make_config("demo"), SPACE, tmp_path, trials=2)
    assert [trial.state for trial in trials] == ["diverged", "diverged"]


def test_one_process_at_a_time(tmp_path):
    with (
        locked(tmp_path, "searching for settings"),
        pytest.raises(InUseError, match=f"{tmp_path} is in use: searching for settings, process"),
    ):
        sweep(make_config("demo"), SPACE, tmp_path, trials=1)


def test_another_search_in_the_same_folder(tmp_path, runs):
    runs(0.5, 0.5)
    sweep(make_config("demo"), {"flip": Choices((True, False))}, tmp_path, trials=1)
    with pytest.raises(ConfigError, match="`flip` is not searched as before"):
        sweep(make_config("demo"), {"flip": Choices((True,))}, tmp_path, trials=2)


def test_a_damaged_journal_is_named(tmp_path):
    (tmp_path / "optuna.log").write_text("no journal\n{}\n")
    with pytest.raises(FileError, match=r"optuna\.log is damaged"):
        sweep(make_config("demo"), SPACE, tmp_path, trials=1)


def test_nothing_to_search(tmp_path):
    with pytest.raises(ConfigError, match="`search` must name a setting"):
        sweep(make_config("demo"), {}, tmp_path, trials=1)
    with pytest.raises(ConfigError, match="`trials` must be >= 1"):
        sweep(make_config("demo"), {"pad": Range(0, 1)}, tmp_path, trials=0)
