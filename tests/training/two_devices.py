"""`fit` on two logical CPUs, which can only be made before TensorFlow starts; prints both mAPs:
as training judged its model on both, and as the saved file is judged on one."""

import json
import sys
from pathlib import Path

import keras
import tensorflow as tf

from osnet_tf.evaluation import evaluate
from osnet_tf.runs import RunDir
from osnet_tf.training import fit
from tests.training.small_runs import config, make_people

#: What changes the model, the data, the rates and the weights that are saved, all at once.
ALL = {
    "epochs": 2, "progressive_epochs": (1,), "average_epochs": 1, "layer_rate_decay": 0.8,
    "trivial": 0.5, "instances": 2, "multi_similarity_weight": 0.5, "neck": "after",
    "pooling": "generalized_mean",
}  # fmt: skip


def main(folder):
    [cpu] = tf.config.list_physical_devices("CPU")
    both = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, both)
    people, run = make_people(Path(folder, "data")), RunDir(Path(folder, "run"))
    settings = config(devices="CPU:0,CPU:1", precision="mixed_bfloat16", **ALL)
    result = fit(settings, run.path, dataset=people)
    saved = evaluate(keras.models.load_model(run.embedder), people).scores["euclidean"].mAP
    replicas = json.loads((run.path / "run.json").read_text())["replicas"]
    print(json.dumps({"replicas": replicas, "fit": result.score, "saved": saved}))


if __name__ == "__main__":
    main(sys.argv[1])
