import keras
import numpy as np
import pytest

from osnet_tf import OSNet, add_classifier
from osnet_tf.errors import ArgumentError
from osnet_tf.layers import BatchNorm, ConvNorm, OSBlock
from osnet_tf.losses import BatchHardTripletLoss, LabelSmoothedCrossEntropy
from osnet_tf.models import model_size
from osnet_tf.preprocessing import normalization_layer
from tests.layer_test_kit import array, is_tensorflow

SIZE = (32, 16)


def images(batch=2, size=SIZE, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (batch, *size, 3), dtype=np.uint8)


def disturbed(model, seed=0):
    """Away from the initial zeros and ones, so that nothing is equal by symmetry."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        noise = rng.uniform(0.9, 1.1, variable.shape) * array(variable)
        if variable.name in ("beta", "bias", "moving_mean"):
            noise += rng.normal(0.0, 0.1, variable.shape)
        variable.assign(noise.astype("float32"))
    return model


@pytest.fixture(scope="module")
def model():
    return disturbed(OSNet("osnet_x0_25", input_shape=(None, None, 3)))


@pytest.fixture(scope="module")
def small():
    return disturbed(OSNet("osnet_x0_25", input_shape=(*SIZE, 3), feature_dim=16, name="mine"))


@pytest.fixture(scope="module")
def embedding(model):
    return array(model(images()))


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        ("osnet_x0_2", r"`preset` must be one of .* Did you mean 'osnet_x0_25'\?"),
        ("vgg", r"`preset` must be one of .*'\. Received: preset='vgg'"),
    ],
)
def test_unknown_presets(preset, message):
    with pytest.raises(ValueError, match=message):
        OSNet(preset)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (12, 128, 3)}, r"at least 13. Received: input_shape=\(12, 128, 3\)"),
        ({"input_shape": (128, 12, 3)}, r"at least 13. Received: input_shape=\(128, 12, 3\)"),
        ({"input_shape": (None, 12, 3)}, r"at least 13. Received: input_shape=\(None, 12, 3\)"),
        ({"input_shape": (256, 128, 1)}, r"must be \(height, width, 3\). Received: .*\(256, 128"),
        ({"input_shape": (256, 128)}, r"must be \(height, width, 3\). Received: .*\(256, 128\)"),
        ({"input_shape": (64.0, 32, 3)}, r"integers or None. Received: .*\(64.0, 32, 3\)"),
        ({"input_shape": (True, "x", 3)}, r"integers or None. Received: .*\(True, 'x', 3\)"),
        ({"input_shape": 64}, r"must be \(height, width, 3\). Received: input_shape=64"),
        ({"feature_dim": 0}, r"`feature_dim` must be an integer >= 1. Received: feature_dim=0"),
        ({"feature_dim": 1.5}, r"`feature_dim` must be an integer .* Received: feature_dim=1.5"),
        ({"feature_dim": True}, r"`feature_dim` must be an integer .* feature_dim=True"),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        OSNet("osnet_x0_25", **arguments)


@pytest.mark.parametrize("num_classes", [0, -5, 2.0, None, True])
def test_invalid_num_classes(model, num_classes):
    with pytest.raises(
        ValueError, match=rf"`num_classes` must be an integer >= 1. .*={num_classes!r}"
    ):
        add_classifier(model, num_classes)


@pytest.mark.one_backend
@pytest.mark.parametrize("size", [(13, 13), (50, 33)])
def test_any_size(model, size):
    """Two convolutions halve upwards, two pools downwards; 1 x 1 is left at the smallest."""
    watched = keras.Model(model.input, [model.get_layer("conv5").output, model.output])
    last, first = watched(images(size=size))
    first = array(first)
    assert first.shape == (2, 512)
    assert np.all(np.isfinite(first))
    assert not np.allclose(first[0], first[1])
    expected = size
    for divisor in (2, 2):
        expected = tuple(-(-n // divisor) for n in expected)
    assert tuple(last.shape[1:3]) == tuple(n // 4 for n in expected)


@pytest.mark.one_backend
def test_a_fixed_size_and_feature_dim(small):
    assert small.input_shape == (None, *SIZE, 3)
    assert small.output_shape == (None, 16)
    assert small.name == "mine"
    assert model_size(small) == SIZE


def test_model_size_needs_a_fixed_one(model):
    with pytest.raises(ValueError, match=r"fixed input size. Received: .*\(None, None, None, 3\)"):
        model_size(model)


def test_uint8_and_float_images_embed_alike(model, embedding):
    for dtype in ("float32", "float64", "int32"):
        np.testing.assert_array_equal(array(model(images().astype(dtype))), embedding)
    np.testing.assert_array_equal(array(model(keras.ops.convert_to_tensor(images()))), embedding)


def test_the_normalisation_is_inside(model):
    x = images()
    found = keras.Model(model.input, model.get_layer("normalization").output)(x)
    expected = (x / 255 - np.array((0.485, 0.456, 0.406))) / np.array((0.229, 0.224, 0.225))
    np.testing.assert_allclose(array(found), expected, atol=1e-5)


def test_embeddings_are_the_public_ones(embedding):
    """After a ReLU and not normalised, different for every image."""
    assert embedding.dtype == np.float32
    assert embedding.min() == 0.0
    assert 0.1 < (embedding > 0).mean() < 0.9
    norms = np.linalg.norm(embedding, axis=1)
    assert np.abs(norms - 1).min() > 1e-3
    assert np.abs(embedding[0] - embedding[1]).max() > 1e-4


@pytest.mark.one_backend
def test_images_do_not_see_each_other(model, embedding):
    alone = array(model(images()[1:]))
    np.testing.assert_allclose(alone, embedding[1:], rtol=1e-4, atol=1e-5)


@pytest.mark.one_backend
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy, model, embedding):
    """Float32 embedding and logits, near the float32 model's, from images of any fraction."""
    keras.config.set_dtype_policy(policy)
    mixed = OSNet("osnet_x0_25", input_shape=(*SIZE, 3))
    for target, source in zip(mixed.variables, model.variables, strict=True):
        assert target.dtype == "float32"
        target.assign(source)
    keras.config.set_dtype_policy("float32")
    half = policy.removeprefix("mixed_")
    assert mixed.get_layer("conv4_1").compute_dtype == half
    assert mixed.get_layer("conv4_1").streams[3][3].norm.compute_dtype == half
    outputs = add_classifier(mixed, 4)(images())
    for name, output in outputs.items():
        assert keras.backend.standardize_dtype(output.dtype) == "float32", name
    found = array(outputs["embedding"])
    cosine = (found * embedding).sum(1) / np.linalg.norm(found, axis=1)
    assert np.all(cosine / np.linalg.norm(embedding, axis=1) > 0.99)
    # 0..255 with fractions does not survive a half-precision type: it is normalised in float32
    x = images() / np.float32(1.01)
    normalised = keras.Model(mixed.input, mixed.get_layer("normalization").output)(x)
    expected = (x / 255 - np.array((0.485, 0.456, 0.406))) / np.array((0.229, 0.224, 0.225))
    np.testing.assert_allclose(array(normalised), expected, atol=1e-5)


