"""Seconds and memory of ranking and re-ranking.

They run in a process of their own, so that its peak of memory is theirs; what the process holds
before it starts (Python, packages, features) is not counted.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from osnet_tf.checks import check_choice
from osnet_tf.files import read_arrays
from osnet_tf.metrics.ranking import rank, rank_distances
from osnet_tf.metrics.reranking import Reranker


class Size(NamedTuple):
    """Numbers of a made-up dataset: queries, gallery images, people, cameras."""

    num_query: int
    num_gallery: int
    num_people: int
    num_cameras: int


#: The test sets that the sizes are those of, and a small one to try things out.
SIZES = {
    "market1501": Size(3368, 15913, 750, 6),
    "msmt17": Size(11659, 82161, 3060, 15),
    "small": Size(400, 2000, 100, 6),
}


_SPREAD = 0.8  # of a person's images about their center: mAP is then about 75 at Market-1501's size
_ROWS = 2000  # that are made at once
TASKS = ("ranking", "reranking")


class Cost(NamedTuple):
    """What a task took.

    Attributes:
        name: Whose code it is.
        seconds: Wall time from features to mAP.
        mebibytes: Peak of memory above what the process held before.
        mAP: What it found, a fraction.
    """

    name: str
    seconds: float
    mebibytes: float
    mAP: float


def make_features(size, *, dim=512, seed=0):
    """Clustered features, as of a good model, with labels; a few directions hold most of them.

    Args:
        size: A `Size`.
        dim: Length of the embeddings.
        seed: Of `numpy.random.default_rng`.

    Returns:
        Dict of `query` and `gallery`, float32 `(n, dim)` >= 0, and their `q_pids`, `g_pids`,
        `q_camids`, `g_camids`.

    >>> make_features(Size(2, 5, 2, 3), dim=4)["gallery"].shape
    (5, 4)
    """
    rng = np.random.default_rng(seed)
    spectrum = np.arange(1, dim + 1, dtype=np.float32) ** np.float32(-0.5)
    centers = rng.standard_normal((size.num_people, dim), np.float32) * spectrum
    sets = {}
    for name, letter, count in (
        ("query", "q", size.num_query),
        ("gallery", "g", size.num_gallery),
    ):
        pids = np.arange(count) % size.num_people
        sets[f"{letter}_pids"] = pids
        sets[f"{letter}_camids"] = rng.integers(0, size.num_cameras, count)
        features = rng.standard_normal((count, dim), np.float32)
        features *= np.float32(_SPREAD) * spectrum
        for start in range(0, count, _ROWS):
            features[start : start + _ROWS] += centers[pids[start : start + _ROWS]]
        sets[name] = np.maximum(features, 0, out=features)
    return sets


def read_features(query, gallery):
    """Real features: the `.npz` files that `train/embed.py` wrote of a query and a gallery folder.

    Junk (pid -1) is dropped from the gallery, as the evaluation drops it.

    Returns, as `make_features`, a dict. Raises FileError for a file that holds anything else.
    """
    sets = {}
    for name, letter, path in (("query", "q", query), ("gallery", "g", gallery)):
        columns = read_arrays(path, ("pid", "camid", "embedding"))
        kept = columns["pid"] >= 0
        sets[name] = columns["embedding"][kept]
        sets[f"{letter}_pids"] = columns["pid"][kept]
        sets[f"{letter}_camids"] = columns["camid"][kept]
    return sets


def measure_cost(task, sets, *, repeats=3, progress=None):
    """Measures this project's code in a process of its own.

    Args:
        task: "ranking" (features to CMC and mAP, Euclidean) or "reranking" (k-reciprocal first).
        sets: What `make_features` returns, or the same of a real model.
        repeats: Runs, of which the one with the median of the seconds counts.
        progress: Called with 1 after each run; may be None.

    Returns:
        A `Cost`.

    Raises RuntimeError if a run failed; the message holds what it said.
    """
    check_choice(TASKS, task=task)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sets.npz"
        np.savez(path, **sets)
        costs = []
        for _ in range(repeats):
            costs.append(in_own_process(__name__, task, path))
            if progress is not None:
                progress(1)
    return sorted(costs, key=lambda cost: cost.seconds)[repeats // 2]


def in_own_process(module, *arguments):
    """The `Cost` that `python -m module ARGUMENTS` prints by `print_cost`."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[2:])} failed: {done.stderr.strip()[-2000:]}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def print_cost(name, run, path):
    """Prints what `run(sets)`, which returns the mAP, takes on the features in a file."""
    import resource  # not on Windows, where only this measurement is missing

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux

    with np.load(path) as file:
        sets = dict(file)
    before = peak()
    start = time.perf_counter()
    mean = run(sets)
    cost = Cost(name, time.perf_counter() - start, peak() - before, float(mean))
    sys.stdout.write(json.dumps(cost._asdict()) + "\n")


def labels_of(sets):
    """`(q_pids, g_pids, q_camids, g_camids)` of some features."""
    return [sets[name] for name in ("q_pids", "g_pids", "q_camids", "g_camids")]


def _main(task, path):
    import scipy.sparse  # noqa: F401 - loaded before the clock starts

    def run(sets):
        query, gallery = sets["query"], sets["gallery"]
        if task == "ranking":
            return rank(query, gallery, *labels_of(sets)).mAP
        return rank_distances(Reranker(query, gallery).blocks(), *labels_of(sets)).mAP

    print_cost("osnet_tf", run, path)


if __name__ == "__main__":
    _main(*sys.argv[1:])
