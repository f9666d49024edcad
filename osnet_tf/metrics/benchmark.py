"""Seconds and memory of ranking and re-ranking, beside the public PyTorch code, in one run.

Each contender runs in a process of its own, on the same features, so that its peak of memory is its
own; what the process holds before it starts (Python, packages, features) is not counted.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from osnet_tf.errors import NotFoundError
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
_REPEATS = {"ranking": 3, "reranking": 1}


class Row(NamedTuple):
    """What one contender took.

    Attributes:
        name: Who it is.
        seconds: Wall time from features to mAP: the median of three for ranking, in turns.
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
        features += centers[pids]
        sets[name] = np.maximum(features, 0, out=features)
    return sets


def read_features(query, gallery):
    """Real features: the `.npz` files that `train/embed.py` wrote of a query and a gallery folder.

    Junk (pid -1) is dropped from the gallery, as the evaluation drops it.

    Returns, as `make_features`, a dict.
    """
    sets = {}
    for name, letter, path in (("query", "q", query), ("gallery", "g", gallery)):
        with np.load(path) as file:
            kept = file["pid"] >= 0
            sets[name] = file["embedding"][kept]
            sets[f"{letter}_pids"] = file["pid"][kept]
            sets[f"{letter}_camids"] = file["camid"][kept]
    return sets


def compare(task, sets, *, public_code=None, progress=None):
    """Runs this project's code and, from a checkout, the public PyTorch code.

    Args:
        task: "ranking" (features to CMC and mAP, Euclidean) or "reranking" (k-reciprocal first).
        sets: What `make_features` returns, or the same of a real model.
        public_code: Folder of a checkout of KaiyangZhou/deep-person-reid, whose
            `torchreid/metrics/rank_cylib` has been compiled (`make` there); None leaves it out.
        progress: Called with 1 after each run of a contender; may be None.

    Returns:
        List of `Row`, this project's first.

    Raises:
        FileNotFoundError: the checkout lacks a file, such as the compiled evaluator.
        RuntimeError: a contender failed; the message holds what it said.
    """
    contenders = [f"osnet_{task}"]
    if public_code is not None:
        _compiled_evaluator(public_code)
        contenders.append(f"public_{task}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "sets.npz", **sets)
        for _ in range(_REPEATS[task]):
            for contender in contenders:
                rows.append(_in_own_process(contender, folder, public_code))
                if progress is not None:
                    progress(1)
    return [_median(rows[i :: len(contenders)]) for i in range(len(contenders))]


def _median(rows):
    return sorted(rows, key=lambda row: row.seconds)[len(rows) // 2]


def _in_own_process(contender, folder, public_code):
    arguments = [contender, str(Path(folder) / "sets.npz"), str(public_code or "")]
    done = subprocess.run(
        [sys.executable, "-m", "osnet_tf.metrics.benchmark", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{contender} failed: {done.stderr.strip()[-2000:]}")
    return Row(**json.loads(done.stdout.splitlines()[-1]))


def _main(contender, path, public_code):
    import resource  # not on Windows, where only this benchmark is missing

    run = {
        "osnet_ranking": _osnet_ranking,
        "osnet_reranking": _osnet_reranking,
        "public_ranking": _public_ranking,
        "public_reranking": _public_reranking,
    }[contender]
    with np.load(path) as file:
        sets = dict(file)
    run = run(public_code)  # imports what it needs
    before = _peak(resource)
    start = time.perf_counter()
    name, mean = run(sets)
    seconds = time.perf_counter() - start
    row = Row(name, seconds, _peak(resource) - before, float(mean))
    sys.stdout.write(json.dumps(row._asdict()) + "\n")


def _peak(resource):
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux


def _labels(sets):
    return [sets[name] for name in ("q_pids", "g_pids", "q_camids", "g_camids")]


def _osnet_ranking(_):
    return lambda sets: ("osnet_tf", rank(sets["query"], sets["gallery"], *_labels(sets)).mAP)


def _osnet_reranking(_):
    import scipy.sparse  # noqa: F401 - loaded before the clock starts

    def run(sets):
        reranker = Reranker(sets["query"], sets["gallery"])
        return "osnet_tf", rank_distances(reranker.blocks(), *_labels(sets)).mAP

    return run


def _public_ranking(public_code):
    evaluate_cy = _compiled_evaluator(public_code).evaluate_cy
    distance = _public_distance(public_code)

    def run(sets):
        _, mean = evaluate_cy(distance(sets["query"], sets["gallery"]), *_labels(sets), 50)
        return "public, compiled", mean

    return run


def _public_reranking(public_code):
    evaluate_cy = _compiled_evaluator(public_code).evaluate_cy
    distance = _public_distance(public_code)
    re_ranking = _load(Path(public_code) / "torchreid/utils/rerank.py").re_ranking

    def run(sets):
        # It squares what it is given, so the paper's squared distances need plain ones here
        pairs = (("query", "gallery"), ("query", "query"), ("gallery", "gallery"))
        distances = [np.sqrt(np.maximum(distance(sets[a], sets[b]), 0)) for a, b in pairs]
        _, mean = evaluate_cy(re_ranking(*distances), *_labels(sets), 50)
        return "public, dense", mean

    return run


def _public_distance(public_code):
    import torch

    module = _load(Path(public_code) / "torchreid/metrics/distance.py")

    def distance(a, b):
        a, b = torch.from_numpy(a), torch.from_numpy(b)
        return module.compute_distance_matrix(a, b, "euclidean").numpy()

    return distance


def _compiled_evaluator(public_code):
    folder = Path(public_code) / "torchreid/metrics/rank_cylib"
    found = sorted(folder.glob("rank_cy*.so"))
    if not found:
        raise NotFoundError(f"{folder} has no compiled evaluator: run make there (it needs Cython)")
    return _load(found[0], "rank_cy")


def _load(path, name=None):
    """A module from its file alone: the package around it would import much more."""
    if not path.exists():
        raise NotFoundError(f"The public code has no file {path}")
    spec = importlib.util.spec_from_file_location(name or path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    _main(*sys.argv[1:])
