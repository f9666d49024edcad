"""Recipes: each makes a config, and what is told of one is what it is."""

import pytest

from osnet_tf import report
from osnet_tf.data import dataset_names
from osnet_tf.training import RECIPES, ConfigError, make_config
from osnet_tf.training.recipe import Figures, Recipe, ranks


@pytest.mark.parametrize("name", RECIPES)
def test_each_makes_a_config_of_known_datasets(name):
    config = make_config(name)
    for dataset in [*config.data.dataset.split(","), *filter(None, config.data.target.split(","))]:
        assert dataset.partition(":")[0] in dataset_names()
    settings = config.to_dict()
    for key, value in RECIPES[name].settings.items():
        assert settings[key] == (list(value) if isinstance(value, tuple) else value)


def test_every_dataset_of_the_paper_has_one():
    named = {recipe.settings.get("dataset", "").partition(":")[0] for recipe in RECIPES.values()}
    assert named >= {
        *("market1501", "cuhk03", "dukemtmcreid", "msmt17", "viper", "grid"),
        *("cifar10", "cifar100", "imagenet", "pa100k", "market1501_attributes"),
    }


def test_hours_follow_from_images_and_positions():
    """x0.25 does 65.5 images of 256x128 in a second, so four times as many of 128x64."""
    small = {"preset": "osnet_x0_25", "epochs": 10, "height": 128, "width": 64}
    people = Recipe("", {**small, "dataset": "market1501"})
    assert people.cpu_hours == pytest.approx(10 * 12_936 / (4 * 65.5) / 3600)
    both = Recipe("", {**small, "dataset": "market1501,cuhk03"})
    assert both.cpu_hours == pytest.approx(10 * (12_936 + 7_365) / (4 * 65.5) / 3600)
    # Four of the ten with a quarter of the positions
    grows = Recipe("", {**small, "dataset": "market1501", "progressive_epochs": (4,)})
    assert grows.cpu_hours == pytest.approx(people.cpu_hours * (4 / 4 + 6) / 10)
    # 32x32 with the 3x3 stem keeps 1,024 positions, half of the 2,048 that 256x128 leaves
    objects = Recipe("", {**small, "height": 32, "width": 32, "stem": "3x3", "dataset": "cifar10"})
    assert objects.cpu_hours == pytest.approx(10 * 50_000 / (2 * 65.5) / 3600)
    assert Recipe("", {**small, "dataset": "folder"}).cpu_hours is None
    assert Recipe("", {**small, "dataset": "market1501", "streams": 2}).cpu_hours is None


def test_a_page_tells_all():
    page = report.recipe_page("scratch", RECIPES["scratch"]).splitlines()
    assert page[0] == f"scratch: {RECIPES['scratch'].about}"
    assert "published       market1501: Rank-1 93.6, mAP 81.0" in page
    assert "--step_epochs=150,225,300" in page
    assert str(Figures("a", {"top-1": 50.5})) == "a: top-1 50.5"
    assert str(ranks("b", 1.0, 2.0)) == "b: Rank-1 1.0, mAP 2.0"


def test_an_unknown_name_is_refused():
    with pytest.raises(ConfigError, match="Did you mean 'strong'"):
        make_config("stron")
