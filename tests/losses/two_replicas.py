"""Losses on one replica and on two; prints how far they are apart. A process of its own, because
logical devices can only be made before TensorFlow starts.

With global mining, two replicas must compute what one does on the whole batch. With mining per
replica they must compute the mean over the halves. The gradient is taken twice: on the weights, as
training does, and on the embeddings themselves, where a wrong factor cannot hide.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.losses import (
    BatchHardTripletLoss,
    CenterLoss,
    CircleLoss,
    LabelSmoothedCrossEntropy,
    LossTerm,
    MarginSoftmaxLoss,
    MultiSimilarityLoss,
    SemiHardTripletLoss,
    WeightedLosses,
)
from osnet_tf.models import add_classifier
from osnet_tf.training import TrainingStep

# Pairs within the first half only, across the halves, and an identity of its own
PIDS = np.array([0, 0, 1, 2, 1, 3, 2, 1], "int32")
HALF = len(PIDS) // 2
ON_PAIRS = {
    "batch hard": lambda mining: BatchHardTripletLoss(1.0, mining=mining),
    "semi-hard": lambda mining: SemiHardTripletLoss(1.0, mining=mining),
    "circle": lambda mining: CircleLoss(scale=8.0, mining=mining),
    "multi-similarity": lambda mining: MultiSimilarityLoss(beta=5.0, epsilon=0.5, mining=mining),
}


def features():
    return np.random.default_rng(0).standard_normal((len(PIDS), 6)).astype("float32")


def distributed(strategy, *arrays):
    data = tf.data.Dataset.from_tensors(arrays)
    return next(iter(strategy.experimental_distribute_dataset(data)))


def on_embeddings(strategy, loss):
    """The loss of the global batch, and its gradient on all embeddings."""
    x, pids = distributed(strategy, features(), PIDS)

    def in_replica(x, pids):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(pids, x)
        return value, tape.gradient(value, x)

    @tf.function(autograph=False)
    def run(x, pids):
        return strategy.run(in_replica, args=(x, pids))

    values, gradients = run(x, pids)
    # Keras's losses are shares: 1 / replicas of the mean
    total = strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)
    parts = strategy.experimental_local_results(gradients)
    return [float(total), np.concatenate([part.numpy() for part in parts])]


def mean_over_halves(loss):
    value, gradients = 0.0, []
    for half in (slice(0, HALF), slice(HALF, None)):
        x = tf.constant(features()[half])
        with tf.GradientTape() as tape:
            tape.watch(x)
            share = loss(PIDS[half], x) / 2
        value += float(share)
        gradients.append(tape.gradient(share, x).numpy())
    return [value, np.concatenate(gradients)]


def make_model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(8, activation="tanh", name="hidden")(inputs)
    embedder = keras.Model(inputs, keras.layers.Dense(5, name="fc")(hidden), name="tiny")
    return add_classifier(embedder, 4, head="cosine", centers=True)


def after_training(strategy):
    """Losses and weights of three steps of the project's own step, with every loss at once."""
    losses = WeightedLosses(
        [
            LossTerm("logits", "identity", MarginSoftmaxLoss("arcface", scale=8.0)),
            *(
                LossTerm("embedding", "identity", make("global"), weight)
                for make, weight in zip(ON_PAIRS.values(), (1.0, 0.5, 2.0, 1.5), strict=True)
            ),
            LossTerm("center_distances", "identity", CenterLoss(), 0.1),
        ]
    )
    with strategy.scope():
        model = make_model()
        optimizer = keras.optimizers.SGD(0.1)
        optimizer.build(model.trainable_variables)
    step = TrainingStep(model, losses, optimizer, strategy)
    values = [
        float(step(*distributed(strategy, features(), {"identity": PIDS}))["loss"])
        for _ in range(3)
    ]
    return [values, *(v.numpy() for v in model.trainable_variables)]


def after_fit(strategy):
    """The same through Keras's `compile` and `fit`."""
    with strategy.scope():
        model = make_model()
        model.compile(
            keras.optimizers.SGD(0.1),
            loss={
                "logits": LabelSmoothedCrossEntropy(),
                "embedding": SemiHardTripletLoss(1.0, mining="global"),
                "center_distances": CenterLoss(),
            },
            jit_compile=False,
        )
    labels = dict.fromkeys(("logits", "embedding", "center_distances"), PIDS)
    history = model.fit(
        features(), labels, batch_size=len(PIDS), epochs=3, shuffle=False, verbose=0
    )
    return [history.history["loss"], *(v.numpy() for v in model.trainable_variables)]


def apart(a, b):
    return max(float(np.abs(np.subtract(x, y)).max()) for x, y in zip(a, b, strict=True))


def unequal_parts(strategy):
    """The message where one replica has more images than another."""
    x, pids = distributed(strategy, features()[:5], PIDS[:5])
    loss = BatchHardTripletLoss(mining="global")

    @tf.function(autograph=False)
    def run(x, pids):
        return strategy.run(lambda x, pids: loss(pids, x), args=(x, pids))

    try:
        run(x, pids)
    except tf.errors.InvalidArgumentError as error:
        return str(error)
    return "no error"


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    one = tf.distribute.get_strategy()
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    report = {"replicas": two.num_replicas_in_sync, "losses": {}}
    for name, make in ON_PAIRS.items():
        whole = on_embeddings(one, make("global"))
        halves = on_embeddings(two, make("replica"))
        report["losses"][name] = {
            "global": apart(on_embeddings(two, make("global")), whole),
            "one replica": apart(on_embeddings(one, make("replica")), whole),
            "replica": apart(halves, mean_over_halves(make("replica"))),
            "between": apart(halves, whole),
            "value": whole[0],
        }
    with two.scope():  # no replica: the batch given here is the whole one
        value = float(ON_PAIRS["batch hard"]("global")(PIDS, features()))
    report["cross_replica"] = value * two.num_replicas_in_sync
    report["training"] = apart(after_training(two), after_training(one))
    report["fit"] = apart(after_fit(two), after_fit(one))
    report["unequal"] = unequal_parts(two)
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
