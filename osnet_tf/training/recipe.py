"""What a named set of settings is."""

from typing import NamedTuple

from osnet_tf.training.config import TrainingConfig
from osnet_tf.training.progressive import scale_in

#: Training images per second of x1.0 ... x0.25 at 256x128, by width: epochs 3 and 4 of `python
#: train/fit.py --dataset=demo --preset=osnet_WIDTH --batch_size=32 --epochs=4`, two idle AMD EPYC
#: cores (AVX2).
_CPU_RATES = {"x1_0": 11.1, "x0_75": 17.1, "x0_5": 26.9, "x0_25": 65.5}
#: Training images of datasets.
_TRAIN = {
    "market1501": 12_936,
    "market1501_attributes": 12_936,
    "cuhk03": 7_365,
    "dukemtmcreid": 16_522,
    "msmt17": 30_248,
    "pa100k": 80_000,
    "cifar10": 50_000,
    "cifar100": 50_000,
    "imagenet": 1_281_167,
}


class Figures(NamedTuple):
    """What a recipe comes to.

    Attributes:
        dataset: What it was evaluated on.
        values: Name of a figure, such as "Rank-1", -> per cent.

    >>> str(Figures("market1501", {"Rank-1": 93.6, "mAP": 81.0}))
    'market1501: Rank-1 93.6, mAP 81.0'
    """

    dataset: str
    values: dict[str, float]

    def __str__(self):
        return f"{self.dataset}: {', '.join(f'{name} {v}' for name, v in self.values.items())}"


def ranks(dataset, rank1, mean):
    """The `Figures` of re-identification, in per cent."""
    return Figures(dataset, {"Rank-1": rank1, "mAP": mean})


class Recipe(NamedTuple):
    """A named set of settings.

    Attributes:
        about: What it is for, and on what hardware.
        settings: Fields of `TrainingConfig` that differ from the defaults.
        source: Where the settings come from.
        published: `Figures` that this source reports for them, or None. It is what to hope for,
            not what this project measured.
        measured: `Figures` that this project measured with them, or None; how is in the docs.
    """

    about: str
    settings: dict
    source: str = ""
    published: Figures | None = None
    measured: Figures | None = None

    @property
    def cpu_hours(self):
        """Hours of training with two CPU cores, about.

        None for a dataset of unknown size, or another kind of block than the one whose speed was
        measured. From the images per second of short runs; a GPU takes a small part of it.
        """
        config = TrainingConfig(**self.settings)
        model = config.model
        names = config.data.dataset.split(",")
        measured = (model.streams, model.lite) == (4, "pointwise_depthwise")
        if not measured or not set(names) <= set(_TRAIN):
            return None
        width = model.preset.partition("_x")[2]
        # The 7x7 stem and its pooling leave a sixteenth of the positions, the 3x3 stem all
        positions = model.height * model.width / (1 if model.stem == "3x3" else 16)
        rate = _CPU_RATES[f"x{width}"] * (256 * 128 / 16) / positions
        images = sum(_TRAIN[name] for name in names)
        epochs = range(config.optimizer.epochs)
        full_size_epochs = sum(scale_in(epoch, config.data) ** 2 for epoch in epochs)
        return full_size_epochs * images / rate / 3600
