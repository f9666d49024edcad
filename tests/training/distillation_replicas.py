"""Three steps from a teacher's file and from the average of one's own weights, on one replica and
on two; prints how far they are apart. A process of its own, because logical devices can only be
made before TensorFlow starts.

With synchronised batch norm both must be the same: these losses are means over images.
"""

import json
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from osnet_tf.training import MovingAverage, TrainingStep
from osnet_tf.training.config import DistillationConfig
from osnet_tf.training.distillation import Distillation
from tests.training import tiny


def train(strategy, teacher):
    config = DistillationConfig(teacher=teacher, teacher_logits_weight=0.5)
    with strategy.scope():
        distillation = Distillation(config, (8, 8))
        task_model = tiny.make_model(synchronized=True)
        embedder = keras.Model(task_model.input, task_model.get_layer("fc").output)
        model = distillation.build(task_model, embedder)
        optimizer = keras.optimizers.SGD(0.5)
        optimizer.build(model.trainable_variables)
        average = MovingAverage(model.variables, 0.5)
        distillation.learn_from(model, average)
    losses = distillation.losses(tiny.make_losses(), model)
    step = TrainingStep(model, losses, optimizer, strategy, average=average, teachers=distillation)
    results = []
    for images, targets in tiny.batches(0):
        batch = tf.data.Dataset.from_tensors((images, targets))
        for part in strategy.experimental_distribute_dataset(batch):
            found = step(*part)
            results.append([float(found[name]) for name in losses.names])
    return losses.names, np.array(results), [v.numpy() for v in model.variables]


def main():
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    one = tf.distribute.get_strategy()
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "teacher.keras"))
        tiny.make_model(seed=1).save(path)
        names, single, weights = train(one, f"average,{path}")
        _, double, others = train(two, f"average,{path}")
    apart = [float(np.abs(a - b).max()) for a, b in zip(weights, others, strict=True)]
    report = {
        "losses": dict(zip(names, single.T.tolist(), strict=True)),
        "apart": max(float(np.abs(single - double).max()), *apart),
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
