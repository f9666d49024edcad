"""Every loss in Keras's own `compile` and `fit`, on whichever backend runs the tests."""

import keras
import numpy as np
import pytest

from osnet_tf.losses import (
    BatchHardTripletLoss,
    CenterLoss,
    CircleLoss,
    MarginSoftmaxLoss,
    SemiHardTripletLoss,
)
from osnet_tf.models import add_classifier
from tests.layer_test_kit import array, is_tensorflow

PIDS = np.arange(16) % 4
FEATURES = (np.eye(4)[PIDS] + 0.1 * np.random.default_rng(0).standard_normal((16, 4))).astype(
    "float32"
)
ON_EMBEDDING = {
    "triplet": BatchHardTripletLoss,
    "soft_margin": lambda **arguments: BatchHardTripletLoss(soft_margin=True, **arguments),
    "semi_hard": SemiHardTripletLoss,
    "circle": CircleLoss,
}


def make_embedder():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    return keras.Model(inputs, keras.layers.Dense(6, dtype="float32", name="embedding")(hidden))


def fit(model, loss, labels, steps):
    """Trains on the one batch, `steps` times; returns the loss before and after."""
    # Keras would choose XLA for TensorFlow too: slow to compile on a CPU
    model.compile(keras.optimizers.Adam(0.02), loss=loss, jit_compile=not is_tensorflow())
    repeated = keras.tree.map_structure(lambda array: np.tile(array, steps), labels)
    before = model.evaluate(FEATURES, labels, batch_size=16, verbose=0, return_dict=True)
    model.fit(np.tile(FEATURES, (steps, 1)), repeated, batch_size=16, shuffle=False, verbose=0)
    after = model.evaluate(FEATURES, labels, batch_size=16, verbose=0, return_dict=True)
    return before["loss"], after["loss"]


@pytest.mark.parametrize(
    ("name", "policy"),
    [("triplet", "float32"), *((name, "mixed_bfloat16") for name in ON_EMBEDDING)],
)
def test_losses_on_pairs_train(name, policy):
    keras.config.set_dtype_policy(policy)
    before, after = fit(make_embedder(), ON_EMBEDDING[name](), PIDS, steps=25)
    assert after < 0.5 * before


# as in tests/conftest.py: Keras and NumPy 2, here for the optimizer's learning rate
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
@pytest.mark.parametrize("kind", ["arcface", "cosface"])
def test_margin_softmax_and_centers_train_together(kind, tmp_path):
    model = add_classifier(make_embedder(), 4, head="cosine", centers=True)
    before = array(model.get_layer("centers").centers)
    losses = {"logits": MarginSoftmaxLoss(kind, scale=8.0), "center_distances": CenterLoss()}
    labels = dict.fromkeys(losses, PIDS)
    start, end = fit(model, losses, labels, steps=60)
    assert end < 0.5 * start
    outputs = {name: array(value) for name, value in model(FEATURES).items()}
    np.testing.assert_array_equal(outputs["logits"].argmax(1), PIDS)
    assert np.abs(array(model.get_layer("centers").centers) - before).max() > 0.1
    # the compiled model comes back whole: heads, centers and losses
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for name, value in loaded(FEATURES).items():
        np.testing.assert_array_equal(array(value), outputs[name])
    found = [m.evaluate(FEATURES, labels, verbose=0, return_dict=True) for m in (model, loaded)]
    assert found[0] == pytest.approx(found[1], rel=1e-6)


@pytest.mark.one_backend  # JAX compiles everything anyway
@pytest.mark.parametrize("name", [*ON_EMBEDDING, "arcface", "center"])
def test_xla_computes_the_same(name):
    import tensorflow as tf

    others = {"arcface": MarginSoftmaxLoss, "center": CenterLoss}
    loss, x = {**ON_EMBEDDING, **others}[name](), tf.constant(FEATURES)

    def value_and_gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(PIDS, x)
        return value, tape.gradient(value, x)

    compiled = tf.function(value_and_gradient, jit_compile=True)
    for found, expected in zip(compiled(x), value_and_gradient(x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_sample_weights_weigh_anchors():
    """As in any Keras loss: an anchor of weight 0 counts for nothing but stays in the others'
    triplets."""
    weights = np.array([1.0, 0.0] * 8, "float32")
    for make in ON_EMBEDDING.values():
        each = array(make(reduction="none")(PIDS, FEATURES))
        found = float(make()(PIDS, FEATURES, sample_weight=weights))
        assert found == pytest.approx((each * weights).mean(), rel=1e-5)
