"""Types and ranges of settings, checked by the base class alone."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest

from osnet_tf.config import Config, ConfigError, GroupedConfig, setting


@dataclasses.dataclass(frozen=True)
class Size(Config):
    height: int = setting(64, "Pixels.", minimum=13)
    share: float = setting(0.5, "A share.", above=0, maximum=1)
    flip: bool = setting(True, "Mirror.")
    steps: tuple[int, ...] = setting((1, 2), "Steps.", minimum=1)
    kind: str = setting("mean", "Kind.", choices=("mean", "sum"))
    folder: str = setting("", "Folder.", is_path=True)

    def check_together(self):
        self.check("steps", len(self.steps) < self.height, "must be fewer than height")


@dataclasses.dataclass(frozen=True)
class Length(Config):
    epochs: float = setting(2, "Passes.", minimum=0)


@dataclasses.dataclass(frozen=True, init=False)
class Both(GroupedConfig):
    size: Size
    length: Length

    def check_together(self):
        self.check("epochs", self.length.epochs < self.size.height, "must be < height")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"height": 64.0}, "`height` must be an integer. Received: height=64.0"),
        ({"height": True}, "`height` must be an integer. Received: height=True"),
        ({"height": "64"}, "`height` must be an integer. Received: height='64'"),
        ({"height": None}, "`height` must be an integer. Received: height=None"),
        ({"height": 12}, "`height` must be >= 13. Received: height=12"),
        ({"share": False}, "`share` must be a finite number. Received: share=False"),
        ({"share": float("nan")}, "`share` must be a finite number. Received: share=nan"),
        ({"share": float("inf")}, "`share` must be a finite number. Received: share=inf"),
        ({"share": "0.5"}, "`share` must be a finite number. Received: share='0.5'"),
        ({"share": 0}, "`share` must be > 0 and <= 1. Received: share=0"),
        ({"share": 1.01}, "`share` must be > 0 and <= 1. Received: share=1.01"),
        ({"flip": "no"}, "`flip` must be true or false. Received: flip='no'"),
        ({"flip": 0}, "`flip` must be true or false. Received: flip=0"),
        ({"steps": 3}, "`steps` must be a list of integers. Received: steps=3"),
        ({"steps": "12"}, "`steps` must be a list of integers. Received: steps='12'"),
        ({"steps": [1, 2.5]}, r"`steps` must be an integer. Received: steps=\[1, 2.5\]"),
        ({"steps": [0]}, r"`steps` must be >= 1. Received: steps=\[0\]"),
        ({"kind": "men"}, "`kind` must be one of mean, sum. Did you mean 'mean'. Received: kind="),
        ({"kind": 3}, "`kind` must be text. Received: kind=3"),
        ({"folder": b"x"}, "`folder` must be text"),
        ({"hight": 64}, "`hight` is no setting. Did you mean 'height'. Received: hight=64"),
        ({"height": 13, "steps": range(1, 14)}, "`steps` must be a list"),
        ({"height": 13, "steps": list(range(1, 14))}, "`steps` must be fewer than height"),
    ],
)
def test_a_bad_value_is_named_with_its_rule(settings, message):
    pattern = message.replace("mean'.", r"mean'\?").replace("height'.", r"height'\?")
    for kind in (Size, Both):
        with pytest.raises(ConfigError, match=pattern) as caught:
            kind.from_dict(settings)
        assert caught.value.field in settings


def test_numbers_of_any_size_are_checked():
    with pytest.raises(ConfigError, match="`share` must be"):
        Size(share=10**400)


def test_a_good_value_becomes_the_fields_type():
    size = Size(height=np.int64(20), share=1, steps=[3, np.int32(4)], folder=Path("a"))
    assert size == Size(20, 1.0, True, (3, 4), "mean", "a")
    assert [type(v) for v in dataclasses.astuple(size)] == [int, float, bool, tuple, str, str]
    assert json.loads(json.dumps(size.to_dict()))["steps"] == [3, 4]
    assert Size.from_dict(json.loads(json.dumps(size.to_dict()))) == size


def test_the_help_lists_the_choices():
    assert Size.settings()["kind"].metadata["help"] == "Kind. One of mean, sum."


def test_groups_are_flat_outside():
    both = Both(epochs=3, flip=False)
    assert both.size == Size(flip=False)
    assert both.length.epochs == 3.0
    assert list(both.to_dict()) == list(Both.settings()) == [*Size.settings(), "epochs"]
    assert Both.from_dict(both.to_dict()) == both
    assert both.replace(epochs=4) == Both(epochs=4, flip=False) != both
    assert hash(both) == hash(Both(epochs=3, flip=False))
    with pytest.raises(dataclasses.FrozenInstanceError):
        both.size = Size()
    with pytest.raises(ConfigError, match=r"`epochs` must be < height. Received: epochs=64.0"):
        both.replace(epochs=64)


def test_two_groups_cannot_have_a_setting_of_one_name():
    @dataclasses.dataclass(frozen=True, init=False)
    class Twice(GroupedConfig):
        a: Length
        b: Length

    with pytest.raises(TypeError, match="Two groups of Twice have a setting epochs"):
        Twice()


def test_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Both(folder="here").with_absolute_paths().size.folder == os.path.join(
        os.getcwd(), "here"
    )
    assert Size().with_absolute_paths().folder == ""
