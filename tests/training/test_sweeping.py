import csv
import sys

import pytest

from osnet_tf.data import generate_demo
from osnet_tf.training import ConfigError, make_config, sweep
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
    assert done[0].mAP >= done[1].mAP
    assert len(said) == 1
    for trial in done:
        assert 0.0005 <= trial.settings["learning_rate"] <= 0.02
        assert (tmp_path / "sweep" / f"trial_{trial.number:04d}" / "results.json").exists()
    with open(tmp_path / "sweep" / "sweep.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["trial"]) for row in rows] == [trial.number for trial in both]
    assert float(rows[0]["mAP"]) == pytest.approx(both[0].mAP)
    assert (tmp_path / "sweep" / "sweep.png").stat().st_size > 0


def test_nothing_to_search(tmp_path):
    with pytest.raises(ConfigError, match="`search` must name a setting"):
        sweep(make_config("demo"), {}, tmp_path, trials=1)
    with pytest.raises(ConfigError, match="`trials` must be >= 1"):
        sweep(make_config("demo"), {"pad": Range(0, 1)}, tmp_path, trials=0)
