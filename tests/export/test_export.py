import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.export import (
    ExportMismatchError,
    export,
    export_litert,
    export_saved_model,
    inspect_litert,
    run_litert,
    smallest_cosine,
)
from osnet_tf.models import OSNet

SIZE = (64, 32)


@pytest.fixture(scope="module")
def embedder():
    """OSNet x0.25 with batch norms that do something, as after training."""
    keras.utils.set_random_seed(1)
    model = OSNet("osnet_x0_25", input_shape=(*SIZE, 3))
    rng = np.random.default_rng(1)
    for variable in model.variables:
        name = variable.path.rsplit("/", 1)[-1]
        if name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif name in ("beta", "moving_mean", "bias"):
            variable.assign(0.2 * rng.normal(size=variable.shape))
    return model


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(2).integers(0, 256, (5, *SIZE, 3), "uint8")


@pytest.fixture(scope="module")
def artefacts(embedder, images, tmp_path_factory):
    return export(embedder, tmp_path_factory.mktemp("export"), images)


def test_both_artefacts_give_the_embeddings_of_the_model(embedder, images, artefacts):
    expected = embedder.predict(images, verbose=0)
    assert np.linalg.norm(expected, axis=1).min() > 0
    serve = tf.saved_model.load(artefacts["saved_model"][0]).signatures["serving_default"]
    served = serve(images=tf.constant(images))["embeddings"].numpy()
    np.testing.assert_allclose(served, expected, rtol=1e-4, atol=1e-5)
    litert = run_litert(artefacts["litert"][0], images)
    np.testing.assert_allclose(litert, expected, rtol=1e-3, atol=1e-4)
    assert all(cosine > 0.99999 for _, cosine in artefacts.values())


def test_the_saved_model_takes_any_batch_of_uint8(embedder, images, artefacts):
    serve = tf.saved_model.load(artefacts["saved_model"][0]).signatures["serving_default"]
    (spec,) = serve.structured_input_signature[1].values()
    assert (spec.shape.as_list(), spec.dtype) == ([None, *SIZE, 3], tf.uint8)
    one = serve(images=tf.constant(images[3:4]))["embeddings"].numpy()
    all_of_them = serve(images=tf.constant(images))["embeddings"].numpy()
    np.testing.assert_allclose(one[0], all_of_them[3], rtol=1e-4, atol=1e-6)


def test_the_litert_graph_is_the_network_and_nothing_else(artefacts):
    """DESIGN's list for one static image, and CAST, MUL, ADD for the normalisation."""
    graph = inspect_litert(artefacts["litert"][0])
    assert graph.operators == {
        "PAD": 2, "CONV_2D": 79, "DEPTHWISE_CONV_2D": 60, "MEAN": 25, "FULLY_CONNECTED": 49,
        "LOGISTIC": 24, "MUL": 24 + 1, "ADD": 24 + 1, "MAX_POOL_2D": 1, "AVERAGE_POOL_2D": 2,
        "CAST": 1,
    }  # fmt: skip
    assert graph.partitions == 1


def test_a_larger_static_batch(embedder, images, tmp_path):
    file = export_litert(embedder, tmp_path / "new" / "two.tflite", batch_size=2)
    expected = embedder.predict(images[:4], verbose=0)
    np.testing.assert_allclose(run_litert(file, images[:4]), expected, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match=r"embeds 2 images at a time. Received: 5 images"):
        run_litert(file, images)


def test_an_artefact_that_disagrees_fails_the_export(images, artefacts, tmp_path, monkeypatch):
    """Another model's SavedModel in the place of this one's."""
    other = OSNet("osnet_x0_25", input_shape=(*SIZE, 3))
    module = sys.modules["osnet_tf.export.export"]
    path = artefacts["saved_model"][0]
    monkeypatch.setattr(module, "export_saved_model", lambda *_: path)
    with pytest.raises(ExportMismatchError, match=r"smallest cosine \d\.\d+ on 5 images") as caught:
        export(other, tmp_path, images)
    assert path in str(caught.value)


def test_invalid_arguments(embedder, images, tmp_path):
    with pytest.raises(ValueError, match=r"`images` must be uint8 .* Received: float32"):
        export(embedder, tmp_path, images.astype("float32"))
    with pytest.raises(ValueError, match=r"`images` must be uint8 of shape"):
        export(embedder, tmp_path, images[:, :32])
    with pytest.raises(ValueError, match=r"`batch_size` must be a positive integer"):
        export_litert(embedder, tmp_path / "x.tflite", batch_size=0)
    any_size = OSNet("osnet_x0_25", input_shape=(None, None, 3))
    with pytest.raises(ValueError, match="must have a fixed input size"):
        export_saved_model(any_size, tmp_path / "any")
    assert list(Path(tmp_path).iterdir()) == []


def test_smallest_cosine():
    a = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    b = np.array([[2.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert smallest_cosine(a, b) == pytest.approx(np.sqrt(0.5))
    assert smallest_cosine(a[2:], b[:1]) == 0.0
    assert not smallest_cosine(np.full((1, 2), np.nan), b[:1]) >= 0.9999
