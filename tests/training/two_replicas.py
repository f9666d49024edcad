"""Trains on one replica and on two; prints how far they are apart. A process of its own, because
logical devices can only be made before TensorFlow starts.

Two references for the two replicas. With synchronised batch norm a plain single replica must give
the same. Without, each replica normalises by its own half of the batch: the honest single-replica
reference runs the halves one after the other from the same statistics, sums the gradients of
loss / 2, averages the statistics and applies once (the "ghost" step).
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.training import FusedAdam, TrainingStep
from tests.training import tiny

L2 = 5e-4
EPOCHS = 2
MEASURED = ("loss", "gradient_norm", "update_norm")


def steps():
    for epoch in range(EPOCHS):
        yield from tiny.batches(epoch)


def by_strategy(strategy, synchronized, scaled=False, **arguments):
    """Losses with norms, and weights, of the project's own step."""
    with strategy.scope():
        model = tiny.make_model(synchronized=synchronized)
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(model.trainable_variables)
    step = TrainingStep(model, tiny.make_losses(), optimizer, strategy, l2=L2, **arguments)
    losses = []
    for images, targets in steps():
        batch = tf.data.Dataset.from_tensors((images, targets))
        for part in strategy.experimental_distribute_dataset(batch):
            results = step(*part)
            losses.append([float(results[name]) for name in MEASURED])
    return losses, [np.asarray(v.numpy()) for v in model.variables]


def by_ghost_steps():
    model = tiny.make_model()
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    trainable, moving = model.trainable_variables, model.non_trainable_variables
    losses_fn, losses = tiny.make_losses(), []
    for images, targets in steps():
        before = [v.numpy() for v in moving]
        gradients, after, total = None, [], 0.0
        for half in (slice(0, tiny.BATCH // 2), slice(tiny.BATCH // 2, None)):
            for variable, value in zip(moving, before, strict=True):
                variable.assign(value)
            with tf.GradientTape() as tape:
                loss, _ = losses_fn(
                    {"kind": targets["kind"][half]}, model(images[half], training=True)
                )
                scaled = loss / 2
            part = tape.gradient(scaled, [v.value for v in trainable])
            gradients = part if gradients is None else [
                a + b for a, b in zip(gradients, part, strict=True)
            ]  # fmt: skip
            after.append([v.numpy() for v in moving])
            total += float(scaled)
        for variable, a, b in zip(moving, *after, strict=True):
            variable.assign((a + b) / 2)
        weights = [v.numpy() for v in trainable]
        optimizer.apply(
            [g + L2 * v.value for g, v in zip(gradients, trainable, strict=True)], trainable
        )
        moved = [v.numpy() - w for v, w in zip(trainable, weights, strict=True)]
        losses.append([total, norm(gradients), norm(moved)])
    return losses, [np.asarray(v.numpy()) for v in model.variables]


def copies_apart(strategy):
    """Largest difference between the replicas' copies of a weight or statistic."""
    with strategy.scope():
        model = tiny.make_model()
        optimizer = FusedAdam(0.01, amsgrad=True)
        optimizer.build(model.trainable_variables)
    step = TrainingStep(model, tiny.make_losses(), optimizer, strategy, l2=L2)
    for images, targets in steps():
        batch = tf.data.Dataset.from_tensors((images, targets))
        for part in strategy.experimental_distribute_dataset(batch):
            step(*part)
    apart = 0.0
    for variable in model.variables:
        first, second = strategy.experimental_local_results(variable.value)
        apart = max(apart, float(np.abs(first.numpy() - second.numpy()).max()))
    return apart


def norm(tensors):
    return float(np.sqrt(sum((np.asarray(t, "float64") ** 2).sum() for t in tensors)))


def difference(a, b):
    losses = float(np.abs(np.subtract(a[0], b[0])).max())
    weights = max(np.abs(x - y).max() for x, y in zip(a[1], b[1], strict=True))
    return {"losses": losses, "weights": float(weights)}


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    one = tf.distribute.get_strategy()
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    plain = by_strategy(one, synchronized=False)
    unsynchronized = by_strategy(two, synchronized=False)
    report = {
        "replicas": two.num_replicas_in_sync,
        "synchronized": difference(by_strategy(one, True), by_strategy(two, True)),
        "ghost": difference(by_ghost_steps(), unsynchronized),
        "clipped_and_scaled": difference(
            by_strategy(one, True, clip_norm=0.05), by_strategy(two, True, True, clip_norm=0.05)
        ),
        "clipped": difference(by_strategy(one, True), by_strategy(one, True, clip_norm=0.05)),
        "plain": difference(plain, unsynchronized),
        "copies_apart": copies_apart(two),
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
