"""What the tests of pictures look at."""

import contextlib
import importlib
import pkgutil

import pytest

from osnet_tf import visualize
from osnet_tf.visualize.figure import figure_file


@pytest.fixture
def drawn(monkeypatch):
    """The axes of all pictures, in the order that they were drawn in."""
    kept = []

    @contextlib.contextmanager
    def keeping(*arguments, **options):
        with figure_file(*arguments, **options) as axes:
            kept.extend(axes)
            yield axes

    for found in pkgutil.iter_modules(visualize.__path__, "osnet_tf.visualize."):
        module = importlib.import_module(found.name)
        if found.name != figure_file.__module__ and hasattr(module, "figure_file"):
            monkeypatch.setattr(module, "figure_file", keeping)
    return kept