@pytest.mark.one_backend
def test_initial_weights_are_those_of_the_public_code():
    model = OSNet("osnet_ibn_x0_25", input_shape=(*SIZE, 3))
    classifier = add_classifier(model, 300).get_layer("classifier")
    seen = set()
    for variable in [*model.variables, *classifier.variables]:
        value, path = array(variable), variable.path
        name = variable.name
        if name in ("gamma", "moving_variance"):
            assert np.all(value == 1), path
            continue
        if name in ("beta", "bias", "moving_mean"):
            assert not value.any(), path
            continue
        assert name == "kernel", path
        if path in ("fc/kernel", "classifier/kernel"):
            expected, kind = 0.01, "linear"
        elif "/depthwise/" in path:
            expected, kind = np.sqrt(2 / (9 * value.shape[2])), "depthwise"
        else:
            taps = value.shape[0] * value.shape[1] if value.ndim == 4 else 1
            expected, kind = np.sqrt(2 / (taps * value.shape[-1])), f"convolution of {taps}"
        seen.add(kind)
        assert value.std() == pytest.approx(expected, rel=5 / np.sqrt(2 * value.size)), path
        assert abs(value.mean()) < 5 * expected / np.sqrt(value.size), path
    assert seen == {"linear", "depthwise", "convolution of 1", "convolution of 49"}


@pytest.mark.one_backend
def test_the_seed_decides_and_no_two_kernels_are_alike():
    keras.utils.set_random_seed(7)
    first = OSBlock(64)
    first.build((None, 4, 2, 64))
    keras.utils.set_random_seed(7)
    second = OSBlock(64)
    second.build((None, 4, 2, 64))
    kernels = []
    for one, two in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(array(one), array(two), err_msg=one.path)
        if one.name == "kernel":
            kernels.append(array(one).ravel())
    for i, one in enumerate(kernels):
        for other in kernels[:i]:
            assert one.shape != other.shape or not np.array_equal(one, other)


