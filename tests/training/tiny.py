"""A model and data small enough to train in a test."""

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.layers import ConvNorm
from osnet_tf.losses import LabelSmoothedCrossEntropy, LossTerm, WeightedLosses
from osnet_tf.models import add_classifier
from osnet_tf.training import (
    FusedAdam,
    MomentumSGD,
    MovingAverage,
    Trainer,
    TrainingStep,
    step_names,
)

CLASSES = 4
STEPS = 3
BATCH = 8


def make_model(seed=0, synchronized=False):
    """A one-convolution embedder with a classifier."""
    keras.utils.set_random_seed(seed)
    images = keras.Input((8, 8, 3), name="images")
    x = keras.layers.Rescaling(1 / 255)(images)
    x = ConvNorm(6, 3, strides=2, synchronized=synchronized, name="conv1")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    embedder = keras.Model(images, keras.layers.Dense(5, name="fc")(x), name="tiny")
    return add_classifier(embedder, CLASSES)


def make_losses():
    return WeightedLosses([LossTerm("logits", "kind", LabelSmoothedCrossEntropy(0.1))])


def accuracy(targets, outputs):
    right = keras.ops.argmax(outputs["logits"], axis=-1) == keras.ops.cast(targets["kind"], "int32")
    return keras.ops.mean(keras.ops.cast(right, "float32"))


METRICS = {"accuracy": accuracy}


def make_batches(epoch, seed=0):
    """uint8 images `(STEPS, BATCH, 8, 8, 3)` and targets `(STEPS, BATCH)`, pure in (seed, epoch).

    The kind shows in the colour, so that training has something to learn.
    """
    rng = np.random.default_rng([seed, epoch])
    kinds = rng.integers(0, CLASSES, (STEPS, BATCH)).astype("int32")
    images = rng.integers(0, 100, (STEPS, BATCH, 8, 8, 3))
    images[..., 0] += 50 * kinds[..., None, None] - 25
    return np.clip(images, 0, 255).astype("uint8"), kinds


def batches(epoch, seed=0):
    """The same batch by batch, as `TrainingStep` takes them."""
    for images, kinds in zip(*make_batches(epoch, seed), strict=True):
        yield images, {"kind": kinds}


def data_for(epoch, start_step, part=(0, 1)):
    images, kinds = make_batches(epoch)
    index, count = part
    mine = slice(index * BATCH // count, (index + 1) * BATCH // count)
    images, kinds = images[start_step:, mine], kinds[start_step:, mine]
    return tf.data.Dataset.from_tensor_slices((images, {"kind": kinds}))


def make_trainer(
    folder, learning_rate=0.01, strategy=None, keep_checkpoints=2, sgd=False, **arguments
):
    """A `Trainer` and its `TrainingStep` on the tiny model, with averaged weights."""
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope():
        model = make_model()
        if sgd:
            optimizer = MomentumSGD(learning_rate, momentum=0.9)
        else:
            optimizer = FusedAdam(learning_rate, amsgrad=True)
    losses = make_losses()
    average = MovingAverage(model.variables, 0.9)
    trainer = Trainer(
        model,
        optimizer,
        strategy,
        checkpoint_dir=folder,
        keep_checkpoints=keep_checkpoints,
        names=step_names(losses, METRICS),
        state={"average": average.state},
        **arguments,
    )
    trainer.average = average
    step = TrainingStep(
        model, losses, optimizer, strategy, metrics=METRICS, l2=5e-4, average=average
    )
    return trainer, step


def state(trainer):
    """Every number that a checkpoint must bring back."""
    variables = [
        *trainer.model.variables,
        *trainer.optimizer.variables,
        *trainer.average.averages,
    ]
    return [np.asarray(v.numpy() if hasattr(v, "numpy") else v) for v in variables]
