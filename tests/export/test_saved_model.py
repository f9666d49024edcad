import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.embedding import embed_paths
from osnet_tf.errors import WriteError
from osnet_tf.export import export_saved_model

SIZE = (64, 32)


@pytest.fixture(scope="module")
def folder(frozen, tmp_path_factory):
    return export_saved_model(frozen, tmp_path_factory.mktemp("saved_model") / "1")


@pytest.fixture(scope="module")
def serve(folder):
    """`serve(signature, input)` -> embeddings."""
    model = tf.saved_model.load(folder)

    def run(signature, **inputs):
        return model.signatures[signature](**inputs)["embeddings"].numpy()

    return run


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of several kinds and sizes: larger, smaller, mixed, and of the model's own size."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(3)
    paths = []
    for index, (height, width) in enumerate([(128, 64), (30, 20), (100, 16), SIZE]):
        pixels = tf.constant(rng.integers(0, 256, (height, width, 3), "uint8"))
        encoded = tf.io.encode_png(pixels) if index % 2 else tf.io.encode_jpeg(pixels)
        paths.append(str(folder / f"{index}{'.png' if index % 2 else '.jpg'}"))
        tf.io.write_file(paths[-1], encoded)
    return paths


def test_the_three_signatures_agree_with_embed_paths(small_embedder, serve, files):
    expected = embed_paths(small_embedder, files)
    assert np.linalg.norm(expected, axis=1).min() > 1
    contents = [tf.io.read_file(path) for path in files]
    close = {"rtol": 1e-4, "atol": 1e-5}
    np.testing.assert_allclose(
        serve("serve_jpeg", image_bytes=tf.stack(contents)), expected, **close
    )
    for index, content in enumerate(contents):
        image = tf.io.decode_image(content)[None]
        if index % 2:  # TensorFlow's own settings decode a JPEG otherwise
            found = serve("serve_images", images=image)
            np.testing.assert_allclose(found, expected[index : index + 1], **close)
    found = serve("serving_default", images=tf.io.decode_image(contents[3])[None])
    np.testing.assert_allclose(found, expected[3:], **close)


def test_any_batch_and_an_empty_one(small_embedder, serve, crops):
    expected = small_embedder.predict(crops, verbose=0)
    for number in (1, 2, 7):
        found = serve("serving_default", images=tf.constant(crops[:number]))
        np.testing.assert_allclose(found, expected[:number], rtol=1e-4, atol=1e-5)
    assert serve("serving_default", images=tf.zeros((0, *SIZE, 3), tf.uint8)).shape == (0, 512)
    assert serve("serve_images", images=tf.zeros((0, 80, 40, 3), tf.uint8)).shape == (0, 512)
    assert serve("serve_jpeg", image_bytes=tf.constant([], tf.string)).shape == (0, 512)


def test_what_converters_take(small_embedder, folder, serve, crops):
    """Floats, and nothing but the network: no check and no arithmetic of shapes."""
    expected = small_embedder.predict(crops, verbose=0)
    found = serve("convert", images=tf.constant(crops, tf.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    graph = tf.saved_model.load(folder).signatures["convert"].graph.as_graph_def()
    functions = {one.signature.name: one.node_def for one in graph.library.function}
    kinds, nodes = set(), list(graph.node)
    while nodes:  # those of the functions that it calls, too
        node = nodes.pop()
        kinds.add(node.op)
        nodes += functions.get(node.attr["f"].func.name, ())
    assert {"Conv2D", "DepthwiseConv2dNative"} <= kinds
    assert not {"Shape", "Fill", "EnsureShape", "ConcatV2", "StridedSlice"} & kinds


def test_bytes_that_are_no_image_are_refused(serve):
    with pytest.raises(tf.errors.InvalidArgumentError, match="not a JPEG, PNG or BMP"):
        serve("serve_jpeg", image_bytes=tf.constant([b"GIF89a"]))


def test_as_a_keras_layer(small_embedder, folder, crops):
    expected = small_embedder.predict(crops, verbose=0)
    for endpoint in ({}, {"call_endpoint": "serving_default"}):  # "serve" by default
        found = keras.layers.TFSMLayer(folder, **endpoint)(tf.constant(crops))["embeddings"]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_saved_model_cli_runs_it_without_this_package(folder, serve, tmp_path, crops):
    np.save(tmp_path / "images.npy", crops[:2])
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "run"]
    command += ["--dir", folder, "--tag_set", "serve"]
    command += ["--signature_def", "serve_images", "--inputs", f"images={tmp_path}/images.npy"]
    command += ["--outdir", tmp_path]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(
        np.load(tmp_path / "embeddings.npy"), serve("serve_images", images=crops[:2]), atol=1e-5
    )


@pytest.mark.parametrize("shape", [(80, 32, 3), (64, 30, 3), (32, 64, 3), (65, 32, 3), (1, 1, 3)])
def test_another_size_of_images_is_refused(folder, serve, shape):
    """Resizing them is for the other two signatures; the network would take them, and be wrong."""
    images = tf.zeros((2, *shape), tf.uint8)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"64.*32|Dimensions|shape"):
        serve("serving_default", images=images)
    layer = keras.layers.TFSMLayer(folder, call_endpoint="serving_default")
    with pytest.raises((ValueError, TypeError, tf.errors.InvalidArgumentError)):
        layer(images)


def test_the_signature_tells_its_size(folder):
    (signature,) = (
        tf.saved_model.load(folder).signatures["serving_default"].structured_input_signature[1:]
    )
    assert signature["images"].shape.as_list() == [None, *SIZE, 3]
    assert signature["images"].dtype == tf.uint8


def test_what_lies_there_already_is_kept(frozen, tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "mine").write_text("mine")
    with pytest.raises(WriteError, match=r"1 cannot be written: something lies there already"):
        export_saved_model(frozen, tmp_path / "1")
    assert [path.name for path in tmp_path.rglob("*")] == ["1", "mine"]


def test_a_model_of_any_size_is_refused(any_size, tmp_path):
    with pytest.raises(ValueError, match="must have a fixed input size"):
        export_saved_model(any_size, tmp_path / "any")
    assert list(tmp_path.iterdir()) == []
