"""Embeddings of boxes in a frame, by each runtime, are those of the crops that one cuts out."""

import gc
import importlib.util

import keras
import numpy as np
import pytest

import osnet_tf
from osnet_tf import CropEmbedder, OSNet, embed
from osnet_tf.errors import ArgumentError, FileError, NotFoundError
from osnet_tf.export.litert import export_litert
from osnet_tf.export.onnx import export_onnx
from osnet_tf.export.openvino import export_openvino
from osnet_tf.export.saved_model import export_saved_model

FRAME = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
BOXES = np.array([[5, 3, 20, 50], [30.9, 10.2, 47.0, 59.5], [60, -5, 95, 70], [1, 1, 2, 2]])
#: The same, whole numbers within the frame.
CORNERS = [(5, 3, 20, 50), (30, 10, 47, 59), (60, 0, 80, 60), (1, 1, 2, 2)]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    model.save(folder / "a.keras")
    export_litert(model, folder / "a.tflite")
    export_onnx(model, folder / "a.onnx")
    export_saved_model(model, folder / "1")
    if importlib.util.find_spec("openvino") is not None:
        export_openvino(model, folder / "b", name="a")
    return folder


@pytest.fixture(scope="module")
def expected(model):
    crops = [FRAME[top:bottom, left:right] for left, top, right, bottom in CORNERS]
    return embed(model, crops, bgr=True, normalize=True)


@pytest.mark.parametrize("name", ["model", "a.keras", "a.tflite", "a.onnx", "1", "b/a.xml"])
def test_each_runtime_gives_the_embeddings_of_the_crops(model, files, expected, name):
    if name.endswith(".xml"):
        pytest.importorskip("openvino")
    embedder = CropEmbedder(model if name == "model" else files / name)
    assert (embedder.size, embedder.dim) == ((32, 16), 512)
    found = embedder.get_features(BOXES, FRAME)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(
        embedder(BOXES[:1], FRAME), embedder.get_features(BOXES[:1], FRAME)
    )


def test_lengths_and_the_order_of_colours(model, expected):
    plain = CropEmbedder(model, normalize=False, bgr=False)
    found = plain.get_features(BOXES, FRAME[..., ::-1])
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    assert np.abs(lengths - 1).min() > 1e-3
    np.testing.assert_allclose(found / lengths, expected, atol=1e-5)


def test_the_model_lives_as_long_as_what_runs_it(expected):
    keras.utils.set_random_seed(0)
    embedder = CropEmbedder(OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1))
    gc.collect()
    np.testing.assert_allclose(embedder.get_features(BOXES, FRAME), expected, atol=1e-5)


def test_nobody_and_boxes_outside_of_the_frame(model, expected):
    embedder = CropEmbedder(model)
    for nobody in ([], np.empty((0, 4)), ()):
        assert embedder.get_features(nobody, FRAME).shape == (0, 512)
    outside = [[-30, 0, -10, 20], [80, 0, 90, 20], [10, 60, 20, 70], [20, 5, 20, 30], [9, 9, 5, 12]]
    found = embedder.get_features([*outside, BOXES[0]], FRAME)
    assert not found[:5].any()
    np.testing.assert_allclose(found[5], expected[0], atol=1e-5)
    assert not embedder.get_features(outside, FRAME).any()


@pytest.mark.parametrize(
    ("boxes", "frame", "message"),
    [
        ([[1, 2, 3]], FRAME, r"`boxes` must be real \(n, 4\).* Received: shape=\(1, 3\)"),
        ([["a", "b", "c", "d"]], FRAME, "`boxes` must be real"),
        ([[0, 0, 1, 1], [0, 0, np.nan, 1]], FRAME, r"finite. Received: .* in row 1"),
        (BOXES, FRAME[..., 0], r"`frame` must be uint8 .* Received: shape=\(60, 80\)"),
        (BOXES, FRAME / 255, "dtype=float64"),
    ],
)
def test_what_is_no_box_or_frame(model, boxes, frame, message):
    with pytest.raises(ArgumentError, match=message):
        CropEmbedder(model).get_features(boxes, frame)


def test_what_is_no_model(model, files, tmp_path):
    with pytest.raises(NotFoundError, match=r"There is no model .*no\.onnx"):
        CropEmbedder(tmp_path / "no.onnx")
    for name in ("bad.tflite", "bad.onnx", "bad.keras"):
        (tmp_path / name).write_bytes(b"no model")
        with pytest.raises(FileError, match=name):
            CropEmbedder(tmp_path / name)
    with pytest.raises(ArgumentError, match=r"must be a .keras, .tflite, .onnx or .xml file"):
        CropEmbedder(tmp_path)
    with pytest.raises(ArgumentError, match="`num_threads` must be"):
        CropEmbedder(model, num_threads=0)
    floats = keras.Model(model.input, model.output)
    assert osnet_tf.CropEmbedder(floats).dim == 512
