"""Averages on one replica and on two; prints how far they are apart. A process of its own, because
logical devices can only be made before TensorFlow starts.
"""

import json
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.training.moving_average import MovingAverage

GRADIENTS = np.random.default_rng(0).standard_normal((6, 2, 3)).astype("float32")


def train(strategy, where):
    """Weights, averages and weights once swapped, of every replica."""
    with strategy.scope():
        variable = keras.Variable(np.ones(3, "float32"), name="weight")
        statistic = keras.Variable(np.zeros(3, "float32"), name="statistic", aggregation="mean")
        optimizer = keras.optimizers.SGD(0.1)
        optimizer.build([variable])
    # made outside of the scope on purpose: the variables know where they live
    average = MovingAverage([variable, statistic], 0.5, dynamic=True)

    def in_replica(gradients):
        replica = tf.distribute.get_replica_context()
        own = tf.reshape(gradients, (replica.num_replicas_in_sync, -1, 3))
        own = tf.reduce_sum(tf.gather(own, replica.replica_id_in_sync_group), axis=0)
        optimizer.apply([own], [variable])
        statistic.assign(own * replica.num_replicas_in_sync)
        if where == "inside":
            average.update()

    @tf.function(autograph=False)
    def step(gradients):
        strategy.run(in_replica, args=(gradients,))
        if where == "after":
            average.update()

    for gradients in GRADIENTS:
        step(tf.constant(gradients))
        if where == "outside":
            average.update()

    def copies(variables):
        locals_of = strategy.experimental_local_results
        parts = [locals_of(v.value if hasattr(v, "path") else v) for v in variables]
        return [[part.numpy() for part in of_replica] for of_replica in zip(*parts, strict=True)]

    variables = [variable, statistic]
    found = [copies(variables), copies(average.averages)]
    with average.swapped():
        found.append(copies(variables))
    found.append(copies(variables))
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = tf.train.Checkpoint(average=average.state)
        path = checkpoint.save(f"{folder}/checkpoint")
        for variable in average.averages:
            variable.assign(tf.zeros_like(variable))
        checkpoint.restore(path).assert_consumed()
        found.append(copies(average.averages))
    return found


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    one = train(tf.distribute.get_strategy(), "inside")
    report = {}
    for where in ("inside", "after", "outside"):
        found = train(two, where)
        report[where] = max(
            float(np.abs(np.subtract(copy, one_part[0])).max())
            for part, one_part in zip(found, one, strict=True)
            for copy in part
        )
        report[f"{where} copies"] = len(found[1])
        report[f"{where} averages differ from weights"] = float(
            np.abs(np.subtract(found[0], found[1])).max()
        )
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
