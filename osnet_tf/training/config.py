"""What a training run is made of: settings in groups, from which the flags are generated."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass

from osnet_tf.config import Config, GroupedConfig, setting
from osnet_tf.evaluation.config import EvaluationConfig
from osnet_tf.presets import GATES, LITE_KINDS, POOLINGS, PRESETS, STEMS

OPTIMIZERS = ("amsgrad", "adam", "sgd")
SCHEDULES = ("cosine", "step", "constant")
HEADS = ("linear", "arcface", "cosface")
NECKS = ("none", "before", "after")
TRIPLETS = ("batch_hard", "semi_hard")
MINING = ("replica", "global")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
XLA = ("auto", "on", "off")
TEACHER_IMAGES = ("augmented", "clean")
#: The teacher that is the moving average of the model's own weights.
AVERAGE = "average"

#: Settings that only re-identification has a use for.
OF_PEOPLE = (
    "attributes", "attribute_weight", "target", "combine_all", "instances", "head", "neck",
    "triplet_weight", "circle_weight", "multi_similarity_weight", "center_weight", "camera_aware",
    "rerank",
)  # fmt: skip

#: The least height and width that leave a pixel behind the last stage.
LEAST_SIZE = 13


@dataclass(frozen=True)
class DataConfig(Config):
    """Which images are trained on, and in which batches."""

    dataset: str = setting(
        "market1501",
        "Dataset: a name that train/data.py lists, or several, a,b, to train on all of them.",
    )
    data_dir: str = setting("data", "Folder that holds the datasets.", is_path=True)
    split_identities: float = setting(
        0.5,
        "Share of the people who become query and gallery, where a dataset has no split of its "
        "own; --seed chooses them.",
        minimum=0,
        maximum=1,
    )
    attributes: str = setting(
        "", "A dataset of attributes of the training images, to learn beside who they are."
    )
    target: str = setting("", "Other datasets to evaluate on after training, as a,b.")
    combine_all: bool = setting(
        False, "Train on query and gallery too, for a model that is used on other data."
    )
    hold_out: float = setting(
        0.0,
        "Share of the training people, or of the images of classes or attributes, that is left out "
        "and evaluated on in place of the test images, to choose settings by.",
        minimum=0,
        below=1,
    )
    batch_size: int = setting(64, "Images in a step, over all replicas.", minimum=1)
    instances: int = setting(
        0,
        "Images per identity in a batch (K of P x K sampling); 0 samples images at random.",
        minimum=0,
    )

    progressive_epochs: tuple[int, ...] = setting(
        (),
        "Epochs after which the training images grow, in equal steps, to the model's size; none: "
        "they have it from the first.",
        minimum=1,
    )
    progressive_scale: float = setting(
        0.5, "Height and width of the first of them, as a share of the model's.", above=0, maximum=1
    )

    def check_together(self):
        grows = list(self.progressive_epochs)
        self.check("progressive_epochs", grows == sorted(set(grows)), "must rise strictly")
        self.check(
            "hold_out", not (self.combine_all and self.hold_out), "cannot go with combine_all"
        )
        self.check(
            "batch_size",
            not self.instances or self.batch_size % self.instances == 0,
            f"must be a multiple of instances, {self.instances}",
        )


@dataclass(frozen=True)
class ModelConfig(Config):
    """The embedder."""

    preset: str = setting("osnet_x1_0", "Architecture.", choices=tuple(PRESETS))
    height: int = setting(256, "Height of the model's images, in pixels.", minimum=LEAST_SIZE)
    width: int = setting(128, "Width of the model's images, in pixels.", minimum=LEAST_SIZE)
    feature_dim: int = setting(512, "Length of the embedding.", minimum=1)
    streams: int = setting(4, "Streams of an OS block.", minimum=1)
    lite: str = setting("pointwise_depthwise", "Lite 3x3.", choices=LITE_KINDS)
    gate: str = setting("shared", "How streams come together.", choices=GATES)
    stem: str = setting("7x7", "First layers; 3x3: for pictures of some 32x32.", choices=STEMS)
    pooling: str = setting("average", "How maps become a vector.", choices=POOLINGS)
    weights: str = setting(
        "",
        "Initial weights: a file or folder, hf://user/repo, or a name such as imagenet; none: "
        "random.",
        is_path=True,
    )
    synchronized: bool = setting(False, "Batch statistics over all replicas.")

    @property
    def size(self):
        """`(height, width)` of the model's images."""
        return (self.height, self.width)


