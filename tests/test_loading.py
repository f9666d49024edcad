"""Importing stays light, and a saved model loads with nothing but two imports."""

import subprocess
import sys

import keras
import numpy as np
import pytest

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
    import osnet_tf

    with pytest.raises(AttributeError, match=r"module 'osnet_tf' has no attribute 'OSNett'"):
        osnet_tf.OSNett  # noqa: B018
    for name in osnet_tf.__all__:
        assert getattr(osnet_tf, name) is not None


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
