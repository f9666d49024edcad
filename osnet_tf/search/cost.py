"""What searching costs: time, memory and recall of each kind of gallery with made-up embeddings.

Each is measured in a process of its own, so that its peak of memory is its own; what the process
holds before it opens the gallery (Python, packages, the embeddings) is not counted.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from osnet_tf.checks import check_int, refuse
from osnet_tf.errors import OSNetError
from osnet_tf.files import read_arrays
from osnet_tf.metrics import nearest
from osnet_tf.metrics.distances import unit_rows
from osnet_tf.metrics.ranking_cost import Size, make_features
from osnet_tf.search.milvus_store import MilvusStore
from osnet_tf.search.records import About, Crop
from osnet_tf.search.sqlite_store import SQLiteStore

#: Name -> how the store is opened.
STORES = {
    "SQLite, exact": lambda folder, about: SQLiteStore(folder / "g.sqlite", about),
    "Milvus Lite, FLAT": lambda folder, about: MilvusStore(folder / "g.db", about),
    "Milvus Lite, HNSW": lambda folder, about: MilvusStore(folder / "g.db", about, index="HNSW"),
    "Milvus Lite, IVF_FLAT": lambda folder, about: MilvusStore(
        folder / "g.db", about, index="IVF_FLAT"
    ),
}
_DIM, _K, _QUERIES, _ROWS, _AT_ONCE = 512, 10, 50, 2000, 100_000


class SearchCost(NamedTuple):
    """What a kind of gallery took.

    Attributes:
        name: One of `STORES`.
        count: Number of crops.
        add_seconds: Of adding them all, and of building the index.
        milliseconds: Of a search for the nearest 10, the median of 50; its first one, in which the
            gallery is read from the disk, is not counted.
        fastest: The quickest of them: what is left on a machine that has other work too.
        mebibytes: Peak of memory of opening and searching, above what the process held before.
        disk_mebibytes: Size of the gallery's files.
        recall: Share of the 10 nearest that were found, of 50 queries.
    """

    name: str
    count: int
    add_seconds: float
    milliseconds: float
    fastest: float
    mebibytes: float
    disk_mebibytes: float
    recall: float


def stores_named(parts):
    """Names of `STORES` that have one of some parts in them, whatever the case; all if none.

    >>> stores_named(["sqlite", "hnsw"])
    ['SQLite, exact', 'Milvus Lite, HNSW']
    >>> stores_named(["faiss"])
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: `galleries` must be parts of SQLite, exact; Milvus Lite, FLAT; \
Milvus Lite, HNSW; Milvus Lite, IVF_FLAT. Received: galleries='faiss'
    """
    for part in parts:
        if not any(part.lower() in name.lower() for name in STORES):
            refuse("galleries", f"must be parts of {'; '.join(STORES)}", part)
    return [n for n in STORES if not parts or any(part.lower() in n.lower() for part in parts)]


def measure_search(name, count):
    """Measures one kind of gallery.

    Args:
        name: One of `STORES`.
        count: Number of crops, >= 10.

    Returns:
        A `SearchCost`. Raises OSNetError if the process fails, with its last line.
    """
    check_int(minimum=_K, count=count)
    with tempfile.TemporaryDirectory() as folder:
        figures = {}
        for part in ("add", "search"):
            command = [sys.executable, "-m", "osnet_tf.search.cost", part, name, str(count), folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["it was killed"])[-1]
                raise OSNetError(f"{name} with {count} crops has failed: {last}")
            figures |= json.loads(done.stdout.splitlines()[-1])
    return SearchCost(name, count, **figures)


def _embeddings(count):
    """(gallery, queries) at length 1, of some eight crops a person."""
    made = make_features(Size(_QUERIES, count, max(count // 8, 1), 6), dim=_DIM)
    for name in ("gallery", "query"):
        for start in range(0, len(made[name]), _ROWS):  # in place: a million are 2 GiB
            some = made[name][start : start + _ROWS]
            some[:] = unit_rows(some)
    return made["gallery"], made["query"]


def _add(name, count, folder):
    vectors, queries = _embeddings(count)
    begun = time.perf_counter()
    store = STORES[name](folder, About("made up", _DIM))
    for start in range(0, count, _ROWS):
        some = vectors[start : start + _ROWS]
        crops = [Crop(f"{n:09d}", camid=n % 6) for n in range(start, start + len(some))]
        store.write(crops, some)
    store.settle()
    seconds = time.perf_counter() - begun
    store.close()
    files = [path for path in folder.rglob("*") if path.is_file()]
    # Here, so that the process that searches has not held the embeddings before
    np.savez(folder / "queries.npz", queries=queries, expected=_nearest(queries, vectors))
    return {
        "add_seconds": seconds,
        "disk_mebibytes": sum(path.stat().st_size for path in files) / 2**20,
    }


def _nearest(queries, vectors):
    """int64 (queries, k): `nearest`, of some rows at a time, which it takes as float64."""
    indices, distances = [], []
    for start in range(0, len(vectors), _AT_ONCE):
        some = vectors[start : start + _AT_ONCE]
        found, near = nearest(queries, some, min(_K, len(some)), metric="cosine")
        indices.append(start + found)
        distances.append(near)
    indices, distances = np.hstack(indices), np.hstack(distances)
    order = np.argsort(distances, axis=1, kind="stable")[:, :_K]
    return np.take_along_axis(indices, order, axis=1)


def _search(name, _, folder):
    queries, expected = read_arrays(folder / "queries.npz", ["queries", "expected"]).values()
    before = _status("VmRSS")
    store = STORES[name](folder, None)
    found, seconds = [], []
    for query in (queries[0], *queries):
        begun = time.perf_counter()
        crops, near = store.candidates(query, _K)
        order = np.argsort(1 - near @ query, kind="stable")[:_K]
        seconds.append(time.perf_counter() - begun)
        found.append({int(crops[at].key) for at in order})
    store.close()
    right = [len(a & set(b.tolist())) for a, b in zip(found[1:], expected, strict=True)]
    return {
        "milliseconds": 1000 * float(np.median(seconds[1:])),
        "fastest": 1000 * min(seconds[1:]),
        "mebibytes": max(_status("VmHWM") - before, 0) / 1024,
        "recall": sum(right) / (_K * len(queries)),
    }


def _status(name):
    """KiB of a line of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise OSNetError(f"/proc/self/status has no {name}: memory is measured on Linux only")


if __name__ == "__main__":
    what, of, number, where = sys.argv[1:]
    figures = {"add": _add, "search": _search}[what](of, int(number), Path(where))
    sys.stdout.write(json.dumps(figures) + "\n")
