"""Galleries killed while crops are added: what was told as added is there, and nothing is twice.

The process adds some crops at a time and tells each time which. After each kill the gallery is
opened again: all that was told must be there with its own embedding. Then it goes on from the
beginning; in the end every crop is there once. Both kinds of gallery take turns.
"""

import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
COUNT, SOME, DIM = 2000, 20, 64
HAS_MILVUS = find_spec("pymilvus") is not None and find_spec("milvus_lite") is not None

ADD = f"""
import sys
from osnet_tf.search import Gallery
from tests.kills.search import embeddings, keys

with Gallery.open(sys.argv[1], fingerprint="made up", dim={DIM}) as gallery:
    for start in range(0, {COUNT}, {SOME}):
        part = slice(start, start + {SOME})
        gallery.add(embeddings()[part], keys=keys()[part])
        print(start + {SOME}, flush=True)
"""


def embeddings():
    return np.random.default_rng(0).standard_normal((COUNT, DIM)).astype("float32")


def keys():
    return [f"{number:05d}" for number in range(COUNT)]


def kill(count, rng, folder):
    """Kills processes that add crops `count` times; yields a line about each kill."""
    names = ["gallery.sqlite", *(["gallery.db"] if HAS_MILVUS else [])]
    for number in range(count):
        uri = folder / f"{number // (2 * len(names))}_{names[number % len(names)]}"
        told, ended = add_until_killed(uri, rng)
        held = check(uri, told)
        assert held >= told
        yield f"{uri.name}: told {told}, held {held}" + (", it had ended" if ended else "")
        if number >= count - len(names):  # the last of each kind
            told, _ = add(uri)
            assert (told, check(uri, COUNT)) == (COUNT, COUNT)


def add_until_killed(uri, rng):
    """(how many crops the process told that it had added, whether it came to its end)."""
    process = start(uri)
    told, wanted = 0, SOME * int(rng.integers(1, COUNT // SOME))
    while told < wanted and (line := process.stdout.readline()):
        told = int(line)
    time.sleep(rng.uniform(0, 0.05))
    process.kill()
    rest, _ = process.communicate(timeout=600)
    assert process.returncode in (0, -signal.SIGKILL)
    lines = [line for line in rest.splitlines() if line]
    return int(lines[-1]) if lines else told, process.returncode == 0


def add(uri):
    """The same, to the end."""
    text, _ = (process := start(uri)).communicate(timeout=600)
    assert process.returncode == 0, text
    return int(text.splitlines()[-1]), True


def start(uri):
    command = [sys.executable, "-c", ADD, str(uri)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def check(uri, told):
    """The number of crops there; those that were told must have their own embeddings."""
    from osnet_tf.search import Gallery

    with Gallery.open(uri, fingerprint="made up", dim=DIM) as gallery:
        held = gallery.count()
        vectors = embeddings()
        for number in {*range(0, told, max(told // 20, 1)), *range(max(told - SOME, 0), told)}:
            [match] = gallery.search(vectors[number], k=1)
            assert match.key == keys()[number], (match, number)
            assert match.distance < 1e-6
        missing = set(keys()[:told]) - {m.key for m in gallery.search(vectors[0], k=COUNT)}
        assert not missing, sorted(missing)[:5]
        return held
