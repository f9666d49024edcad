"""Named recipes: settings that belong together, and where they come from."""

from typing import NamedTuple

from osnet_tf.checks import did_you_mean
from osnet_tf.config import ConfigError, one_of
from osnet_tf.presets import ABLATIONS
from osnet_tf.training.config import TrainingConfig


class Recipe(NamedTuple):
    """A named set of settings.

    Attributes:
        about: What it is for, and on what hardware.
        settings: Fields of `TrainingConfig` that differ from the defaults.
        source: Where the settings come from.
        published: What that source reports for them, as `(dataset, Rank-1, mAP)` in per cent, or
            None. It is what to hope for, not what this project measured.
        measured: What this project measured with them, likewise; how is in the README.
    """

    about: str
    settings: dict
    source: str = ""
    published: tuple[str, float, float] | None = None
    measured: tuple[str, float, float] | None = None

    @property
    def cpu_hours(self):
        """Hours of training on Market-1501 with two CPU cores, about.

        None for another dataset, or another kind of block than the one whose speed was measured.

        From the images per second of short runs. A GPU takes a small part of it.
        """
        config = TrainingConfig(**self.settings)
        model = config.model
        width = model.preset.partition("_x")[2]
        measured = (model.streams, model.lite) == (4, "pointwise_depthwise")
        if config.data.dataset != "market1501" or not measured:
            return None
        rate = _CPU_RATES[f"x{width}"] * (256 * 128) / (model.height * model.width)
        return config.optimizer.epochs * _MARKET1501_TRAIN / rate / 3600


#: Training images of Market-1501.
_MARKET1501_TRAIN = 12_936
#: Training images per second at 256x128, by width: epochs 3 and 4 of `python train/fit.py
#: --dataset=demo --preset=osnet_WIDTH --batch_size=32 --epochs=4`, two idle AMD EPYC cores (AVX2).
_CPU_RATES = {"x1_0": 11.1, "x0_75": 17.1, "x0_5": 26.9, "x0_25": 65.5}


#: Our own strongest one; at a size and length for two CPU cores.
_STRONG = {
    "preset": "osnet_x0_25",
    "height": 128,
    "width": 64,
    "weights": "imagenet",
    "epochs": 90,
    "batch_size": 64,
    "instances": 4,
    "triplet_weight": 1.0,
    "optimizer": "adam",
    "learning_rate": 0.003,
    # Adam divides it by the size of the gradient, which the triplets treble
    "l2": 1.5e-3,
    "warmup_epochs": 4.0,
    "new_layers_only_epochs": 2,
    "pad": 5,
    "erase": 0.4,
    "average_decay": 0.999,
    "evaluate_every": 10,
}
_CONFIGS = "KaiyangZhou/deep-person-reid, configs/"
#: Same-domain training of the public code: AMSGrad, label smoothing, flip; x0.1 every 60; the
#: classifier alone in the first epochs.
_FINE_TUNE = {
    "optimizer": "amsgrad",
    "learning_rate": 0.0015,
    "schedule": "step",
    "step_epochs": (60, 120),
    "epochs": 150,
    "batch_size": 64,
    "new_layers_only_epochs": 10,
    "weights": "imagenet",
}
_SMALL = {"learning_rate": 0.003, "step_epochs": (80, 160), "epochs": 180, "batch_size": 128}
_JITTER = {"brightness": 0.2, "contrast": 0.15}
_CROSS_DOMAIN = {
    **_FINE_TUNE,
    "schedule": "cosine",
    "epochs": 100,
    **_JITTER,
}


