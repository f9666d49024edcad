"""Ranking and re-ranking beside the public PyTorch code, on the same features, in one run.

    python -m tests.metrics.public_code CHECKOUT --task=ranking --size=market1501

CHECKOUT is a checkout of KaiyangZhou/deep-person-reid whose evaluator has been compiled (`make` in
`torchreid/metrics/rank_cylib`; needs Cython and PyTorch). With `--features=QUERY.npz,GALLERY.npz`,
which `train/embed.py` writes, on real features. Each contender runs in a process of its own.
"""

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np

from osnet_tf.metrics.ranking_cost import (
    SIZES,
    TASKS,
    in_own_process,
    labels_of,
    make_features,
    measure_cost,
    print_cost,
    read_features,
)
from osnet_tf.report import evaluator_table


def compare(checkout, task, sets):
    """The two `Cost`s, this project's first."""
    compiled_evaluator(checkout)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sets.npz"
        np.savez(path, **sets)
        public = in_own_process(__spec__.name, checkout, f"--task={task}", f"--run={path}")
    return [measure_cost(task, sets, repeats=1), public]


def public_evaluator(checkout, task):
    """A function from features to the public code's mAP; what it imports is imported."""
    import torch

    evaluate_cy = compiled_evaluator(checkout).evaluate_cy
    distances = _load(Path(checkout) / "torchreid/metrics/distance.py")
    re_ranking = _load(Path(checkout) / "torchreid/utils/rerank.py").re_ranking

    def distance(a, b):
        a, b = torch.from_numpy(a), torch.from_numpy(b)
        return distances.compute_distance_matrix(a, b, "euclidean").numpy()

    def run(sets):
        if task == "ranking":
            found = distance(sets["query"], sets["gallery"])
        else:
            # It squares what it is given, so the paper's squared distances need plain ones here
            pairs = (("query", "gallery"), ("query", "query"), ("gallery", "gallery"))
            plain = [np.sqrt(np.maximum(distance(sets[a], sets[b]), 0)) for a, b in pairs]
            found = re_ranking(*plain)
        return evaluate_cy(found, *labels_of(sets), 50)[1]

    return run


def compiled_evaluator(checkout):
    folder = Path(checkout) / "torchreid/metrics/rank_cylib"
    found = sorted(folder.glob("rank_cy*.so"))
    if not found:
        sys.exit(f"{folder} has no compiled evaluator: run make there (it needs Cython)")
    return _load(found[0], "rank_cy")


def _load(path, name=None):
    """A module from its file alone: the package around it would import much more."""
    spec = importlib.util.spec_from_file_location(name or path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.metrics.public_code")
    parser.add_argument("checkout")
    parser.add_argument("--task", choices=TASKS, default="ranking")
    parser.add_argument("--size", choices=SIZES, default="market1501")
    parser.add_argument("--features", default="", help="QUERY.npz,GALLERY.npz")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        run = public_evaluator(given.checkout, given.task)
        print_cost("public code", run, given.run)
    else:
        sets = given.features and read_features(*given.features.split(","))
        sets = sets or make_features(SIZES[given.size])
        print(evaluator_table(compare(given.checkout, given.task, sets)))


if __name__ == "__main__":
    main()
