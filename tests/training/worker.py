"""One host of a run on this machine: `python -m tests.training.worker RANK PORTS RUN_DIR EPOCHS`.

Trains the tiny model and prints a JSON line for each step; the last one holds the state that it
ended in. With "mirrored" in place of the ports it is one host with two replicas.
"""

import json
import os
import sys

import keras
import numpy as np


def strategy_for(rank, ports):
    import tensorflow as tf

    if ports == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, two)
        return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    hosts = [f"127.0.0.1:{port}" for port in ports.split(",")]
    cluster = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": rank}}
    os.environ["TF_CONFIG"] = json.dumps(cluster)
    from osnet_tf.training import default_strategy

    return default_strategy()


class Say(keras.callbacks.Callback):
    """Tells the test where the run is."""

    def on_train_batch_end(self, batch, logs=None):
        print(json.dumps({"step": batch, "loss": logs["loss"]}), flush=True)

    def on_epoch_end(self, epoch, logs=None):
        print(json.dumps({"epoch": epoch, "logs": {"loss": logs["loss"]}}), flush=True)


def main(rank, ports, run_dir, epochs):
    strategy = strategy_for(int(rank), ports)
    from osnet_tf.training import Interrupted, WorkerLostError
    from tests.training import tiny

    trainer, step = tiny.make_trainer(run_dir, 0.1, strategy, sgd=True)
    trainer.restore()
    try:
        trainer.fit(int(epochs), lambda epoch: step, tiny.data_for, callbacks=[Say()])
    except Interrupted as interrupted:
        print(json.dumps({"interrupted": interrupted.signal_name}), flush=True)
        return
    except WorkerLostError as error:
        print(json.dumps({"lost": str(error)}), flush=True)
        sys.exit(75)
    state = [np.asarray(value, "float64").tolist() for value in tiny.state(trainer)]
    print(json.dumps({"wrote": trainer.workers.is_chief, "state": state}), flush=True)
    trainer.workers.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