def _fine_tune(width, rank1, mean, settings):
    preset = f"osnet_{width}"
    return Recipe(
        f"OSNet {width[1:].replace('_', '.')} from ImageNet weights, on a GPU.",
        {"preset": preset, **_FINE_TUNE, **settings},
        f"{_CONFIGS}im_{preset}_softmax_256x128_amsgrad.yaml; docs/MODEL_ZOO.md",
        ("market1501", rank1, mean),
    )


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
        "OSNet x0.25 at 128x64 from scratch, short enough for two CPU cores.",
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
        measured=("market1501", 72.6, 49.6),
    ),
    "strong": Recipe(
        "OSNet x0.25 at 128x64 from ImageNet weights, short enough for two CPU cores: identity and "
        "triplet loss, warm-up and cosine, erasing, averaged weights. strong_restart goes on.",
        _STRONG,
        measured=("market1501", 87.5, 71.8),
    ),
    "strong_restart": Recipe(
        "A second cosine from the embedder that strong left in --run_dir=runs/strong, triplets "
        "weaker, L2 and erasing stronger. For two CPU cores.",
        {
            **_STRONG,
            "weights": "runs/strong/embedder.keras",
            "epochs": 60,
            "learning_rate": 0.002,
            "triplet_weight": 0.3,
            # Weaker triplets, smaller gradients: beside these it is more than strong's
            "l2": 1e-3,
            "warmup_epochs": 3.0,
            "erase": 0.5,
        },
        "restarts: arXiv 1608.03983",
        measured=("market1501", 88.3, 72.9),
    ),
    "scratch": Recipe(
        "From random weights on a GPU: SGD, three steps; flip, crop, erasing.",
        {
            "optimizer": "sgd",
            "learning_rate": 0.065,
            "schedule": "step",
            "step_epochs": (150, 225, 300),
            "epochs": 350,
            "pad": 10,
            "erase": 0.5,
        },
        "arXiv 1905.00953, section 4.1",
        ("market1501", 93.6, 81.0),
    ),
    "fine_tune": _fine_tune("x1_0", 94.2, 82.6, {}),
    "fine_tune_x0_75": _fine_tune("x0_75", 93.7, 81.2, {}),
    "fine_tune_x0_5": _fine_tune("x0_5", 92.5, 79.8, _SMALL),
    "fine_tune_x0_25": _fine_tune("x0_25", 91.2, 75.0, _SMALL),
    "fine_tune_cosine": Recipe(
        "OSNet x1.0 from ImageNet weights, on a GPU: longer, cosine, with random erasing.",
        {
            **_FINE_TUNE,
            "schedule": "cosine",
            "epochs": 250,
            "erase": 0.5,
        },
        f"{_CONFIGS}im_osnet_x1_0_softmax_256x128_amsgrad_cosine.yaml (which flips only)",
    ),
    "cross_domain_ain": Recipe(
        "OSNet-AIN for other datasets than it is trained on, on a GPU: cosine, colour jitter. "
        "Published: Market-1501 to DukeMTMC-reID, by cosine distance.",
        {"preset": "osnet_ain_x1_0", **_CROSS_DOMAIN},
        f"{_CONFIGS}im_osnet_ain_x1_0_softmax_256x128_amsgrad_cosine.yaml; docs/MODEL_ZOO.md",
        ("dukemtmcreid", 52.4, 30.5),
    ),
    "triplet": Recipe(
        "OSNet x1.0 from ImageNet weights, on a GPU: identity and batch-hard triplet loss, 16 "
        "people by 4 images.",
        {**_FINE_TUNE, "instances": 4, "triplet_weight": 1.0},
    ),
}


def _ablation(about, arguments):
    """The recipe `scratch` with the arguments of `OSNet` that a row of the paper names."""
    arguments = dict(arguments)
    if "input_shape" in arguments:
        arguments["height"], arguments["width"], _ = arguments.pop("input_shape")
    return Recipe(
        f"Ablation of the scratch recipe: {about}.",
        {**RECIPES["scratch"].settings, **arguments},
        "arXiv 1905.00953, section 4.3",
    )


RECIPES.update(
    {f"ablation_{name}": _ablation(*row) for name, row in ABLATIONS.items() if name != "primary"}
)


def make_config(recipe="", **settings):
    """A config from a recipe, if one is named, with `settings` on top.

    Raises ConfigError for an unknown recipe or setting (with the nearest name) or a bad value.

    >>> make_config("cpu", epochs=30).model.preset
    'osnet_x0_25'
    """
    return TrainingConfig(**{**recipe_settings(recipe), **settings})


def recipe_settings(recipe):
    """The settings of a recipe, none for ""; raises ConfigError for a name that is none."""
    if not recipe:
        return {}
    if recipe not in RECIPES:
        raise ConfigError("recipe", one_of(RECIPES), recipe, did_you_mean(recipe, RECIPES))
    return RECIPES[recipe].settings
