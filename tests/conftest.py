"""For every test: quiet TensorFlow, fixed seeds, and the dtype policy put back afterwards."""

import functools
import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

ROOT = Path(__file__).parents[1]
#: Data that is lent to the project and never part of it; tests that need it skip where it is not.
SHARED = ROOT.parent / "shared"


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "one_backend: slow with JAX and about nothing that a backend decides"
    )
    # Keras 3.15 hands its variables to NumPy 2 by the old protocol whenever a model is saved
    for backend in ("tensorflow", "jax"):
        config.addinivalue_line(
            "filterwarnings",
            "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
            f":keras.src.backend.{backend}.core",
        )


#: Files that take minutes each: begun first, so that no process is left alone with one at the end
#: (with --no-loadscope-reorder, or else pytest-xdist begins with the files of most tests).
LONGEST = (
    "test_jax_backend.py",
    "test_docs.py",
    "test_page.py",
    "test_nothing_lost.py",
    "test_workers.py",
    "test_fitting.py",
)


def pytest_collection_modifyitems(items):
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(autouse=True)
def _fixed_seeds_and_policy():
    """Keras is only touched where the test's module has imported it: NumPy tests stay quick."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - code under test may use the global state
    keras = sys.modules.get("keras")
    if keras is not None:
        keras.utils.set_random_seed(0)
    yield
    keras = sys.modules.get("keras")
    if keras is not None:
        keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="session")
def preset_model():
    """`preset_model(name)`: an OSNet of the preset's own size, built once for all test modules.

    Its weights are anybody's: a test that needs weights sets all of them.
    """
    from osnet_tf import OSNet

    return functools.cache(OSNet)
