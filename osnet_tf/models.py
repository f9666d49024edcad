"""OSNet as a Keras model: RGB images in, embeddings out."""

import keras

from osnet_tf.checks import check_choice, check_int, is_int
from osnet_tf.errors import ArgumentError
from osnet_tf.layers import (
    BatchNorm,
    CenterDistances,
    ConvNorm,
    CosineClassifier,
    GeneralizedMeanPooling2D,
    OSBlock,
)
from osnet_tf.preprocessing import normalization_layer
from osnet_tf.presets import NECKS, POOLINGS, STEMS, get_preset
from osnet_tf.types import PathLike
from osnet_tf.weights.loading import load_weights
from osnet_tf.weights.registry import resolve_weights

HEADS = ("linear", "cosine")


def OSNet(
    preset: str = "osnet_x1_0",
    *,
    weights: PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] = (256, 128, 3),
    feature_dim: int = 512,
    streams: int = 4,
    lite: str = "pointwise_depthwise",
    gate: str = "shared",
    stem: str = "7x7",
    pooling: str = "average",
    neck: str = "none",
    synchronized: bool = False,
    name: str | None = None,
) -> keras.Model:
    """Builds an Omni-Scale Network that embeds images of people.

    The model takes RGB images with values 0..255, uint8 or float, and normalises them itself:
    nothing has to be, or may be, normalised before. Under a mixed precision policy the embedding
    stays float32.

    Args:
        preset: A name in `osnet_tf.presets.PRESETS`, such as "osnet_x1_0" or "osnet_x0_25".
        weights: None for the public code's random initialisation; the path of a `.weights.h5` or
            `.keras` file of the same architecture or of a public PyTorch checkpoint (`.pth`,
            `.safetensors`); a published model of it, a folder or `hf://user/repo`, as
            `osnet_tf.from_preset` takes; or the name of a public checkpoint, "imagenet" or
            "market1501", which `osnet_tf.weights.registry.resolve_weights` finds: in a folder
            of `OSNET_TF_WEIGHTS`, else by a download. A classifier in the file is left out.
        input_shape: `(height, width, 3)`; height and width at least 13, or None for any.
        feature_dim: Length of the embedding, >= 1.
        streams, lite, gate: Those of `OSBlock`; the defaults are the paper's OSNet, the others its
            ablations. `osnet_tf.presets.ABLATIONS` holds the paper's rows. What a model was built
            with, `osnet_tf.architecture.architecture_of(model)` tells, also of a saved one.
        stem: "7x7", the paper's, which makes images four times smaller; or "3x3", one convolution
            of stride 1 without a max-pool, for pictures of some 32x32 pixels such as CIFAR's.
        pooling: "average", the paper's, or "generalized_mean", `GeneralizedMeanPooling2D`.
        neck: "none", the paper's, or "batch_norm": the embedding goes through one more batch norm,
            without offset (BNNeck, arXiv 1903.07071, section 3.5), and is no longer >= 0. Weights
            of a model without such pooling or neck do for one with them.
        synchronized: Batch statistics over all replicas of a `tf.distribute` strategy.
        name: The model's name; the preset's by default.

    Returns:
        A functional `keras.Model`: `(batch, height, width, 3)` -> `(batch, feature_dim)` float32,
        not L2-normalised, >= 0 without a neck (the public code's last layer is a ReLU).

    Raises:
        ArgumentError: unknown preset, or an argument outside these.
        WeightsError, FileError, NotFoundError: as `osnet_tf.weights.load_weights`; the message
            names the file, and both architectures where they differ.

    Reference: arXiv 1905.00953, table 1; IBN and AIN: arXiv 1910.06827.

    >>> import numpy as np
    >>> model = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> model.predict(np.zeros((2, 64, 32, 3), "uint8"), verbose=0).shape
    (2, 512)
    """
    plan = get_preset(preset)
    _check_input_shape(input_shape)
    check_int(feature_dim=feature_dim)
    check_choice(STEMS, stem=stem)
    check_choice(POOLINGS, pooling=pooling)
    check_choice(NECKS, neck=neck)
    sync = {"synchronized": synchronized}
    first, *stages = plan.widths
    size, strides = (7, 2) if stem == "7x7" else (3, 1)

    images = keras.Input(input_shape, dtype="float32", name="images")
    x = normalization_layer()(images)
    x = ConvNorm(first, size, strides=strides, norm=plan.stem_norm, name="conv1", **sync)(x)
    if stem == "7x7":
        # It ends in a ReLU, so zeros are as good a padding as minus infinity, and int8 bears them
        x = keras.layers.ZeroPadding2D(1, data_format="channels_last", name="maxpool_pad")(x)
        x = keras.layers.MaxPooling2D(3, strides=2, data_format="channels_last", name="maxpool")(x)
    for stage, (width, norms) in enumerate(zip(stages, plan.instance_norms, strict=True), start=2):
        for block, norm in enumerate(norms):
            x = OSBlock(
                width,
                streams=streams,
                lite=lite,
                gate=gate,
                instance_norm=norm,
                name=f"conv{stage}_{block}",
                **sync,
            )(x)
        if stage < 4:
            x = ConvNorm(width, name=f"conv{stage}_transition", **sync)(x)
            x = keras.layers.AveragePooling2D(
                2, data_format="channels_last", name=f"conv{stage}_pool"
            )(x)
    x = ConvNorm(stages[-1], name="conv5", **sync)(x)
    if pooling == "average":
        pool = keras.layers.GlobalAveragePooling2D(
            data_format="channels_last", name="global_avgpool"
        )
    else:
        pool = GeneralizedMeanPooling2D(name="global_gempool")
    x = pool(x)
    x = keras.layers.Dense(
        int(feature_dim), kernel_initializer=keras.initializers.RandomNormal(stddev=0.01), name="fc"
    )(x)
    x = BatchNorm(name="fc_norm", **sync)(x)
    embedding = keras.layers.ReLU(dtype="float32", name="embedding")(x)
    if neck == "batch_norm":
        embedding = _neck("bnneck", **sync)(embedding)
    model = keras.Model(images, embedding, name=name or preset)
    if weights is not None:
        load_weights(model, resolve_weights(preset, weights))
    return model


