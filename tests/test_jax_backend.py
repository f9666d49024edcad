"""The Keras parts on Keras's JAX backend: the same tests once more, in a process of its own."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

TESTS = ("tests/layers", "tests/losses", "tests/test_models.py")
OPTIONS = ("-m", "not one_backend", "-q", "-p", "no:cacheprovider", "--tb=short")
#: These tests spend their time in compiling: each small operation once for every shape.
FASTER = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
@pytest.mark.skipif(os.environ.get("KERAS_BACKEND") == "jax", reason="these are the JAX tests")
def test_layers_losses_and_models_pass_with_jax():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *TESTS, *OPTIONS],
        cwd=ROOT,
        env={**os.environ, **FASTER, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-3000:]
    assert " passed" in done.stdout
