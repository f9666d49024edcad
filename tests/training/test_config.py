import dataclasses
import json
import os

import pytest

from osnet_tf.training import RECIPES, ConfigError, TrainingConfig, make_config


def test_round_trip_through_json():
    config = TrainingConfig(epochs=3, step_epochs=(1, 2), preset="osnet_x0_5", flip=False)
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_it_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().epochs = 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, r"`epochs` must be >= 1. Received: epochs=0"),
        ({"batch_size": -4}, r"`batch_size` must be >= 1. Received: batch_size=-4"),
        ({"learning_rate": 0.0}, r"`learning_rate` must be > 0"),
        ({"label_smoothing": 1.0}, r"`label_smoothing` must be in \[0, 1\)"),
        ({"erase": 1.5}, r"`erase` must be in \[0, 1\]. Received: erase=1.5"),
        ({"optimizer": "rmsprop"}, r"`optimizer` must be one of amsgrad, adam, sgd"),
        ({"schedule": "poly"}, r"`schedule` must be one of cosine, step, constant"),
        ({"xla": "yes"}, r"`xla` must be one of auto, on, off"),
        ({"step_epochs": (20, 10)}, r"`step_epochs` must rise strictly"),
        ({"batch_size": 30, "instances": 4}, r"`batch_size` must be a multiple of instances, 4"),
        ({"triplet_weight": 1.0}, r"`instances` must be >= 2 with a triplet loss"),
        ({"epoch": 3}, r"`epoch` is no setting \(did you mean `epochs`\?\)"),
        ({"l2": -1.0}, r"`l2` must be >= 0"),
        ({"warmup_epochs": float("nan")}, r"`warmup_epochs` must be >= 0"),
    ],
)
def test_bad_values_are_named(settings, message):
    with pytest.raises(ConfigError, match=message) as caught:
        TrainingConfig.from_dict(settings)
    assert caught.value.field in message


def test_settings_go_on_top_of_the_recipe():
    config = make_config("cpu", epochs=3)
    assert (config.epochs, config.preset, config.size) == (3, "osnet_x0_25", (128, 64))


def test_an_unknown_recipe_gets_a_suggestion():
    with pytest.raises(ConfigError, match=r"did you mean scratch\?"):
        make_config("scrach")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_valid_config(name):
    settings = RECIPES[name].settings
    config = make_config(name)
    assert {k: getattr(config, k) for k in settings} == settings
    assert len(RECIPES[name].about) > 20


def test_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = TrainingConfig(data_dir="here").with_absolute_paths()
    assert config.data_dir == os.path.join(os.getcwd(), "here")
    assert config.weights == ""
    assert TrainingConfig(weights="imagenet").with_absolute_paths().weights == "imagenet"
    weights = TrainingConfig(weights="a.pth").with_absolute_paths().weights
    assert weights == os.path.join(os.getcwd(), "a.pth")
