"""Importing stays light, and a saved model loads with nothing but two imports."""

import importlib
import json
import subprocess
import sys
from importlib.util import find_spec
from pkgutil import walk_packages
from types import ModuleType

import keras
import numpy as np
import pytest

import osnet_tf
from osnet_tf import (
    BatchHardTripletLoss,
    BatchNorm,
    ConvNorm,
    LabelSmoothedCrossEntropy,
    OSBlock,
    add_classifier,
)
from osnet_tf.preprocessing import normalization_layer
from tests.layer_test_kit import array

LIGHT = """
import sys
import osnet_tf
heavy = {"keras", "tensorflow", "matplotlib", "torch", "jax", "absl", "numpy"}
print(sorted(heavy & set(sys.modules)))
assert "OSNet" in dir(osnet_tf)
"""

LOAD = """
import sys
{imports}
import numpy as np

model = keras.models.load_model(sys.argv[1])
images = np.load(sys.argv[2])
found = [model(x)["embedding"] for x in (images, images.astype("float32"))]
np.save(sys.argv[3], np.stack([keras.ops.convert_to_numpy(x) for x in found]))
print(type(model.loss["embedding"]).__name__)
"""


def python(code, *arguments, cwd):
    """Runs a program elsewhere, so that only the installed package is found."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_importing_is_light(tmp_path):
    assert python(LIGHT, cwd=tmp_path).strip() == "[]"


def test_unknown_names_are_plain_attribute_errors():
    with pytest.raises(AttributeError, match=r"module 'osnet_tf' has no attribute 'OSNett'"):
        osnet_tf.OSNett  # noqa: B018
    for name in osnet_tf.__all__:
        assert getattr(osnet_tf, name) is not None


NAMES = """
import importlib, json, pkgutil, sys
import osnet_tf

def packages():
    yield osnet_tf
    for found in pkgutil.walk_packages(osnet_tf.__path__, "osnet_tf."):
        if found.ispkg and not found.name.startswith("osnet_tf.commands"):
            yield importlib.import_module(found.name)

def modules():
    for found in pkgutil.walk_packages(osnet_tf.__path__, "osnet_tf."):
        if not found.name.startswith("osnet_tf.commands"):
            importlib.import_module(found.name)

if sys.argv[1] == "modules first":
    modules()
names = {}
for package in packages():
    for name in package.__all__ if hasattr(package, "__all__") else ():
        value = getattr(package, name)
        names[f"{package.__name__}.{name}"] = type(value).__name__
if sys.argv[1] == "names first":
    modules()
    for name in names:
        package, _, last = name.rpartition(".")
        names[name] = type(getattr(sys.modules[package], last)).__name__
print(json.dumps(names))
"""


def test_a_name_means_the_same_in_every_order_of_imports(tmp_path):
    """A module that is imported later must not take the place of a function of its name."""
    fresh, first, late = (
        json.loads(python(NAMES, order, cwd=tmp_path))
        for order in ("names only", "modules first", "names first")
    )
    assert first == fresh
    assert late == fresh
    assert fresh["osnet_tf.training.fit"] == fresh["osnet_tf.training.sweep"] == "function"
    assert fresh["osnet_tf.evaluation"] == "module"


def test_no_module_has_the_name_of_a_public_object():
    for name in ("osnet_tf", *(m.name for m in walk_packages(osnet_tf.__path__, "osnet_tf."))):
        module = importlib.import_module(name) if "commands" not in name else None
        for public in getattr(module, "__all__", ()):
            below = find_spec(f"{name}.{public}") if hasattr(module, "__path__") else None
            assert below is None or isinstance(getattr(module, public), ModuleType), public


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A compiled model of every part that a file can hold, with both losses."""
    folder = tmp_path_factory.mktemp("saved")
    x = np.random.default_rng(0).integers(0, 256, (2, 16, 8, 3), dtype=np.uint8)
    inputs = keras.Input((16, 8, 3))
    y = ConvNorm(8, 3, strides=2)(normalization_layer()(inputs))
    for norm in (None, "output", "residual"):
        y = OSBlock(8, 2, bottleneck_reduction=2, gate_reduction=2, instance_norm=norm)(y)
    y = BatchNorm()(keras.layers.GlobalAveragePooling2D()(y))
    embedding = keras.layers.ReLU(dtype="float32", name="embedding")(y)
    model = add_classifier(keras.Model(inputs, embedding), 3)
    model.compile(
        "sgd", loss={"logits": LabelSmoothedCrossEntropy(), "embedding": BatchHardTripletLoss()}
    )
    model.save(folder / "model.keras")
    np.save(folder / "images.npy", x)
    return folder, array(model(x)["embedding"])


@pytest.mark.parametrize(
    "imports", ["import osnet_tf\nimport keras", "import keras\nimport osnet_tf"]
)
def test_loading_in_another_process(saved, imports, tmp_path):
    """No custom_objects, safe_mode on, either order of imports; uint8 and float embed alike."""
    folder, expected = saved
    output = tmp_path / "embeddings.npy"
    files = (folder / "model.keras", folder / "images.npy", output)
    printed = python(LOAD.format(imports=imports), *files, cwd=tmp_path)
    assert printed.strip().endswith("BatchHardTripletLoss")
    from_bytes, from_floats = np.load(output)
    np.testing.assert_array_equal(from_bytes, from_floats)
    np.testing.assert_array_equal(from_bytes, expected)