@dataclass(frozen=True)
class LossConfig(Config):
    """What is minimised, and the classifier that belongs to it."""

    label_smoothing: float = setting(
        0.1, "Smoothing of the cross-entropy, in [0, 1).", minimum=0, below=1
    )
    head: str = setting("linear", "Classifier.", choices=HEADS)
    neck: str = setting(
        "none",
        "A batch norm (BNNeck) between losses on pairs and the classifier: the embedding that is "
        "used is the one before it, or after it.",
        choices=NECKS,
    )
    head_margin: float = setting(-1.0, "Margin of arcface or cosface; negative: the paper's.")
    head_scale: float = setting(64.0, "Scale of arcface or cosface.", above=0)
    triplet_weight: float = setting(0.0, "Weight of a triplet loss; 0: none.", minimum=0)
    triplet: str = setting("batch_hard", "Triplets of the triplet loss.", choices=TRIPLETS)
    triplet_margin: float = setting(0.3, "Margin of the triplet loss.", minimum=0)
    soft_margin: bool = setting(
        False, "Soft margin of the triplet loss, in place of its margin (batch_hard only)."
    )
    circle_weight: float = setting(0.0, "Weight of the circle loss; 0: none.", minimum=0)
    circle_margin: float = setting(0.25, "Margin of the circle loss.", minimum=0)
    circle_scale: float = setting(128.0, "Scale of the circle loss.", above=0)
    multi_similarity_weight: float = setting(
        0.0, "Weight of the multi-similarity loss; 0: none.", minimum=0
    )
    multi_similarity_alpha: float = setting(
        2.0, "How steeply that loss weighs pairs of one person.", above=0
    )
    multi_similarity_beta: float = setting(50.0, "How steeply pairs of two people.", above=0)
    multi_similarity_base: float = setting(
        0.5, "The cosine that parts the two.", minimum=-1, maximum=1
    )
    center_weight: float = setting(0.0, "Weight of the center loss; 0: none.", minimum=0)
    attribute_weight: float = setting(
        1.0, "Weight of the attributes' loss, where attributes names a dataset.", minimum=0
    )
    mining: str = setting(
        "replica",
        "Pairs of the triplet, circle and multi-similarity loss: within a replica, or over all.",
        choices=MINING,
    )

    def check_together(self):
        soft = self.soft_margin and self.triplet != "batch_hard"
        self.check("soft_margin", not soft, "is for batch_hard triplets only")


@dataclass(frozen=True)
class DistillationConfig(Config):
    """Teachers that the model imitates, beside what it learns from its targets."""

    teacher: str = setting(
        "",
        "Trained models to learn from: .keras files, a,b for several; `average` is the moving "
        "average of the model's own weights; none: no distillation.",
        is_path=True,
        is_list=True,
    )
    teacher_embedding_weight: float = setting(
        1.0, "Weight of 1 - the cosine with a teacher's embedding; 0: none.", minimum=0
    )
    teacher_distances_weight: float = setting(
        0.0, "Weight of the loss between relative distances of embeddings; 0: none.", minimum=0
    )
    teacher_logits_weight: float = setting(
        0.0, "Weight of the loss between softened logits; 0: none.", minimum=0
    )
    teacher_temperature: float = setting(
        4.0, "What the logits are divided by; with arcface or cosface, some 0.05.", above=0
    )
    teacher_ensemble: bool = setting(
        False,
        "Take several teachers as one: their embeddings, each of length 1, side by side; their "
        "mean logits.",
    )
    teacher_images: str = setting(
        "augmented",
        "What teachers see: the images of each step, or once, before training, the clean ones.",
        choices=TEACHER_IMAGES,
    )

    def check_together(self):
        paths = self._paths
        self.check("teacher", len(set(paths)) == len(paths), "must name each teacher once")
        self.check("teacher", "" not in paths, "must have a name on both sides of a comma")
        weights = ("embedding", "distances", "logits")
        some = any(getattr(self, f"teacher_{name}_weight") for name in weights)
        rule = "must be > 0, or another loss of distillation: there are teachers"
        self.check("teacher_embedding_weight", some or not paths, rule)
        live = self.teacher_images == "augmented" or not self.has_average
        self.check("teacher_images", live, "must be augmented for the teacher `average`")
        files = len(paths) > 1 and not self.has_average
        rule = "is for two teachers or more, all of them files"
        self.check("teacher_ensemble", files or not self.teacher_ensemble, rule)

    @property
    def teachers(self):
        """Dict from what a teacher is called in logs to the list of its files, or `[AVERAGE]`."""
        paths = self._paths
        if len(paths) == 1 or self.teacher_ensemble:
            return {"teacher": paths}
        return {f"teacher_{number}": [path] for number, path in enumerate(paths, start=1)}

    @property
    def has_average(self):
        """Whether a teacher is the average of the model's own weights."""
        return AVERAGE in self._paths

    @property
    def _paths(self):
        return [path.strip() for path in self.teacher.split(",")] if self.teacher else []


