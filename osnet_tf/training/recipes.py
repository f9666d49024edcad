"""Named recipes: settings that belong together, and where they come from."""

from typing import Any

from osnet_tf.checks import did_you_mean
from osnet_tf.config import ConfigError, one_of
from osnet_tf.presets import ABLATIONS
from osnet_tf.training.config import TrainingConfig
from osnet_tf.training.recipe import Recipe, ranks

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
#: Losses on cosines beside the classifier's, the size of the paper.
_BEST = {
    **_STRONG,
    **{"height": 256, "width": 128, "pad": 10},
    **{"triplet_weight": 0.0, "multi_similarity_weight": 1.0, "neck": "before"},
    **{"warmup_epochs": 3.0, "new_layers_only_epochs": 1},
}
#: A second cosine, most of it at full size.
_BEST_RESTART = {
    **_BEST,
    **{"weights": "runs/best/embedder.keras", "learning_rate": 0.0025, "erase": 0.5},
    **{"epochs": 120, "progressive_epochs": (34,), "progressive_scale": 0.75, "evaluate_every": 30},
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


#: Few images: no new layers alone, low rates, the weights of a model that knows people.
_SMALL_SET = {
    **_STRONG,
    "weights": "runs/large/embedder.keras",
    "epochs": 30,
    "learning_rate": 0.0006,
    "instances": 2,
}
_ATTRIBUTES = {
    "preset": "osnet_x0_25",
    "height": 128,
    "width": 64,
    "weights": "imagenet",
    "epochs": 40,
    "batch_size": 64,
    "optimizer": "adam",
    "learning_rate": 0.0015,
    "warmup_epochs": 2.0,
    "pad": 5,
    "average_decay": 0.999,
    "evaluate_every": 10,
}
_CIFAR = {
    "height": 32,
    "width": 32,
    "stem": "3x3",
    "label_smoothing": 0.0,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "schedule": "step",
    "step_epochs": (150, 225),
    "epochs": 300,
    "batch_size": 128,
    "pad": 4,
}


def _fine_tune(width, rank1, mean, settings, dataset="market1501"):
    preset = f"osnet_{width}"
    return Recipe(
        f"OSNet {width[1:].replace('_', '.')} from ImageNet weights, on a GPU.",
        {"preset": preset, **_FINE_TUNE, **settings, "dataset": dataset},
        f"{_CONFIGS}im_{preset}_softmax_256x128_amsgrad.yaml; docs/MODEL_ZOO.md",
        ranks(dataset, rank1, mean),
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
        measured=ranks("market1501", 72.6, 49.6),
    ),
    "strong": Recipe(
        "OSNet x0.25 at 128x64 from ImageNet weights, short enough for two CPU cores: identity and "
        "triplet loss, warm-up and cosine, erasing, averaged weights. strong_restart goes on.",
        _STRONG,
        measured=ranks("market1501", 87.5, 71.8),
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
        measured=ranks("market1501", 88.3, 72.9),
    ),
    "best_x0_25": Recipe(
        "OSNet x0.25 at 256x128 from ImageNet weights: identity and multi-similarity loss with a "
        "BNNeck, images that grow from half the size, averaged weights. Hours on two CPU cores. "
        "best_x0_25_restart goes on.",
        {
            **_BEST,
            **{"epochs": 84, "progressive_epochs": (28, 48), "evaluate_every": 28},
        },
        "arXiv 1904.06627, 1903.07071 and 2104.00298 (the ideas; the settings are ours)",
        measured=ranks("market1501", 89.0, 71.6),
    ),
    "best_x0_25_restart": Recipe(
        "A second cosine from the embedder that best_x0_25 left in --run_dir=runs/best, more of it "
        "at full size, erasing stronger. Hours on two CPU cores.",
        _BEST_RESTART,
        "restarts: arXiv 1608.03983",
        measured=ranks("market1501", 90.1, 73.3),
    ),
    "best_x0_25_taught": Recipe(
        "On from the embedder that best_x0_25_restart left in --run_dir=runs/restart, taught by it "
        "and by the authors' model of the same size as one: train/convert.py --checkpoint="
        "osnet_x0_25_market1501.pth --output=osnet_x0_25_market1501.keras. Hours on two CPU cores.",
        {
            **_BEST_RESTART,
            "weights": "runs/restart/embedder.keras",
            "teacher": "runs/restart/embedder.keras,osnet_x0_25_market1501.keras",
            **{"teacher_ensemble": True, "teacher_images": "clean"},
            **{"teacher_embedding_weight": 2.0, "teacher_distances_weight": 50.0},
            **{"epochs": 106, "progressive_epochs": (28,), "erase": 0.4, "evaluate_every": 53},
        },
        "arXiv 1412.6550 and 1904.05068 (the losses; the settings are ours)",
        measured=ranks("market1501", 90.1, 77.4),
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
        ranks("market1501", 93.6, 81.0),
    ),
    "fine_tune": _fine_tune("x1_0", 94.2, 82.6, {}),
    "fine_tune_x0_75": _fine_tune("x0_75", 93.7, 81.2, {}),
    "fine_tune_x0_5": _fine_tune("x0_5", 92.5, 79.8, _SMALL),
    "fine_tune_x0_25": _fine_tune("x0_25", 91.2, 75.0, _SMALL),
    "dukemtmcreid": _fine_tune("x1_0", 87.0, 70.2, {}, "dukemtmcreid"),
    "msmt17": _fine_tune("x1_0", 74.9, 43.8, {}, "msmt17"),
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
        ranks("dukemtmcreid", 52.4, 30.5),
    ),
    "triplet": Recipe(
        "OSNet x1.0 from ImageNet weights, on a GPU: identity and batch-hard triplet loss, 16 "
        "people by 4 images.",
        {**_FINE_TUNE, "instances": 4, "triplet_weight": 1.0},
    ),
    "cuhk03": Recipe(
        "The recipe strong on CUHK03's new protocol, detected images.",
        {**_STRONG, "dataset": "cuhk03"},
        measured=ranks("cuhk03 detected, at 64x128", 46.5, 43.9),
    ),
    "market1501_cuhk03": Recipe(
        "The recipe strong on Market-1501 and CUHK03 at once, evaluated on each; a start for small "
        "datasets.",
        {**_STRONG, "dataset": "market1501,cuhk03", "target": "market1501,cuhk03", "epochs": 60},
    ),
    "viper": Recipe(
        "A split of VIPeR (--dataset=viper:0 ... viper:9) from the embedder that market1501_cuhk03 "
        "left in --run_dir=runs/large; short, as 632 images are few.",
        {**_SMALL_SET, "dataset": "viper:0"},
        "arXiv 1905.00953, section 4.1 (train on large sets, go on with the small one)",
    ),
    "grid": Recipe(
        "A split of GRID (--dataset=grid:0 ... grid:9), as viper.",
        {**_SMALL_SET, "dataset": "grid:0"},
        "arXiv 1905.00953, section 4.1",
    ),
    "market1501_attributes": Recipe(
        "Attributes of Market-1501's people: OSNet x0.25 at 128x64 from ImageNet weights, short "
        "enough for two CPU cores.",
        {**_ATTRIBUTES, "dataset": "market1501_attributes"},
    ),
    "pa100k": Recipe(
        "PA-100K's 26 attributes: OSNet x1.0 from ImageNet weights, on a GPU.",
        {
            **_ATTRIBUTES,
            **{"dataset": "pa100k", "preset": "osnet_x1_0", "height": 256, "width": 128},
            **{"pad": 10, "epochs": 30},
        },
        "arXiv 1905.00953, section 4.2 (the task; the settings are ours)",
    ),
    "identity_and_attributes": Recipe(
        "The recipe strong on Market-1501, its people's attributes learnt beside.",
        {**_STRONG, "attributes": "market1501_attributes"},
        "arXiv 1703.07220 (the idea; the settings are ours)",
        measured=ranks("market1501", 88.3, 72.7),
    ),
    "cifar10": Recipe(
        "CIFAR-10 at its own 32x32 from random weights, on a GPU: SGD, two steps; flip, crop.",
        {**_CIFAR, "dataset": "cifar10"},
        "arXiv 1905.00953, section 4.2 (SGD, 300 epochs, crop and flip; the rates are ours)",
    ),
    "cifar100": Recipe(
        "CIFAR-100, as cifar10.",
        {**_CIFAR, "dataset": "cifar100"},
        "arXiv 1905.00953, section 4.2",
    ),
    "cifar10_cpu": Recipe(
        "CIFAR-10 with OSNet x0.25, short enough for two CPU cores: cosine.",
        {
            **_CIFAR,
            **{"dataset": "cifar10", "preset": "osnet_x0_25", "epochs": 30},
            **{"schedule": "cosine", "warmup_epochs": 1.0, "evaluate_every": 5},
        },
    ),
    "imagenet": Recipe(
        "ImageNet-1k at 224x224, to pre-train, on GPUs: SGD, cosine, flip, crop, smoothing.",
        {
            "dataset": "imagenet",
            "height": 224,
            "width": 224,
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "l2": 4e-5,
            "epochs": 150,
            "batch_size": 256,
            "warmup_epochs": 5.0,
            "pad": 28,
            "evaluate_every": 10,
        },
        "settings usual for networks of this size",
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


def make_config(recipe: str = "", **settings: Any) -> TrainingConfig:
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
