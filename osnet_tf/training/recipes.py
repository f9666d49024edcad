"""Named recipes: settings that belong together, and where they come from."""

import difflib
from typing import NamedTuple

from osnet_tf.config import ConfigError
from osnet_tf.presets import ABLATIONS
from osnet_tf.training.config import TrainingConfig


class Recipe(NamedTuple):
    """A named set of settings.

    Attributes:
        about: What it is for, on what hardware, and its source.
        settings: Fields of `TrainingConfig` that differ from the defaults.
    """

    about: str
    settings: dict


RECIPES = {
    "demo": Recipe(
        "A small OSNet on generated people: the whole path in minutes on two CPU cores.",
        {
            "dataset": "demo",
            "preset": "osnet_x0_25",
            "height": 64,
            "width": 32,
            "epochs": 30,
            "batch_size": 32,
            "learning_rate": 0.003,
            "warmup_epochs": 1.0,
            "pad": 3,
            "erase": 0.3,
        },
    ),
    "cpu": Recipe(
        "OSNet x0.25 at 128x64 from scratch on two CPU cores: about an hour for Market-1501.",
        {
            "preset": "osnet_x0_25",
            "height": 128,
            "width": 64,
            "epochs": 30,
            "batch_size": 64,
            "learning_rate": 0.003,
            "warmup_epochs": 2.0,
            "pad": 5,
            "erase": 0.3,
            "evaluate_every": 10,
        },
    ),
    "scratch": Recipe(
        "From random weights on a GPU, as arXiv 1905.00953, section 4.1: SGD 0.065, 350 epochs, "
        "steps at 150, 225 and 300; flip, crop, erasing.",
        {
            "optimizer": "sgd",
            "learning_rate": 0.065,
            "schedule": "step",
            "step_epochs": (150, 225, 300),
            "epochs": 350,
            "pad": 10,
            "erase": 0.5,
        },
    ),
    "fine_tune": Recipe(
        "From ImageNet weights on a GPU, as arXiv 1905.00953, section 4.1: AMSGrad 0.0015, 150 "
        "epochs, x0.1 every 60, the first 10 for the classifier alone; flip. Needs `weights`.",
        {
            "optimizer": "amsgrad",
            "learning_rate": 0.0015,
            "schedule": "step",
            "step_epochs": (60, 120),
            "epochs": 150,
            "classifier_only_epochs": 10,
        },
    ),
}


def _ablation(about, arguments):
    """The recipe `scratch` with the arguments of `OSNet` that a row of the paper names."""
    arguments = dict(arguments)
    if "input_shape" in arguments:
        arguments["height"], arguments["width"], _ = arguments.pop("input_shape")
    return Recipe(
        f"arXiv 1905.00953, section 4.3: {about}.", {**RECIPES["scratch"].settings, **arguments}
    )


RECIPES.update(
    {f"ablation_{name}": _ablation(*row) for name, row in ABLATIONS.items() if name != "primary"}
)


def make_config(recipe="", **settings):
    """A config from a recipe, if one is named, with `settings` on top.

    Raises ConfigError for an unknown recipe or setting (with the nearest name) or a bad value.

    >>> make_config("cpu", epochs=30).preset
    'osnet_x0_25'
    """
    if not recipe:
        return TrainingConfig.from_dict(settings)
    if recipe not in RECIPES:
        near = difflib.get_close_matches(recipe, RECIPES, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ConfigError("recipe", f"must be one of {', '.join(RECIPES)}{hint}", recipe)
    return TrainingConfig.from_dict({**RECIPES[recipe].settings, **settings})