def _neck(name, **arguments):
    """The batch norm between an embedding and a classifier."""
    return BatchNorm(center=False, dtype="float32", name=name, **arguments)


def add_classifier(
    embedder: keras.Model,
    num_classes: int,
    *,
    head: str = "linear",
    centers: bool = False,
    neck: bool = False,
    name: str | None = None,
) -> keras.Model:
    """Puts the identity classifier on an embedder, for training.

    The two models share their layers and weights: after training this one, `embedder` is trained.

    Args:
        embedder: A model as `OSNet` returns.
        num_classes: Number of training identities, >= 1.
        head: "linear", the public code's, for `LabelSmoothedCrossEntropy`; or "cosine", whose
            logits are cosines, for `MarginSoftmaxLoss` (ArcFace, CosFace).
        centers: Add the output that `CenterLoss` works on.
        neck: Put a batch norm without offset between embedding and classifier (BNNeck, arXiv
            1903.07071, section 3.5), which is left out of the embedder. For an embedding behind it,
            build the embedder with `neck="batch_norm"` instead.
        name: The new model's name; the embedder's with "_classifier" by default.

    Returns:
        A `keras.Model` of the same input with a dict of float32 outputs:
        `"logits"` `(batch, num_classes)`, `"embedding"` `(batch, feature_dim)`; where the embedder
        has a neck, `"before_neck"` `(batch, feature_dim)`, for losses on pairs; and, with
        `centers`, `"center_distances"` `(batch, num_classes)`, squared.

    Raises ArgumentError if `num_classes` is not a positive integer or `head` is unknown.

    >>> from osnet_tf.losses import LabelSmoothedCrossEntropy, MarginSoftmaxLoss
    >>> embedder = OSNet("osnet_x0_25", input_shape=(64, 32, 3))
    >>> model = add_classifier(embedder, num_classes=751)
    >>> model.compile("adam", loss={"logits": LabelSmoothedCrossEntropy()})
    >>> model.output["logits"].shape
    (None, 751)
    >>> arcface = add_classifier(embedder, num_classes=751, head="cosine")
    >>> arcface.compile("adam", loss={"logits": MarginSoftmaxLoss("arcface", scale=30.0)})
    """
    check_int(num_classes=num_classes)
    check_choice(HEADS, head=head)
    embedding = embedder.output
    if head == "cosine":
        classifier = CosineClassifier(num_classes, name="classifier")
    else:
        classifier = keras.layers.Dense(
            num_classes,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            dtype="float32",
            name="classifier",
        )
    classified = _neck("classifier_neck")(embedding) if neck else embedding
    outputs = {"logits": classifier(classified), "embedding": embedding}
    compared = embedding
    if any(layer.name == "bnneck" for layer in embedder.layers):
        compared = outputs["before_neck"] = embedder.get_layer("embedding").output
    if centers:
        outputs["center_distances"] = CenterDistances(num_classes, name="centers")(compared)
    return keras.Model(embedder.input, outputs, name=name or f"{embedder.name}_classifier")


def model_size(embedder):
    """`(height, width)` of the images that a model takes.

    Raises ArgumentError if it takes any size.
    """
    size = tuple(embedder.input_shape[1:3])
    if None in size:
        raise ArgumentError(
            f"The model must have a fixed input size. Received: input_shape={embedder.input_shape}"
        )
    return size


def _check_input_shape(input_shape):
    shape = tuple(input_shape) if isinstance(input_shape, list | tuple) else ()
    if len(shape) != 3 or shape[2] != 3:
        raise ArgumentError(
            f"`input_shape` must be (height, width, 3). Received: input_shape={input_shape}"
        )
    if any(n is not None and not is_int(n) for n in shape):
        raise ArgumentError(
            f"`input_shape` must hold integers or None. Received: input_shape={input_shape}"
        )
    # 13 pixels are 7 after the stem, 4 after the max-pool, 2 and 1 after the transitions
    if any(n is not None and n < 13 for n in shape[:2]):
        raise ArgumentError(
            f"Height and width must be at least 13. Received: input_shape={input_shape}"
        )
