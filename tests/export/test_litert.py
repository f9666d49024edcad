"""The precisions of LiteRT files; that fp32 is the network alone is in test_export.py."""

import functools
from pathlib import Path

import keras
import numpy as np
import pytest

from osnet_tf.errors import ArgumentError
from osnet_tf.export.flatbuffer import LiteRTModel
from osnet_tf.export.formats import PRECISIONS
from osnet_tf.export.frozen import freeze
from osnet_tf.export.inference_rate import as_if_trained
from osnet_tf.export.litert import export_litert, read_litert_metadata
from osnet_tf.export.litert_graph import inspect_litert
from osnet_tf.export.litert_runtime import LiteRTEmbedder, run_litert
from osnet_tf.models import OSNet

SIZE = (64, 32)


@pytest.fixture(scope="module")
def images():
    """Soft blobs of colour: noise averages out to the same embedding for every image."""
    rng = np.random.default_rng(2)
    small = rng.integers(0, 256, (40, 8, 4, 3)).astype("uint8")
    return small.repeat(8, 1).repeat(8, 2)


@pytest.fixture(scope="module")
def files(frozen, images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("litert")
    calibration = {"int8": {"calibration_images": images[:24]}}
    return {
        precision: export_litert(
            frozen,
            folder / f"{precision}.tflite",
            precision=precision,
            **calibration.get(precision, {}),
        )
        for precision in PRECISIONS
    }


def cosines(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize(
    ("precision", "smallest"),
    [("fp32", 0.99999), ("fp16", 0.999), ("dynamic", 0.9), ("int8", 0.8)],
)
def test_each_precision_embeds_as_the_model(precision, smallest, small_embedder, images, files):
    """Their mean taken off: what is left is what tells one image from another."""
    expected = small_embedder.predict(images[24:], verbose=0)
    actual = run_litert(files[precision], images[24:])
    assert actual.dtype == np.float32
    mean = expected.mean(0)
    assert cosines(expected - mean, np.roll(expected, 1, 0) - mean).max() < 0.8
    assert cosines(expected - mean, actual - mean).min() > smallest


def test_smaller_weights_make_smaller_files(files):
    sizes = {p: Path(f).stat().st_size for p, f in files.items()}
    assert sizes["fp16"] < 0.7 * sizes["fp32"]
    assert max(sizes["dynamic"], sizes["int8"]) < 0.6 * sizes["fp32"]


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_one_partition_that_leaves_only_the_pixels_outside(precision, files):
    graph = inspect_litert(files[precision])
    assert graph.partitions == 1
    assert graph.undelegated == {"QUANTIZE" if precision == "int8" else "CAST": 1}


def test_the_operators_that_break_a_partition_are_named(frozen, images, tmp_path, monkeypatch):
    """Without the depthwise pools the int8 graph falls apart, as DESIGN measured."""
    monkeypatch.setattr("osnet_tf.export.int8.pools_to_depthwise", lambda model: None)
    file = export_litert(
        frozen, tmp_path / "x.tflite", precision="int8", calibration_images=images[:2]
    )
    graph = inspect_litert(file)
    assert graph.partitions == 3
    assert graph.undelegated == {"QUANTIZE": 1, "AVERAGE_POOL_2D": 2}


def test_integer_embeddings_are_the_float_ones(frozen, images, files, tmp_path):
    """uint8 pixels in, uint8 values out: programs that take no int8, as MediaPipe, take these."""
    file = export_litert(
        frozen,
        tmp_path / "io.tflite",
        precision="int8",
        calibration_images=images[:24],
        integer_io=True,
    )
    np.testing.assert_array_equal(
        run_litert(file, images[:4]), run_litert(files["int8"], images[:4])
    )
    assert LiteRTEmbedder(files["int8"]).output is None
    output = LiteRTEmbedder(file).output
    assert (output["dtype"], output["zero_point"]) == ("uint8", 0)
    steps = run_litert(file, images[:4]) / output["scale"]  # all multiples of one step
    np.testing.assert_allclose(steps, steps.round(), atol=1e-3)
    last = [inspect_litert(f).operators["DEQUANTIZE"] for f in (file, files["int8"])]
    assert last == [24, 25]  # one for each gate, and the embedding
    assert dtypes_of(file) >= {"uint8", "float32"}


def dtypes_of(file):
    """Of all tensors of a `.tflite` file, by its own words."""
    model = LiteRTModel(Path(file).read_bytes())
    names = {number: name.lower() for name, number in vars(model.schema.TensorType).items()}
    return {names[tensor.type] for tensor in model.tensors}


def test_integer_gates_leave_no_float_in_the_file(small_embedder, frozen, images, files, tmp_path):
    file = export_litert(
        frozen,
        tmp_path / "gates.tflite",
        precision="int8",
        calibration_images=images[:24],
        integer_io=True,
        gates="int8",
    )
    assert dtypes_of(file) == {"uint8", "int8", "int32"}  # int32: biases, shapes and axes
    graph = inspect_litert(file)
    assert not {"DEQUANTIZE", "CAST"} & set(graph.operators)
    assert (graph.operators["LOGISTIC"], graph.operators["QUANTIZE"]) == (24, 2)
    assert graph.partitions == 1
    expected = small_embedder.predict(images[24:], verbose=0)
    mean = expected.mean(0)
    assert cosines(expected - mean, run_litert(file, images[24:]) - mean).min() > 0.8


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("preset", ["osnet_ibn_x1_0", "osnet_ain_x1_0"])
def test_instance_norms(preset, precision, images, normed, tmp_path):
    """In float within int8, in one partition with it."""
    model, expected = normed(preset)
    how = {"precision": precision}
    if precision == "int8":
        how["calibration_images"] = images[:24]
    file = export_litert(model, tmp_path / "model.tflite", **how)
    found = run_litert(file, images[24:])
    graph = inspect_litert(file)
    assert graph.partitions == 1
    assert graph.operators["RSQRT"] == (3 if preset == "osnet_ibn_x1_0" else 5)
    mean = expected.mean(0)
    smallest = cosines(expected - mean, found - mean).min()
    assert smallest > {"fp32": 0.9999, "fp16": 0.999, "int8": 0.9}[precision]
    assert graph.undelegated == {"QUANTIZE" if precision == "int8" else "CAST": 1}
    if precision == "int8":
        with pytest.raises(ArgumentError, match=r"stay float.* Received: gates='int8'"):
            export_litert(model, tmp_path / "x.tflite", gates="int8", **how)


@pytest.fixture(scope="module")
def normed(images):
    """A function from a preset to a small model of it, frozen, and its embeddings of the images."""

    @functools.cache
    def make(preset):
        keras.utils.set_random_seed(1)
        model = as_if_trained(OSNet(preset, input_shape=(*SIZE, 3), streams=1), seed=1)
        return freeze(model), model.predict(images[24:], verbose=0)

    return make


def test_int8_with_a_larger_batch(frozen, images, files, tmp_path):
    """Five images calibrate batches of two; the embeddings are those of batch 1 but for a step."""
    two, one = (
        export_litert(
            frozen,
            tmp_path / f"{batch}.tflite",
            precision="int8",
            batch_size=batch,
            calibration_images=images[:5],
        )
        for batch in (2, 1)
    )
    step = run_litert(one, images[:1]).max() / 200
    np.testing.assert_allclose(
        run_litert(two, images[:4]), run_litert(one, images[:4]), atol=2 * step
    )
    assert inspect_litert(two).partitions == 1
    with pytest.raises(ValueError, match=r"embeds 2 images at a time. Received: 3 images"):
        run_litert(two, images[:3])


def test_any_number_of_batches_and_no_image(files, images):
    file = files["fp32"]
    assert run_litert(file, images[:0]).shape == (0, 512)
    found = run_litert(file, images[:3])
    for index in range(3):
        np.testing.assert_array_equal(found[index], run_litert(file, images[index : index + 1])[0])


def test_metadata_says_who_normalises(files):
    metadata = read_litert_metadata(files["int8"])
    assert metadata["precision"] == "int8"
    assert metadata["input"]["shape"] == [1, *SIZE, 3]
    assert metadata["input"]["normalization"] == "in the model"
    assert metadata["input"]["range"] == [0, 255]
    assert metadata["output"] == {"name": "embeddings", "size": 512}


def test_a_file_of_somebody_else_has_no_metadata(files, tmp_path):
    model = LiteRTModel(Path(files["fp32"]).read_bytes())
    model._model.metadata = []
    (tmp_path / "other.tflite").write_bytes(model.content())
    with pytest.raises(ValueError, match=r"other.tflite has no metadata of osnet_tf"):
        read_litert_metadata(tmp_path / "other.tflite")


def test_invalid_arguments(frozen, images, tmp_path):
    def message(**arguments):
        with pytest.raises(ValueError) as caught:
            export_litert(frozen, tmp_path / "x.tflite", **arguments)
        return str(caught.value)

    assert "Received: precision='int4'" in message(precision="int4")
    assert "Received: batch_size=0" in message(batch_size=0)
    assert "`integer_io` is for int8 only. Received: precision='fp16'" in message(
        precision="fp16", integer_io=True
    )
    assert "`gates` is for int8 only. Received: precision='fp32'" in message(gates="int8")
    assert "Received: gates='int4'" in message(gates="int4")
    assert "needs `calibration_images`" in message(precision="int8")
    for wrong in (images[:0], images[:, :32], images.astype("float32")):
        assert f"Received: {wrong.dtype} {wrong.shape}" in message(
            precision="int8", calibration_images=wrong
        )
    assert list(tmp_path.iterdir()) == []
