"""Random damage: whatever the input, a right answer or an error that names it.

A kind of input is one file here, with `SMALL`, the number of trials in every run of the tests, and
`trial(rng, folder)`, which makes one random input in an empty folder and tries it. For long runs:

    python -m tests.fuzz --minutes=10 --kind=weights
"""

import importlib
import pkgutil
import tempfile
from pathlib import Path

import numpy as np


def kinds():
    """Names of the kinds of input, sorted."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in names if not name.startswith(("_", "test_")))


def try_one(kind, seed):
    """One trial of a kind; the same seed makes the same input."""
    module = importlib.import_module(f"tests.fuzz.{kind}")
    with tempfile.TemporaryDirectory() as folder:
        module.trial(np.random.default_rng(seed), Path(folder))
