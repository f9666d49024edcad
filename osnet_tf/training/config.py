"""What a training run is made of: one frozen dataclass, from which the flags are generated."""

from dataclasses import dataclass

from osnet_tf.config import Config, one_of, setting
from osnet_tf.presets import GATES, LITE_KINDS

OPTIMIZERS = ("amsgrad", "adam", "sgd")
SCHEDULES = ("cosine", "step", "constant")
HEADS = ("linear", "arcface", "cosface")
TRIPLETS = ("batch_hard", "semi_hard")
MINING = ("replica", "global")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@dataclass(frozen=True)
class TrainingConfig(Config):
    """Everything that decides the outcome of a training run.

    Every field is a flag of `train/fit.py` with the help text below. The defaults are the public
    code's for Market-1501 without ImageNet weights in hand; named recipes
    (`osnet_tf.training.RECIPES`) change several fields at once.

    Raises ConfigError, which names the field, for a value outside its range.

    >>> TrainingConfig(epochs=60).epochs
    60
    >>> TrainingConfig(epochs=0)
    Traceback (most recent call last):
    osnet_tf.config.ConfigError: `epochs` must be >= 1. Received: epochs=0
    """

    dataset: str = setting("market1501", "Dataset: market1501 or demo.")
    data_dir: str = setting("data", "Folder that holds the datasets.", is_path=True)
    combine_all: bool = setting(
        False, "Train on query and gallery too, for a model that is used on other data."
    )
    hold_out: float = setting(
        0.0,
        "Share of the training people who are left out and evaluated on in place of query and "
        "gallery, to choose settings by.",
    )
    preset: str = setting("osnet_x1_0", "Architecture, such as osnet_x1_0 or osnet_x0_25.")
    height: int = setting(256, "Height of the model's images, in pixels.")
    width: int = setting(128, "Width of the model's images, in pixels.")
    feature_dim: int = setting(512, "Length of the embedding.")
    streams: int = setting(4, "Streams of an OS block.")
    lite: str = setting("pointwise_depthwise", f"Lite 3x3: {', '.join(LITE_KINDS)}.")
    gate: str = setting("shared", f"How streams come together: {', '.join(GATES)}.")
    weights: str = setting(
        "", "Initial weights: a file, or a name such as imagenet; none: random.", is_path=True
    )
    epochs: int = setting(150, "Passes over the training set.")
    batch_size: int = setting(64, "Images in a step, over all replicas.")
    instances: int = setting(
        0, "Images per identity in a batch (K of P x K sampling); 0 samples images at random."
    )
    optimizer: str = setting("amsgrad", "amsgrad, adam or sgd.")
    learning_rate: float = setting(0.0015, "Learning rate after the warm-up.")
    base_rate_factor: float = setting(
        1.0,
        "Factor of the rate for all but new layers; at 0.1 these learn 10 times faster.",
    )
    momentum: float = setting(0.9, "Momentum of sgd; first moment of adam and amsgrad.")
    l2: float = setting(5e-4, "L2 inside the gradient, as PyTorch's weight_decay; on every weight.")
    weight_decay: float = setting(0.0, "Decoupled weight decay, as Keras's weight_decay.")
    clip_norm: float = setting(0.0, "Largest norm of the gradient, over all weights; 0: any.")
    accumulation: int = setting(1, "Parts of a batch that go through the model one by one.")
    precision: str = setting("float32", f"Of the layers' arithmetic: {', '.join(PRECISIONS)}.")
    schedule: str = setting("cosine", "Learning rate over time: cosine, step or constant.")
    step_epochs: tuple[int, ...] = setting((60, 120), "Epochs after which `step` lowers the rate.")
    step_factor: float = setting(0.1, "What `step` multiplies the rate by.")
    warmup_epochs: float = setting(0.0, "Epochs in which the rate rises linearly from 0.")
    classifier_only_epochs: int = setting(
        0, "First epochs that train the classifier alone, the rest frozen."
    )
    label_smoothing: float = setting(0.1, "Smoothing of the cross-entropy, in [0, 1).")
    head: str = setting("linear", f"Classifier: {', '.join(HEADS)}.")
    head_margin: float = setting(-1.0, "Margin of arcface or cosface; negative: the paper's.")
    head_scale: float = setting(64.0, "Scale of arcface or cosface.")
    triplet_weight: float = setting(0.0, "Weight of a triplet loss; 0: none.")
    triplet: str = setting("batch_hard", f"Its triplets: {', '.join(TRIPLETS)}.")
    triplet_margin: float = setting(0.3, "Its margin.")
    soft_margin: bool = setting(False, "Soft margin in its place (batch_hard only).")
    circle_weight: float = setting(0.0, "Weight of the circle loss; 0: none.")
    circle_margin: float = setting(0.25, "Its margin.")
    circle_scale: float = setting(128.0, "Its scale.")
    center_weight: float = setting(0.0, "Weight of the center loss; 0: none.")
    mining: str = setting("replica", "Pairs of the losses above: within a replica, or global.")
    flip: bool = setting(True, "Mirror half of the images.")
    pad: int = setting(0, "Pixels to pad on each side before a random crop; 0: no crop.")
    erase: float = setting(0.0, "Probability of random erasing, in [0, 1].")
    brightness: float = setting(0.0, "Colour jitter: largest relative change of brightness.")
    contrast: float = setting(0.0, "Colour jitter: largest relative change of contrast.")
    saturation: float = setting(0.0, "Colour jitter: largest relative change of saturation.")
    average_decay: float = setting(
        0.0, "Decay of a moving average of the weights, which is evaluated and saved; 0: none."
    )
    synchronized: bool = setting(False, "Batch statistics over all replicas.")
    evaluate_every: int = setting(0, "Epochs between evaluations; 0: after the last one only.")
    patience: int = setting(
        0, "Evaluations without a better mAP after which training stops; 0: it goes on."
    )
    evaluation_batch_size: int = setting(256, "Images in a batch of the evaluation.")
    cache_gib: float = setting(4.0, "Memory for decoded images, in GiB; more are decoded anew.")
    keep_checkpoints: int = setting(2, "Checkpoints to keep.")
    seed: int = setting(0, "Seed of everything random.")
    deterministic: bool = setting(False, "Bit-identical repeats, also where they are slower.")
    xla: str = setting("auto", "Compile with XLA: on, off, or auto (on a single accelerator only).")

    def __post_init__(self):
        for name in (
            "height",
            "width",
            "feature_dim",
            "streams",
            "epochs",
            "batch_size",
            "accumulation",
            "evaluation_batch_size",
            "keep_checkpoints",
        ):
            self.check(name, getattr(self, name) >= 1, "must be >= 1")
        for name in (
            "instances", "momentum", "l2", "weight_decay", "warmup_epochs", "pad",
            "classifier_only_epochs", "triplet_weight", "triplet_margin", "brightness",
            "circle_weight", "circle_margin", "center_weight",
            "contrast", "saturation", "evaluate_every", "cache_gib", "seed", "clip_norm",
            "patience",
        ):  # fmt: skip
            self.check(name, getattr(self, name) >= 0, "must be >= 0")
        self.check("learning_rate", self.learning_rate > 0, "must be > 0")
        self.check("base_rate_factor", self.base_rate_factor > 0, "must be > 0")
        self.check("hold_out", 0 <= self.hold_out < 1, "must be in [0, 1)")
        self.check("precision", self.precision in PRECISIONS, one_of(PRECISIONS))
        if self.patience:
            self.check("patience", self.evaluate_every > 0, "needs evaluate_every")
        if self.combine_all:
            self.check("hold_out", not self.hold_out, "cannot go with combine_all")
        self.check("label_smoothing", 0 <= self.label_smoothing < 1, "must be in [0, 1)")
        self.check("erase", 0 <= self.erase <= 1, "must be in [0, 1]")
        self.check("step_factor", 0 < self.step_factor <= 1, "must be in (0, 1]")
        self.check("lite", self.lite in LITE_KINDS, one_of(LITE_KINDS))
        self.check("gate", self.gate in GATES, one_of(GATES))
        self.check("optimizer", self.optimizer in OPTIMIZERS, one_of(OPTIMIZERS))
        self.check("schedule", self.schedule in SCHEDULES, one_of(SCHEDULES))
        self.check("head", self.head in HEADS, one_of(HEADS))
        self.check("head_scale", self.head_scale > 0, "must be > 0")
        self.check("triplet", self.triplet in TRIPLETS, one_of(TRIPLETS))
        self.check("mining", self.mining in MINING, one_of(MINING))
        self.check("circle_scale", self.circle_scale > 0, "must be > 0")
        soft = self.soft_margin and self.triplet != "batch_hard"
        self.check("soft_margin", not soft, "is for batch_hard triplets only")
        self.check("average_decay", 0 <= self.average_decay < 1, "must be in [0, 1)")
        self.check("xla", self.xla in ("auto", "on", "off"), one_of(("auto", "on", "off")))
        self.check(
            "step_epochs",
            list(self.step_epochs) == sorted(set(self.step_epochs)),
            "must rise strictly",
        )
        if self.instances:
            self.check(
                "batch_size",
                self.batch_size % self.instances == 0,
                f"must be a multiple of instances, {self.instances}",
            )
        if self.triplet_weight:
            self.check("instances", self.instances >= 2, "must be >= 2 with a triplet loss")
        if self.circle_weight:
            self.check("instances", self.instances >= 2, "must be >= 2 with the circle loss")

    @property
    def size(self):
        """`(height, width)` of the model's images."""
        return (self.height, self.width)