def test_the_classifier_shares_the_embedders_weights(model, embedding):
    classifier = add_classifier(model, 5)
    assert classifier.name == "osnet_x0_25_classifier"
    assert add_classifier(model, 5, name="other").name == "other"
    shared = {id(variable) for variable in model.variables}
    extra = [v.path for v in classifier.variables if id(v) not in shared]
    assert sorted(extra) == ["classifier/bias", "classifier/kernel"]
    assert len(classifier.variables) == len(model.variables) + 2
    outputs = classifier(images())
    assert set(outputs) == {"logits", "embedding"}
    np.testing.assert_array_equal(array(outputs["embedding"]), embedding)
    dense = classifier.get_layer("classifier")
    expected = embedding @ array(dense.kernel) + array(dense.bias)
    np.testing.assert_allclose(array(outputs["logits"]), expected, atol=1e-5)


def test_a_saved_model_is_the_same_to_the_bit(model, embedding, tmp_path):
    path = tmp_path / "embedder.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    assert loaded.to_json() == model.to_json()
    assert [v.path for v in loaded.variables] == [v.path for v in model.variables]
    for found, saved in zip(loaded.variables, model.variables, strict=True):
        np.testing.assert_array_equal(array(found), array(saved), err_msg=saved.path)
    np.testing.assert_array_equal(array(loaded(images())), embedding)


@pytest.mark.one_backend
def test_weights_of_a_file(model, embedding, tmp_path):
    """Of a model without synchronised norms into one with them, where the backend has them."""
    path = tmp_path / "x.weights.h5"
    model.save_weights(path)
    shape = (*SIZE, 3)
    again = OSNet("osnet_x0_25", input_shape=shape, weights=path, synchronized=is_tensorflow())
    np.testing.assert_array_equal(array(again(images())), embedding)
    norms = [layer for layer in again._flatten_layers() if isinstance(layer, BatchNorm)]
    assert len(norms) == 80
    assert {norm.synchronized for norm in norms} == {is_tensorflow()}


def compiled(embedder, classes, optimizer, **arguments):
    model = add_classifier(embedder, classes)
    model.compile(
        optimizer,
        loss={
            "logits": LabelSmoothedCrossEntropy(0.1),
            "embedding": BatchHardTripletLoss(margin=0.3),
        },
        loss_weights={"logits": 1.0, "embedding": 0.5},
        **arguments,
    )
    return model


def test_compile_and_fit_on_both_losses():
    """A small embedder of the same parts learns eight striped pictures of four people."""
    pids = np.repeat(np.arange(4), 2)
    x = images(8) // 4
    for index, pid in enumerate(pids):
        x[index, pid * 8 : pid * 8 + 8] += 190
    inputs = keras.Input((*SIZE, 3))
    y = ConvNorm(8, 7, strides=4)(normalization_layer()(inputs))
    y = OSBlock(16, streams=2, bottleneck_reduction=2, gate_reduction=2)(y)
    y = BatchNorm()(keras.layers.Dense(8)(keras.layers.Flatten()(y)))
    embedder = keras.Model(inputs, keras.layers.ReLU(dtype="float32", name="embedding")(y))
    jit = not is_tensorflow()
    model = compiled(embedder, 4, keras.optimizers.SGD(0.1), jit_compile=jit)

    labels = {"logits": pids, "embedding": pids}
    history = model.fit(x, labels, batch_size=8, epochs=20, shuffle=False, verbose=0).history

    loss = np.array(history["loss"])
    assert len(loss) == 20
    assert np.all(np.isfinite(loss))
    assert loss[-3:].mean() < 0.8 * loss[:3].mean()
    assert np.mean(history["logits_loss"][-3:]) < np.mean(history["logits_loss"][:3])
    total = np.array(history["logits_loss"]) + 0.5 * np.array(history["embedding_loss"])
    np.testing.assert_allclose(loss, total, rtol=1e-4)


