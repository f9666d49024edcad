"""The settings for DeepStream in docs/clients.md: what they hand over is what the file takes.

DeepStream itself needs an NVIDIA GPU; `handed_over` is what its documentation says that it does.
"""

import ast
import configparser
import re

import numpy as np
import pytest

from osnet_tf import OSNet, embed
from osnet_tf.export.config import export_config
from osnet_tf.export.frozen import freeze
from osnet_tf.export.onnx import export_onnx, onnx_session
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "clients.md").read_text()
PICTURES = np.random.default_rng(0).integers(0, 256, (2, 256, 128, 3), np.uint8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """(the file's session, the embeddings of `PICTURES`)."""
    model = OSNet("osnet_x0_25", input_shape=(256, 128, 3), streams=1)
    config = export_config(client="deepstream")
    assert [artefact.name for artefact in config.artefacts] == ["model.onnx"]
    path = tmp_path_factory.mktemp("deepstream") / "model.onnx"
    return onnx_session(export_onnx(freeze(model, config.takes), path)), embed(model, PICTURES)


def handed_over(factor, offsets):
    """y = factor * (x - offset), NCHW."""
    pixels = np.float32(factor) * (PICTURES.astype(np.float32) - np.float32(offsets))
    return pixels.transpose(0, 3, 1, 2)


def embedded(session, images):
    return session.run(None, {session.get_inputs()[0].name: images})[0]


def test_settings_of_its_tracker(exported):
    session, expected = exported
    [block] = re.findall(r"^```yaml\nReID:\n(.*?)^```", PAGE, re.M | re.S)
    given = dict(re.findall(r"^  (\w+): (.*?) *(?:#.*)?$", block, re.M))
    shape = ast.literal_eval(given["inferDims"])
    assert session.get_inputs()[0].shape == ["batch", *shape]
    assert given["inputOrder"] == given["colorFormat"] == given["keepAspc"] == "0"
    assert given["onnxFile"].endswith("/model.onnx")
    images = handed_over(float(given["netScaleFactor"]), ast.literal_eval(given["offsets"]))
    found = embedded(session, images)
    assert found.shape[1] == int(given["reidFeatureSize"])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_settings_of_its_inference(exported):
    session, expected = exported
    [block] = re.findall(r"^```ini\n(\[property\]\n.*?)^```", PAGE, re.M | re.S)
    parser = configparser.ConfigParser()
    parser.read_string(block)
    given = parser["property"]
    shape = [int(number) for number in given["infer-dims"].split(";")]
    assert session.get_inputs()[0].shape == ["batch", *shape]
    assert given["model-color-format"] == given["maintain-aspect-ratio"] == "0"
    offsets = [float(number) for number in given["offsets"].split(";")]
    images = handed_over(float(given["net-scale-factor"]), offsets)
    np.testing.assert_allclose(embedded(session, images), expected, atol=1e-4)
