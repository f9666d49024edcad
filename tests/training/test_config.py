import dataclasses
import json
import os

import pytest

from osnet_tf.training import RECIPES, ConfigError, TrainingConfig, make_config
from osnet_tf.training.schedules import learning_rate_schedule


def test_round_trip_through_json():
    config = TrainingConfig(epochs=3, step_epochs=(1, 2), preset="osnet_x0_5", flip=False)
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_it_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().optimizer = None


def test_every_setting_has_its_group_and_its_help():
    settings = TrainingConfig.settings()
    assert set(TrainingConfig().to_dict()) == set(settings)
    for group in TrainingConfig.groups().values():
        assert group.__doc__
    for name, field in settings.items():
        assert field.metadata["help"].endswith((".", ")")), name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 2.5}, r"`epochs` must be an integer. Received: epochs=2.5"),
        ({"batch_size": True}, r"`batch_size` must be an integer. Received: batch_size=True"),
        ({"flip": "no"}, r"`flip` must be true or false. Received: flip='no'"),
        ({"preset": "nope"}, r"`preset` must be one of osnet_x1_0, .*Received: preset='nope'"),
        ({"preset": "osnet_x025"}, r"Did you mean 'osnet_x0_25'\?"),
        ({"height": 8}, r"`height` must be >= 13. Received: height=8"),
        ({"momentum": 1.5}, r"`momentum` must be >= 0 and < 1. Received: momentum=1.5"),
        ({"learning_rate": float("inf")}, r"`learning_rate` must be a finite number"),
        ({"warmup_epochs": 3, "epochs": 2}, r"`warmup_epochs` must be <= epochs, 2. Received: .*3"),
        ({"new_layers_only_epochs": 3, "epochs": 2}, r"`new_layers_only_epochs` must be <= epochs"),
        ({"schedule": "step", "step_epochs": ()}, r"`step_epochs` must name an epoch"),
        ({"step_epochs": (20, 10)}, r"`step_epochs` must rise strictly"),
        ({"step_epochs": (0, 10)}, r"`step_epochs` must be >= 1"),
        ({"seed": 2**32}, r"`seed` must be >= 0 and <= 4294967295"),
        ({"brightness": 1.0}, r"`brightness` must be >= 0 and < 1"),
        ({"learning_rate": 0.0}, r"`learning_rate` must be > 0"),
        ({"label_smoothing": 1.0}, r"`label_smoothing` must be >= 0 and < 1"),
        ({"erase": 1.5}, r"`erase` must be >= 0 and <= 1. Received: erase=1.5"),
        ({"optimizer": "rmsprop"}, r"`optimizer` must be one of amsgrad, adam, sgd"),
        ({"xla": "yes"}, r"`xla` must be one of auto, on, off"),
        ({"batch_size": 30, "instances": 4}, r"`batch_size` must be a multiple of instances, 4"),
        ({"triplet_weight": 1.0}, r"`instances` must be >= 2 with a triplet loss"),
        ({"circle_weight": 1.0, "instances": 1}, r"`instances` must be >= 2 with the circle loss"),
        ({"soft_margin": True, "triplet": "semi_hard"}, r"`soft_margin` is for batch_hard"),
        ({"patience": 2}, r"`patience` needs evaluate_every"),
        ({"hold_out": 0.5, "combine_all": True}, r"`hold_out` cannot go with combine_all"),
        ({"rerank_k1": 2, "rerank_k2": 6}, r"`rerank_k2` must be <= rerank_k1 \+ 1"),
        ({"epoch": 3}, r"`epoch` is no setting. Did you mean 'epochs'\? Received: epoch=3"),
    ],
)
def test_bad_values_are_named(settings, message):
    with pytest.raises(ConfigError, match=message) as caught:
        TrainingConfig(**settings)
    assert caught.value.field in message or "Did you mean" in message


@pytest.mark.parametrize("name", ["fine_tune_cosine", "cross_domain_ain"])
def test_a_cosine_recipe_can_be_given_steps(name):
    config = make_config(name, schedule="step").optimizer
    rate = learning_rate_schedule(config, steps_per_epoch=10)
    found = [float(rate(10 * epoch)) for epoch in (0, 59, 60, 119)]
    assert found == pytest.approx([0.0015, 0.0015, 0.00015, 0.00015])


def test_settings_go_on_top_of_the_recipe():
    config = make_config("cpu", epochs=3)
    assert config.model.size == (128, 64)
    assert (config.optimizer.epochs, config.model.preset) == (3, "osnet_x0_25")


def test_an_unknown_recipe_gets_a_suggestion():
    with pytest.raises(ConfigError, match=r"Did you mean 'scratch'\?"):
        make_config("scrach")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_valid_config(name):
    settings = RECIPES[name].settings
    config = make_config(name).to_dict()
    for key, value in settings.items():
        assert config[key] == (list(value) if isinstance(value, tuple) else value)
    assert len(RECIPES[name].about) > 20


def test_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = TrainingConfig(data_dir="here").with_absolute_paths()
    assert config.data.data_dir == os.path.join(os.getcwd(), "here")
    assert config.model.weights == ""
    for given, expected in (
        ("imagenet", "imagenet"),
        ("a.pth", os.path.join(os.getcwd(), "a.pth")),
    ):
        assert TrainingConfig(weights=given).with_absolute_paths().model.weights == expected