@pytest.mark.skipif(not is_tensorflow(), reason="JAX compiles this for minutes on a CPU")
def test_one_step_of_fit_reaches_every_weight_of_osnet(small):
    pids = np.array([0, 0, 1, 1])
    model = compiled(small, 2, keras.optimizers.SGD(0.1), run_eagerly=True)
    before = [array(variable) for variable in model.variables]
    history = model.fit(images(4), {"logits": pids, "embedding": pids}, verbose=0).history
    assert np.isfinite(history["loss"][0])
    for variable, value in zip(model.variables, before, strict=True):
        assert np.all(np.isfinite(array(variable))), variable.path
        # A gate's hidden ReLU may be closed for every image of the batch
        if "/gate/" not in variable.path:
            assert np.any(array(variable) != value), variable.path


@pytest.mark.one_backend
def test_the_image_data_format_of_keras_changes_nothing(model, embedding):
    """All is channels-last by its own word, whatever the global setting says."""
    keras.config.set_image_data_format("channels_first")
    try:
        other = OSNet("osnet_x0_25", input_shape=(*SIZE, 3))
        other.set_weights(model.get_weights())
        np.testing.assert_array_equal(array(other(images())), embedding)
        np.testing.assert_array_equal(array(model(images())), embedding)
    finally:
        keras.config.set_image_data_format("channels_last")


@pytest.mark.one_backend
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method:UserWarning")
def test_keras_quantises_what_it_can():
    """Dense layers, the gates' among them; no convolution has an int8 kind in Keras."""
    inputs = keras.Input((*SIZE, 3))
    y = ConvNorm(8, 7, strides=4)(normalization_layer()(inputs))
    y = OSBlock(16, streams=2, bottleneck_reduction=2, gate_reduction=2)(y)
    model = disturbed(keras.Model(inputs, keras.layers.Flatten()(y)))
    expected = array(model(images()))
    model.quantize("int8")
    gate = model.layers[3].gate
    assert {layer.kernel.dtype for layer in (gate.fc1, gate.fc2)} == {"int8"}
    found = array(model(images()))
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()
    assert np.any(found != expected)


def test_the_small_stem_leaves_small_pictures_their_size():
    """One 3x3 convolution of stride 1; by hand, what its output is at one place."""
    model = OSNet("osnet_x0_25", input_shape=(32, 32, 3), stem="3x3")
    large = OSNet("osnet_x0_25", input_shape=(32, 32, 3))
    assert large.count_params() - model.count_params() == (7 * 7 - 3 * 3) * 3 * 16
    assert model.get_layer("conv1").output.shape == (None, 32, 32, 16)
    assert model.get_layer("conv2_0").output.shape == (None, 32, 32, 64)
    assert model.get_layer("conv4_1").output.shape == (None, 8, 8, 128)
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype("float32")
    stem = keras.Model(model.input, model.get_layer("conv1").output)
    normalized = array(model.get_layer("normalization")(images))
    conv = model.get_layer("conv1")
    kernel = next(array(w) for w in conv.weights if w.path.endswith("kernel"))
    expected = np.einsum("hwi,hwio->o", normalized[0, 9:12, 4:7], kernel)
    # A fresh batch norm in inference divides by sqrt(1 + 1e-5); the ReLU follows
    expected = np.maximum(expected / np.sqrt(1 + 1e-5), 0)
    np.testing.assert_allclose(array(stem(images))[0, 10, 5], expected, rtol=1e-4, atol=1e-5)


def test_an_unknown_stem_is_refused():
    with pytest.raises(ArgumentError, match="`stem` must be one of '7x7', '3x3'"):
        OSNet("osnet_x0_25", stem="5x5")


def with_own_parts(**arguments):
    return OSNet(
        "osnet_x0_25", input_shape=(*SIZE, 3), feature_dim=16,
        pooling="generalized_mean", neck="batch_norm", **arguments,
    )  # fmt: skip


def test_pooling_and_neck_against_their_formulas(small):
    """On the maps and before the neck of the plain model."""
    model = disturbed(with_own_parts(), seed=3)
    maps = keras.Model(model.input, model.get_layer("conv5").output)(images())
    exponent = float(model.get_layer("global_gempool").p)
    pooled = (np.maximum(array(maps), 1e-6) ** exponent).mean((1, 2)) ** (1 / exponent)
    for name in ("fc", "fc_norm", "embedding"):
        pooled = model.get_layer(name)(pooled)
    neck = model.get_layer("bnneck")
    scale = array(neck.gamma) / np.sqrt(array(neck.moving_variance) + 1e-5)
    expected = (array(pooled) - array(neck.moving_mean)) * scale
    np.testing.assert_allclose(array(model(images())), expected, rtol=1e-3, atol=1e-4)
    assert expected.min() < 0