@dataclass(frozen=True)
class AugmentationConfig(Config):
    """Random changes to the training images. They are the arguments of `Augmentation`."""

    flip: bool = setting(True, "Mirror half of the images.")
    pad: int = setting(0, "Pixels to pad on each side before a random crop; 0: no crop.", minimum=0)
    trivial: float = setting(
        0.0,
        "Probability of TrivialAugment: one operation of random kind and strength.",
        minimum=0,
        maximum=1,
    )
    erase: float = setting(0.0, "Probability of random erasing, in [0, 1].", minimum=0, maximum=1)
    brightness: float = setting(
        0.0, "Colour jitter: largest relative change of brightness.", minimum=0, below=1
    )
    contrast: float = setting(
        0.0, "Colour jitter: largest relative change of contrast.", minimum=0, below=1
    )
    saturation: float = setting(
        0.0, "Colour jitter: largest relative change of saturation.", minimum=0, below=1
    )


@dataclass(frozen=True)
class OptimizerConfig(Config):
    """How the weights move, and for how long."""

    epochs: int = setting(150, "Passes over the training set.", minimum=1)
    optimizer: str = setting("amsgrad", "How gradients are applied.", choices=OPTIMIZERS)
    learning_rate: float = setting(0.0015, "Learning rate after the warm-up.", above=0)
    base_rate_factor: float = setting(
        1.0,
        "Factor of the rate for all but new layers; at 0.1 these learn 10 times faster.",
        above=0,
    )
    layer_rate_decay: float = setting(
        1.0,
        "Factor of the rate from each stage to the one before it; the layers behind the last stage "
        "have it once, the stem five times.",
        above=0,
        maximum=1,
    )
    momentum: float = setting(
        0.9, "Momentum of sgd; first moment of adam and amsgrad.", minimum=0, below=1
    )
    l2: float = setting(
        5e-4, "L2 inside the gradient, as PyTorch's weight_decay; on every weight.", minimum=0
    )
    weight_decay: float = setting(
        0.0, "Decoupled weight decay, as Keras's weight_decay.", minimum=0
    )
    clip_norm: float = setting(
        0.0, "Largest norm of the gradient, over all weights; 0: any.", minimum=0
    )
    accumulation: int = setting(
        1, "Parts of a batch that go through the model one by one.", minimum=1
    )
    precision: str = setting("float32", "Of the layers' arithmetic.", choices=PRECISIONS)
    schedule: str = setting("cosine", "Learning rate over time.", choices=SCHEDULES)
    step_epochs: tuple[int, ...] = setting(
        (60, 120), "Epochs after which `step` lowers the rate.", minimum=1
    )
    step_factor: float = setting(0.1, "What `step` multiplies the rate by.", above=0, maximum=1)
    warmup_epochs: float = setting(
        0.0, "Epochs in which the rate rises linearly from 0.", minimum=0
    )
    new_layers_only_epochs: int = setting(
        0, "First epochs that train the new layers (the classifier) alone.", minimum=0
    )
    average_decay: float = setting(
        0.0,
        "Decay of a moving average of the weights, which is evaluated and saved; 0: none.",
        minimum=0,
        below=1,
    )
    average_epochs: int = setting(
        0,
        "Last epochs over whose steps the weights are averaged, all alike (SWA), to be evaluated "
        "and saved; 0: none.",
        minimum=0,
    )

    def check_together(self):
        steps = list(self.step_epochs)
        self.check("step_epochs", steps == sorted(set(steps)), "must rise strictly")
        stepless = self.schedule == "step" and not steps
        self.check("step_epochs", not stepless, "must name an epoch for the schedule step")
        one = not (self.average_epochs and self.average_decay)
        self.check("average_epochs", one, "cannot go with average_decay")
        for name in ("warmup_epochs", "new_layers_only_epochs", "average_epochs"):
            fits = getattr(self, name) <= self.epochs
            self.check(name, fits, f"must be <= epochs, {self.epochs}")


