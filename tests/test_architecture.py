"""A model's architecture, read back from everything that a model can become."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from osnet_tf import OSNet, add_classifier
from osnet_tf.architecture import Architecture, architecture_of, fingerprint, layer_names
from osnet_tf.errors import ArgumentError
from osnet_tf.presets import GATES, LITE_KINDS, PRESETS
from tests.layer_test_kit import array

SIZE = (16, 16, 3)
DEPTHWISE_FIRST = {"streams": 1, "lite": "depthwise_pointwise", "gate": "none", "feature_dim": 8}


def tiny(preset="osnet_x0_25", **arguments):
    return OSNet(preset, input_shape=SIZE, **{"streams": 1, "feature_dim": 8, **arguments})


@pytest.fixture(scope="module")
def model():
    return tiny(**DEPTHWISE_FIRST, name="osnet_x1_0")  # another preset's name


def reloaded(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.models.load_model(tmp_path / "model.keras")


def wrapped(model):
    images = keras.Input(SIZE)
    return keras.Model(images, keras.layers.UnitNormalization()(model(images)))


WAYS = {
    "itself": lambda model, _: model,
    "reloaded": reloaded,
    "cloned": lambda model, _: keras.models.clone_model(model),
    "from its config": lambda model, _: keras.Model.from_config(model.get_config()),
    "with a classifier": lambda model, _: add_classifier(model, 3),
    "with its inner layers": lambda model, _: keras.Model(
        model.input, [model.get_layer("conv5").output, model.output]
    ),
    "with more layers": lambda model, _: keras.Model(
        model.input, keras.layers.Dense(2)(model.output)
    ),
    "within another": lambda model, _: wrapped(model),
    "a clone of that": lambda model, _: keras.models.clone_model(wrapped(model)),
    "a classifier reloaded": lambda model, tmp_path: reloaded(add_classifier(model, 3), tmp_path),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_survives(model, way, tmp_path):
    found = architecture_of(WAYS[way](model, tmp_path))
    assert found == Architecture("osnet_x0_25", **DEPTHWISE_FIRST)
    assert not found.is_public


@pytest.mark.parametrize(
    ("preset", "arguments"),
    [
        *(("osnet_ain_x0_25", {"gate": gate}) for gate in GATES),
        *(("osnet_ibn_x0_25", {"lite": lite}) for lite in LITE_KINDS),
        ("osnet_x0_5", {"feature_dim": np.int64(16), "streams": np.int64(3)}),
    ],
)
def test_it_is_what_the_model_was_built_with(preset, arguments):
    arguments = {"streams": 1, "feature_dim": 8, **arguments}
    found = architecture_of(OSNet(preset, input_shape=SIZE, **arguments))
    assert found == Architecture(preset, **arguments)
    assert found.widths == PRESETS[preset].widths
    assert found.stem_norm == PRESETS[preset].stem_norm
    assert found.instance_norms == PRESETS[preset].instance_norms
    assert Architecture.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_only_the_papers_parts_are_public():
    assert Architecture("osnet_ain_x0_5", feature_dim=128).is_public
    for change in ({"streams": 3}, {"lite": "full"}, {"gate": "separate"}):
        assert not Architecture("osnet_x0_25", **change).is_public
    assert str(Architecture("osnet_x0_25", 64, streams=1)) == (
        "osnet_x0_25 with feature_dim=64, streams=1"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "osnet_x2"}, "`preset` must be one of"),
        ({"streams": 0}, r"`streams` must be an integer >= 1. Received: streams=0"),
        ({"streams": 17}, r"`streams` must be <= 16. Received: streams=17"),
        ({"lite": "dw"}, r"`lite` must be one of .* Received: lite='dw'"),
        ({"gate": None}, r"`gate` must be one of .* Received: gate=None"),
        ({"feature_dim": 8.0}, r"`feature_dim` must be an integer >= 1. Received: feature_dim=8.0"),
    ],
)
def test_invalid_architectures(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Architecture(**{"preset": "osnet_x0_25", **arguments})


def test_a_description_must_be_whole_and_agree_with_itself():
    data = Architecture("osnet_x0_25").to_dict()
    for wrong in ({**data, "widths": [1, 2, 3, 4]}, {**data, "more": 1}, {"preset": "x"}, [data]):
        with pytest.raises(ArgumentError, match="This describes no architecture"):
            Architecture.from_dict(wrong)


def edited(model, layer, **changes):
    config = model.get_config()
    for entry in config["layers"]:
        if entry["config"]["name"] == layer:
            entry["config"].update(changes)
    return keras.Model.from_config(config)


@pytest.mark.parametrize(
    ("layer", "changes", "message"),
    [
        ("conv5", {"activation": None}, r"not quite .*: layer 'conv5' has activation=None, not"),
        ("conv3_1", {"lite": "full"}, r"layer 'conv3_1' has lite='full', not 'depthwise_point"),
        ("conv2_1", {"instance_norm": "output"}, "'conv2_1' has instance_norm='output', not None"),
        ("normalization", {"scale": 1 / 255}, r"'normalization' has scale=0.0039"),
        ("conv1", {"filters": 20}, "no preset has a stem and a first block such as"),
        ("embedding", {"negative_slope": 0.1}, "has negative_slope=0.1, not 0.0"),
    ],
)
def test_what_is_nearly_an_osnet_is_none(model, layer, changes, message):
    with pytest.raises(ArgumentError, match=rf"The model 'osnet_x1_0' is no OSNet: .*{message}"):
        architecture_of(edited(model, layer, **changes))


def test_other_models_have_none(model):
    half = keras.Model(model.input, model.get_layer("fc").output, name="half")
    with pytest.raises(ArgumentError, match="'half' is no OSNet: it has no layer 'fc_norm'"):
        architecture_of(half)
    images = keras.Input(SIZE)
    both = keras.Model(images, [model(images), tiny(name="other")(images)], name="both")
    with pytest.raises(ArgumentError, match="it contains several: osnet_x0_25 with feature_dim=8"):
        architecture_of(both)


def test_the_layers_are_listed_in_their_order(model):
    assert [layer.name for layer in model.layers] == ["images", *layer_names("7x7")]


def test_the_small_stem_is_read_and_kept(tmp_path):
    small = tiny(stem="3x3")
    assert [layer.name for layer in small.layers] == ["images", *layer_names("3x3")]
    assert str(architecture_of(small)).endswith("stem='3x3'")
    assert not architecture_of(small).is_public
    assert architecture_of(reloaded(small, tmp_path)) == architecture_of(small)
    assert fingerprint(small) == fingerprint(reloaded(small, tmp_path))


def renamed(model):
    config = {**model.get_config(), "name": "another name"}
    result = keras.Model.from_config(config)
    result.set_weights(model.get_weights())
    return result


@pytest.mark.parametrize(
    "arguments", [{"pooling": "generalized_mean"}, {"neck": "batch_norm"}], ids=str
)
def test_pooling_and_neck_are_read_and_kept(arguments, tmp_path):
    own = tiny(**arguments)
    found = architecture_of(own)
    assert [layer.name for layer in own.layers] == ["images", *layer_names("7x7", **arguments)]
    for name, value in arguments.items():
        assert f"{name}={value!r}" in str(found)
        with pytest.raises(ArgumentError, match=rf"`{name}` must be one of .*{name}='x'"):
            Architecture("osnet_x0_25", **{name: "x"})
    assert found == Architecture.from_dict(json.loads(json.dumps(found.to_dict())))
    assert not found.is_public
    assert found.plain == architecture_of(tiny())
    again = reloaded(own, tmp_path)
    assert architecture_of(again) == architecture_of(add_classifier(again, 3)) == found
    assert fingerprint(again) == fingerprint(own) != fingerprint(tiny())


def test_a_neck_before_the_classifier_is_none_of_the_embedder():
    model = add_classifier(tiny(), 3, neck=True)
    assert architecture_of(model) == architecture_of(tiny())
    with pytest.raises(ArgumentError, match=r"layer 'bnneck' has epsilon=0.1, not 1e-05"):
        architecture_of(edited(tiny(neck="batch_norm"), "bnneck", epsilon=0.1))


@pytest.mark.parametrize("kind", ["embedder", "classifier", "within another"])
def test_a_fingerprint_is_of_what_is_computed(kind, tmp_path):
    make = {"classifier": lambda m: add_classifier(m, 2), "within another": wrapped}
    model = make.get(kind, lambda m: m)(tiny())
    first = fingerprint(model)
    assert len(first) == 64
    assert first == fingerprint(model) == fingerprint(reloaded(model, tmp_path))
    assert first == fingerprint(renamed(model))
    weight = model.weights[-1]
    value = array(weight)
    value.flat[0] = np.nextafter(value.flat[0], np.float32(2), dtype="float32")
    weight.assign(value)
    assert fingerprint(model) != first


def test_a_fingerprint_is_of_the_architecture_and_the_size_too(model):
    """The same weights in another order of layers, for other images, in bfloat16, and wrapped."""
    first = fingerprint(model)
    other = tiny(**{**DEPTHWISE_FIRST, "lite": "pointwise_depthwise"})
    values = {weight.path: array(weight) for weight in model.weights}
    for weight in other.weights:  # they are made in another order
        weight.assign(values[weight.path])
    size = OSNet("osnet_x0_25", input_shape=(32, 16, 3), **DEPTHWISE_FIRST)
    size.set_weights(model.get_weights())
    keras.config.set_dtype_policy("mixed_bfloat16")
    half = tiny(**DEPTHWISE_FIRST)
    keras.config.set_dtype_policy("float32")
    half.set_weights(model.get_weights())
    inner = keras.Model(model.input, [model.get_layer("conv5").output, model.output])
    unit = keras.Model(model.input, keras.layers.UnitNormalization()(model.output))
    assert len({first, *(fingerprint(m) for m in (other, size, half, inner, unit))}) == 6


def test_an_architecture_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Architecture("osnet_x0_25").streams = 1
