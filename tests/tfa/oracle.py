"""Runs the real tensorflow-addons: `python oracle.py inputs.npz outputs.npz`.

It runs in the environment of requirements-tfa.txt (TensorFlow 2.15.1, Keras 2) and therefore
imports nothing of this project.
"""

import sys
import warnings

import numpy as np
import tensorflow as tf

warnings.simplefilter("ignore")  # TFA's notice of its own end
import tensorflow_addons as tfa  # noqa: E402

DISTANCES = {"euclidean": "L2", "sqeuclidean": "squared-L2", "cosine": "angular"}


def triplets(inputs):
    """Values and gradients of the triplet losses, by batch, loss, distance and margin."""
    for name in sorted({key.split("/")[0] for key in inputs}):
        pids, x = inputs[f"{name}/pids"], tf.constant(inputs[f"{name}/embeddings"])
        for distance, metric in DISTANCES.items():
            losses = {"soft": tfa.losses.TripletHardLoss(soft=True, distance_metric=metric)}
            for margin in (0.0, 1.0):
                losses[f"hard {margin}"] = tfa.losses.TripletHardLoss(margin, False, metric)
                losses[f"semi_hard {margin}"] = tfa.losses.TripletSemiHardLoss(margin, metric)
            for loss_name, loss in losses.items():
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    value = loss(pids, x)
                key = f"{name}/{distance}/{loss_name}"
                yield f"{key}/value", value.numpy()
                yield f"{key}/gradient", tape.gradient(value, x).numpy()


def cutout(inputs):
    """Where pixels change, for given centers and for ones that TFA draws."""
    images = np.zeros(inputs["shape"], np.uint8)
    mask_size = tuple(int(n) for n in inputs["mask_size"])
    given = tfa.image.cutout(images, mask_size, inputs["centers"], constant_values=1)
    yield "given", given.numpy()[..., 0].astype(bool)
    tf.random.set_seed(1)
    drawn = tfa.image.random_cutout(images, mask_size, constant_values=1, seed=1)
    yield "drawn", drawn.numpy()[..., 0].astype(bool)


def instance_norm(inputs):
    layer = tfa.layers.InstanceNormalization(epsilon=float(inputs["epsilon"]))
    x = tf.constant(inputs["x"])
    layer.build(x.shape)
    layer.gamma.assign(inputs["gamma"])
    layer.beta.assign(inputs["beta"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        total = tf.reduce_sum(y * inputs["cotangent"])
    yield "y", y.numpy()
    gradients = tape.gradient(total, [x, layer.gamma, layer.beta])
    for name, gradient in zip(("dx", "dgamma", "dbeta"), gradients, strict=True):
        yield name, gradient.numpy()


def adamw(inputs):
    """Weights after each step: constant rates, AMSGrad, a falling rate, both rates falling."""
    rate, decay = float(inputs["learning_rate"]), float(inputs["weight_decay"])
    falling = [tf.keras.optimizers.schedules.ExponentialDecay(v, 1, 0.9) for v in (rate, decay)]
    for name, arguments in {
        "constant": {"learning_rate": rate, "weight_decay": decay},
        "amsgrad": {"learning_rate": rate, "weight_decay": decay, "amsgrad": True},
        "rate_falls": {"learning_rate": falling[0], "weight_decay": decay},
        "both_fall": {"learning_rate": falling[0], "weight_decay": falling[1]},
    }.items():
        optimizer = tfa.optimizers.AdamW(epsilon=1e-7, **arguments)
        variable = tf.Variable(inputs["start"])
        steps = []
        for gradient in inputs["gradients"]:
            optimizer.apply_gradients([(tf.constant(gradient), variable)])
            steps.append(variable.numpy())
        yield name, np.stack(steps)


def moving_average(inputs):
    """Weights and averages after each step of SGD; then the weights once swapped."""
    for name, arguments in {
        "plain": {},
        "dynamic": {"dynamic_decay": True},
        "later": {"start_step": 3},
        "dynamic_later": {"dynamic_decay": True, "start_step": 3},
    }.items():
        strategy = tf.distribute.OneDeviceStrategy("CPU:0")
        with strategy.scope():
            optimizer = tfa.optimizers.MovingAverage(
                tf.keras.optimizers.legacy.SGD(float(inputs["learning_rate"])),
                average_decay=float(inputs["decay"]),
                **arguments,
            )
            variable = tf.Variable(inputs["start"])
            weights, averages = [], []
            for gradient in inputs["gradients"]:
                pairs = [(tf.constant(gradient), variable)]
                strategy.run(optimizer.apply_gradients, args=(pairs,))
                weights.append(variable.numpy())
                averages.append(optimizer.get_slot(variable, "average").numpy())
            yield f"{name}/weights", np.stack(weights)
            yield f"{name}/averages", np.stack(averages)
            optimizer.swap_weights()
            yield f"{name}/swapped", variable.numpy()


PARTS = (triplets, cutout, instance_norm, adamw, moving_average)


def main(inputs_path, outputs_path):
    outputs = {}
    with np.load(inputs_path) as inputs:
        for part in PARTS:
            prefix = f"{part.__name__}/"
            own = {key[len(prefix) :]: inputs[key] for key in inputs if key.startswith(prefix)}
            outputs.update((prefix + key, value) for key, value in part(own))
    np.savez_compressed(outputs_path, **outputs)


if __name__ == "__main__":
    main(*sys.argv[1:])
