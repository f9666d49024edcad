"""What a training run is made of: one frozen dataclass, from which the flags are generated."""

import dataclasses
import difflib
import os
from dataclasses import dataclass

from osnet_tf.presets import GATES, LITE_KINDS

OPTIMIZERS = ("amsgrad", "adam", "sgd")
SCHEDULES = ("cosine", "step", "constant")


class ConfigError(ValueError):
    """A setting has a value that it cannot have.

    Attributes:
        field: The setting's name.
    """

    def __init__(self, field, rule, value):
        super().__init__(f"`{field}` {rule}. Received: {field}={value!r}")
        self.field = field


def _field(default, help, is_path=False):
    return dataclasses.field(default=default, metadata={"help": help, "is_path": is_path})


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides the outcome of a training run.

    Every field is a flag of `train/fit.py` with the help text below. The defaults are the public
    code's for Market-1501 without ImageNet weights in hand; named recipes
    (`osnet_tf.training.RECIPES`) change several fields at once.

    Raises ConfigError, which names the field, for a value outside its range.

    >>> TrainingConfig(epochs=60).epochs
    60
    >>> TrainingConfig(epochs=0)
    Traceback (most recent call last):
    osnet_tf.training.config.ConfigError: `epochs` must be >= 1. Received: epochs=0
    """

    dataset: str = _field("market1501", "Dataset: market1501 or demo.")
    data_dir: str = _field("data", "Folder that holds the datasets.", is_path=True)
    preset: str = _field("osnet_x1_0", "Architecture, such as osnet_x1_0 or osnet_x0_25.")
    height: int = _field(256, "Height of the model's images, in pixels.")
    width: int = _field(128, "Width of the model's images, in pixels.")
    feature_dim: int = _field(512, "Length of the embedding.")
    streams: int = _field(4, "Streams of an OS block.")
    lite: str = _field("pointwise_depthwise", f"Lite 3x3: {', '.join(LITE_KINDS)}.")
    gate: str = _field("shared", f"How streams come together: {', '.join(GATES)}.")
    weights: str = _field(
        "", "Initial weights: a file, or a name such as imagenet; none: random.", is_path=True
    )
    epochs: int = _field(150, "Passes over the training set.")
    batch_size: int = _field(64, "Images in a step, over all replicas.")
    instances: int = _field(
        0, "Images per identity in a batch (K of P x K sampling); 0 samples images at random."
    )
    optimizer: str = _field("amsgrad", "amsgrad, adam or sgd.")
    learning_rate: float = _field(0.0015, "Learning rate after the warm-up.")
    momentum: float = _field(0.9, "Momentum of sgd; first moment of adam and amsgrad.")
    l2: float = _field(5e-4, "L2 inside the gradient, as PyTorch's weight_decay; on every weight.")
    weight_decay: float = _field(0.0, "Decoupled weight decay, as Keras's weight_decay.")
    schedule: str = _field("cosine", "Learning rate over time: cosine, step or constant.")
    step_epochs: tuple[int, ...] = _field((60, 120), "Epochs after which `step` lowers the rate.")
    step_factor: float = _field(0.1, "What `step` multiplies the rate by.")
    warmup_epochs: float = _field(0.0, "Epochs in which the rate rises linearly from 0.")
    classifier_only_epochs: int = _field(
        0, "First epochs that train the classifier alone, the rest frozen."
    )
    label_smoothing: float = _field(0.1, "Smoothing of the cross-entropy, in [0, 1).")
    triplet_weight: float = _field(0.0, "Weight of the batch-hard triplet loss; 0: none.")
    triplet_margin: float = _field(0.3, "Its margin.")
    soft_margin: bool = _field(False, "Soft margin in its place.")
    flip: bool = _field(True, "Mirror half of the images.")
    pad: int = _field(0, "Pixels to pad on each side before a random crop; 0: no crop.")
    erase: float = _field(0.0, "Probability of random erasing, in [0, 1].")
    brightness: float = _field(0.0, "Colour jitter: largest relative change of brightness.")
    contrast: float = _field(0.0, "Colour jitter: largest relative change of contrast.")
    saturation: float = _field(0.0, "Colour jitter: largest relative change of saturation.")
    synchronized: bool = _field(False, "Batch statistics over all replicas.")
    evaluate_every: int = _field(0, "Epochs between evaluations; 0: after the last one only.")
    evaluation_batch_size: int = _field(256, "Images in a batch of the evaluation.")
    cache_gib: float = _field(4.0, "Memory for decoded images, in GiB; more are decoded anew.")
    keep_checkpoints: int = _field(2, "Checkpoints to keep.")
    seed: int = _field(0, "Seed of everything random.")
    deterministic: bool = _field(False, "Bit-identical repeats, also where they are slower.")
    xla: str = _field("auto", "Compile with XLA: on, off, or auto (on a single accelerator only).")

    def __post_init__(self):
        for name in (
            "height",
            "width",
            "feature_dim",
            "streams",
            "epochs",
            "batch_size",
            "keep_checkpoints",
        ):
            self._check(name, getattr(self, name) >= 1, "must be >= 1")
        self._check("evaluation_batch_size", self.evaluation_batch_size >= 1, "must be >= 1")
        for name in (
            "instances", "momentum", "l2", "weight_decay", "warmup_epochs", "pad",
            "classifier_only_epochs", "triplet_weight", "triplet_margin", "brightness",
            "contrast", "saturation", "evaluate_every", "cache_gib", "seed",
        ):  # fmt: skip
            self._check(name, getattr(self, name) >= 0, "must be >= 0")
        self._check("learning_rate", self.learning_rate > 0, "must be > 0")
        self._check("label_smoothing", 0 <= self.label_smoothing < 1, "must be in [0, 1)")
        self._check("erase", 0 <= self.erase <= 1, "must be in [0, 1]")
        self._check("step_factor", 0 < self.step_factor <= 1, "must be in (0, 1]")
        self._check("lite", self.lite in LITE_KINDS, _one_of(LITE_KINDS))
        self._check("gate", self.gate in GATES, _one_of(GATES))
        self._check("optimizer", self.optimizer in OPTIMIZERS, _one_of(OPTIMIZERS))
        self._check("schedule", self.schedule in SCHEDULES, _one_of(SCHEDULES))
        self._check("xla", self.xla in ("auto", "on", "off"), _one_of(("auto", "on", "off")))
        self._check(
            "step_epochs",
            list(self.step_epochs) == sorted(set(self.step_epochs)),
            "must rise strictly",
        )
        if self.instances:
            self._check(
                "batch_size",
                self.batch_size % self.instances == 0,
                f"must be a multiple of instances, {self.instances}",
            )
        if self.triplet_weight:
            self._check("instances", self.instances >= 2, "must be >= 2 with a triplet loss")

    def _check(self, name, good, rule):
        if not good:
            raise ConfigError(name, rule, getattr(self, name))

    @property
    def size(self):
        """`(height, width)` of the model's images."""
        return (self.height, self.width)

    def with_absolute_paths(self):
        """The same config, good from any working directory."""
        fields = dataclasses.fields(self)
        return dataclasses.replace(
            self, **{f.name: absolute(f, getattr(self, f.name)) for f in fields}
        )

    def to_dict(self):
        """All fields as JSON can hold them."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}

    @classmethod
    def from_dict(cls, values):
        """The config with these fields; the others at their defaults.

        Raises ConfigError, with the nearest name, for a name that is no field.

        >>> TrainingConfig.from_dict({"epoch": 3})
        Traceback (most recent call last):
        osnet_tf.training.config.ConfigError: `epoch` is no setting (did you mean `epochs`?). ...
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name, value in values.items():
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f" (did you mean `{near[0]}`?)" if near else ""
                raise ConfigError(name, f"is no setting{hint}", value)
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def absolute(field, value):
    """A field's value, made absolute if it is a path. `weights` may also be a name, without a dot:
    "imagenet"."""
    if not field.metadata["is_path"] or not value or (field.name == "weights" and "." not in value):
        return value
    return os.path.abspath(value)


def _one_of(choices):
    return f"must be one of {', '.join(choices)}"
