"""Settings of any type and size, as JSON holds them: a config that is what it says, or its name."""

import json

from osnet_tf.config import ConfigError
from osnet_tf.errors import OSNetError
from osnet_tf.runs import RunDir
from osnet_tf.training import TrainingConfig
from osnet_tf.training.run_record import read_config

SMALL = 200

ODD = (
    None, True, False, -1, 0, 1, 2.5, 1e308, -0.0, 10**400, float("nan"), float("inf"), "", "no",
    "osnet_x0_25", "\ud800", [], [1, 2], [2, 1], [[]], {}, {"a": 1},
)  # fmt: skip


def trial(rng, folder):
    names = [*TrainingConfig.settings(), "epoch", ""]
    chosen = rng.choice(names, rng.integers(1, 4), replace=False)
    given = {str(name): ODD[rng.integers(len(ODD))] for name in chosen}
    refused = None
    try:
        config = TrainingConfig.from_dict(given)
    except ConfigError as error:
        refused = error
    if refused:
        assert refused.field in {**given, **TrainingConfig.settings()}
        assert f"`{refused.field}`" in str(refused)
    else:
        found = config.to_dict()
        for name, value in given.items():
            assert found[name] == value
            assert isinstance(value, bool) == isinstance(found[name], bool)
        assert TrainingConfig.from_dict(json.loads(json.dumps(found))) == config
    path = folder / "config.json"
    path.write_text(json.dumps({"config": given}), encoding="utf-8")
    problem = str(path)
    try:
        read_config(RunDir(folder))
    except OSNetError as error:
        problem = str(error)
    assert str(path) in problem
