"""How long one batch takes, measured so that a noisy machine disturbs all alike.

All models run in turn, round after round, in one process for each number of threads (TensorFlow
fixes its threads when it starts), and a model's figure is the median of its rounds. Figures of one
run compare with each other; those of different runs do not.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from osnet_tf.embedding import inference_function
from osnet_tf.export.formats import get_format
from osnet_tf.export.frozen import INPUT_NAME, OUTPUT_NAME, SIGNATURE, save_module
from osnet_tf.models import model_size
from osnet_tf.public_code import open_public

#: Rounds before those that count.
WARM_UP = 3
KERAS = "keras"


def latencies(
    models: Any, *, size: tuple[int, int], threads: Sequence[int] = (1, 2), rounds: int = 20
) -> dict[str, dict[int, float]]:
    """Milliseconds of models for one batch.

    Args:
        models: Dict from a name to `(format, path, batch_size)`, the format as `get_format`
            takes it; the batch size is >= 1.
        size: `(height, width)` of the images.
        threads: Numbers of threads, each >= 1.
        rounds: How often each model runs, >= 1, after some rounds to warm up.

    Returns:
        Dict from a name to a dict from a number of threads to the median in milliseconds.

    Raises RuntimeError with the worker's last words if it fails.
    """
    found = latency_quartiles(models, size=size, threads=threads, rounds=rounds)
    return {
        name: {number: quartiles[1] for number, quartiles in by_threads.items()}
        for name, by_threads in found.items()
    }


def latency_quartiles(models, *, size, threads=(1, 2), rounds=20):
    """As `latencies`, with the three quartiles in place of the median.

    Besides the formats there are "pytorch" and "pytorch_compiled": files that
    `osnet_tf.public_code.save_public` wrote.
    """
    found = {name: {} for name in models}
    for number in threads:
        with tempfile.TemporaryDirectory() as folder:
            job, answer = Path(folder) / "job.json", Path(folder) / "answer.json"
            listed = [[name, *map(_jsonable, model)] for name, model in models.items()]
            plan = {"models": listed, "size": list(size), "threads": number, "rounds": rounds}
            job.write_text(json.dumps(plan))
            _in_new_process(job, answer, number)
            for name, milliseconds in json.loads(answer.read_text()).items():
                found[name][number] = tuple(milliseconds)
    return found


def save_keras_graph(embedder, directory):
    """The Keras model's own inference graph, variables and all, where another process finds it.

    It is the graph that `embed` runs, neither frozen nor optimised for serving.
    """
    module = tf.Module()
    module.weights = [variable.value for variable in embedder.variables]
    model = inference_function(embedder)
    module.serve = tf.function(
        lambda images: {OUTPUT_NAME: model(images)},
        input_signature=[tf.TensorSpec((None, *model_size(embedder), 3), tf.uint8, INPUT_NAME)],
        autograph=False,
    )
    save_module(module, directory, {SIGNATURE: module.serve})
    return str(directory)


def work(job, answer):
    """Measures what the file `job` lists and writes quartiles to `answer`: the new process."""
    plan = json.loads(Path(job).read_text())
    tf.config.threading.set_intra_op_parallelism_threads(plan["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(1)
    runs, times = {}, {}
    for name, kind, path, batch_size in plan["models"]:
        shape = (batch_size, *plan["size"], 3)
        images = np.random.default_rng(0).integers(0, 256, shape, "uint8")
        runs[name] = (_open(kind, path, plan["threads"]), images)
        times[name] = []
    for done in range(WARM_UP + plan["rounds"]):
        for name, (run, images) in runs.items():
            start = time.perf_counter()
            run(images)
            if done >= WARM_UP:
                times[name].append(1000 * (time.perf_counter() - start))
    quartiles = {
        name: np.percentile(values, (25, 50, 75)).tolist() for name, values in times.items()
    }
    Path(answer).write_text(json.dumps(quartiles))


def _open(kind, path, threads):
    if kind.startswith("pytorch"):
        return open_public(path, threads, compiled=kind == "pytorch_compiled")
    return get_format(kind).open(path, threads)


def _in_new_process(job, answer, threads):
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",  # the CPU's latency, wherever this runs
        "KERAS_BACKEND": "tensorflow",
    }
    code = "import sys; from osnet_tf.export.latency import work; work(*sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(job), str(answer)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"Measuring latency failed:\n{done.stderr[-2000:]}")


def _jsonable(value):
    return os.fspath(value) if isinstance(value, os.PathLike) else value