def _of_evaluation(name):
    """A setting of `EvaluationConfig`, to be one of training too."""
    return copy.copy(EvaluationConfig.settings()[name])


@dataclass(frozen=True)
class TrainingEvaluationConfig(Config):
    """When a run is evaluated, and by which protocol: see `EvaluationConfig`."""

    evaluate_every: int = setting(
        0, "Epochs between evaluations; 0: after the last one only.", minimum=0
    )
    patience: int = setting(
        0,
        "Evaluations without a better score after which training stops; 0: it goes on.",
        minimum=0,
    )
    evaluation_batch_size: int = setting(256, "Images in a batch of the evaluation.", minimum=1)
    camera_aware: bool = _of_evaluation("camera_aware")
    flip_test: bool = _of_evaluation("flip_test")
    rerank: bool = _of_evaluation("rerank")
    rerank_k1: int = _of_evaluation("rerank_k1")
    rerank_k2: int = _of_evaluation("rerank_k2")
    rerank_lambda: float = _of_evaluation("rerank_lambda")

    def check_together(self):
        if self.patience:
            self.check("patience", self.evaluate_every > 0, "needs evaluate_every")
        _ = self.protocol  # its own rules

    @property
    def protocol(self):
        """The `EvaluationConfig`."""
        names = ("camera_aware", "flip_test", "rerank", "rerank_k1", "rerank_k2", "rerank_lambda")
        return EvaluationConfig(verification=False, **{name: getattr(self, name) for name in names})


@dataclass(frozen=True)
class RunConfig(Config):
    """How a run is carried out: mostly of no consequence for what it finds."""

    seed: int = setting(0, "Seed of everything random.", minimum=0, maximum=2**32 - 1)
    deterministic: bool = setting(False, "Bit-identical repeats, also where they are slower.")
    xla: str = setting("auto", "Compile with XLA; auto: on a single accelerator.", choices=XLA)
    devices: str = setting(
        "", "Devices to train on, as GPU:0,GPU:1; none: all GPUs of the machine, or its CPU."
    )
    cache_gib: float = setting(
        4.0, "Memory for decoded images, in GiB; more are decoded anew.", minimum=0
    )
    keep_checkpoints: int = setting(2, "Checkpoints to keep.", minimum=1)
    checkpoint_minutes: float = setting(
        0.0, "Minutes between checkpoints within an epoch; 0: at its end only.", minimum=0
    )


@dataclass(frozen=True, init=False)
class TrainingConfig(GroupedConfig):
    """Everything that decides the outcome of a training run.

    Every setting is an argument, and a flag of `train/fit.py` with its help text. The defaults are
    the public code's for Market-1501 without ImageNet weights in hand; named recipes
    (`osnet_tf.training.RECIPES`) change several settings at once.

    Attributes:
        data, model, losses, distillation, augmentation, optimizer, evaluation, run: The groups.

    Raises ConfigError, which names the setting, for a value of another type or outside its range.

    >>> TrainingConfig(epochs=60).optimizer.epochs
    60
    >>> TrainingConfig(epochs=2.5)
    Traceback (most recent call last):
    osnet_tf.config.ConfigError: `epochs` must be an integer. Received: epochs=2.5
    """

    data: DataConfig
    model: ModelConfig
    losses: LossConfig
    distillation: DistillationConfig
    augmentation: AugmentationConfig
    optimizer: OptimizerConfig
    evaluation: TrainingEvaluationConfig
    run: RunConfig

    def check_unused(self, names: Iterable[str], task: str) -> None:
        """Raises ConfigError for one of some settings that has another value than by default.

        Args:
            names: The settings.
            task: What has no use for them, for the message.
        """
        own, default = self.to_dict(), type(self)().to_dict()
        for name in names:
            self.check(name, own[name] == default[name], f"is of no use to {task}")

    def check_together(self) -> None:
        for weight, name in (
            ("triplet_weight", "a triplet loss"),
            ("circle_weight", "the circle loss"),
            ("multi_similarity_weight", "the multi-similarity loss"),
        ):
            needless = not getattr(self.losses, weight) or self.data.instances >= 2
            self.check("instances", needless, f"must be >= 2 with {name}")
        epochs = self.optimizer.epochs
        ends = all(epoch < epochs for epoch in self.data.progressive_epochs)
        self.check("progressive_epochs", ends, f"must be < epochs, {epochs}")
        averaged = not self.distillation.has_average
        rule = "must be > 0 for the teacher `average`"
        self.check("average_decay", averaged or self.optimizer.average_decay > 0, rule)