@pytest.mark.parametrize("suffix", [".keras", ".pth"])
def test_plain_weights_do_for_a_model_with_other_pooling_and_neck(small, suffix, tmp_path):
    path = tmp_path / f"plain{suffix}"
    if suffix == ".pth":
        pytest.importorskip("torch")
        from osnet_tf.weights import save_torch

        save_torch(small, path)
    else:
        add_classifier(small, 3, neck=True).save(path)
    model = with_own_parts(weights=path)
    for name in ("conv1", "conv4_1", "fc", "fc_norm"):
        pairs = zip(model.get_layer(name).variables, small.get_layer(name).variables, strict=True)
        for found, given in pairs:
            np.testing.assert_array_equal(array(found), array(given))
    assert float(model.get_layer("global_gempool").p) == 3.0
    np.testing.assert_array_equal(array(model.get_layer("bnneck").gamma), np.ones(16))
    own = tmp_path / "own.keras"
    disturbed(model).save(own)
    again = with_own_parts(weights=own)
    np.testing.assert_array_equal(array(again(images())), array(model(images())))
    with pytest.raises(ValueError, match="pooling='generalized_mean', neck='batch_norm', but"):
        OSNet("osnet_x0_25", input_shape=(*SIZE, 3), feature_dim=16, weights=own)


def test_the_public_code_has_neither_neck_nor_other_pooling(small):
    from osnet_tf.weights.torch_state import to_torch_state

    with pytest.raises(ArgumentError, match="the paper's blocks, pooling and embedding only"):
        to_torch_state(with_own_parts())
    with pytest.raises(ArgumentError, match="unknown variables: classifier_neck/gamma"):
        to_torch_state(add_classifier(small, 3, neck=True))


def test_a_neck_stands_between_embedding_and_classifier(small):
    """Before: beside the embedder. After: part of it, and losses on pairs see what is before."""
    model = disturbed(add_classifier(small, 3, neck=True))
    found = model(images())
    neck, classifier = model.get_layer("classifier_neck"), model.get_layer("classifier")
    np.testing.assert_allclose(found["embedding"], small(images()), rtol=1e-5)
    np.testing.assert_allclose(
        found["logits"], classifier(neck(found["embedding"])), rtol=1e-4, atol=1e-5
    )
    assert neck.beta is None
    embedder = disturbed(with_own_parts())
    model = add_classifier(embedder, 3, centers=True)
    found = model(images())
    assert sorted(found) == ["before_neck", "center_distances", "embedding", "logits"]
    neck = embedder.get_layer("bnneck")
    np.testing.assert_allclose(found["embedding"], neck(found["before_neck"]), rtol=1e-5)
    np.testing.assert_allclose(
        found["logits"], model.get_layer("classifier")(found["embedding"]), rtol=1e-4, atol=1e-5
    )
    squares = keras.ops.sum(keras.ops.square(found["before_neck"]), axis=1)  # centers are zeros
    np.testing.assert_allclose(found["center_distances"][:, 0], squares, rtol=1e-4)


@pytest.mark.parametrize("argument", ["pooling", "neck"])
def test_unknown_parts(argument):
    with pytest.raises(ArgumentError, match=rf"`{argument}` must be one of .*{argument}='x'"):
        OSNet("osnet_x0_25", **{argument: "x"})


@pytest.mark.one_backend
@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method:UserWarning")
def test_keras_quantizes_the_dense_layers(tmp_path):
    """Every child is built, as Keras asks; its int8 is of dense layers: the gates and the last."""
    keras.utils.set_random_seed(0)
    model = OSNet("osnet_x0_25", input_shape=(*SIZE, 3), streams=1)
    expected = array(model(images(size=SIZE)))
    model.quantize("int8")
    found = array(model(images(size=SIZE)))
    assert model.get_layer("fc").kernel.dtype == "int8"
    cosines = (found * expected).sum(1) / np.linalg.norm(found, axis=1)
    assert (cosines / np.linalg.norm(expected, axis=1)).min() > 0.999
    assert not np.array_equal(found, expected)
    for name in ("once.keras", "twice.keras"):  # what has been loaded saves as well
        model.save(tmp_path / name)
        model = keras.models.load_model(tmp_path / name)
    kernels = [v.dtype for v in model.variables if v.path.endswith("gate/fc1/kernel")]
    assert kernels == ["int8"] * 6
    np.testing.assert_array_equal(array(model(images(size=SIZE))), found)
