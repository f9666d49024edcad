import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.training import FusedAdam, TrainingStep
from tests.training import tiny

STRATEGY = tf.distribute.get_strategy()


def make_step(model=None, **arguments):
    model = model or tiny.make_model()
    optimizer = FusedAdam(0.01)
    optimizer.build(model.trainable_variables)
    return model, TrainingStep(model, tiny.make_losses(), optimizer, STRATEGY, **arguments)


def values(layer):
    return [v.numpy() for v in layer.variables]


def test_classifier_only_trains_the_classifier_and_leaves_the_rest_in_inference():
    model, step = make_step(classifier_only=True, l2=1e-3)
    images, labels = tiny.make_batches(0)
    frozen = {layer.name: values(layer) for layer in model.layers if layer.name != "classifier"}
    head = values(model.get_layer("classifier"))
    expected = model(images[0], training=False)["logits"]
    log_p = tf.nn.log_softmax(expected)
    target = 0.9 * tf.one_hot(labels[0], tiny.CLASSES) + 0.1 / tiny.CLASSES
    loss = float(step(images[0], labels[0])["loss"])
    assert loss == pytest.approx(-float(tf.reduce_mean(tf.reduce_sum(target * log_p, 1))), rel=1e-5)
    for name, before in frozen.items():
        for x, y in zip(before, values(model.get_layer(name)), strict=True):
            np.testing.assert_array_equal(x, y)
    moved = values(model.get_layer("classifier"))
    assert all(not np.array_equal(x, y) for x, y in zip(head, moved, strict=True))


def test_results_are_means_over_the_batch():
    _, step = make_step()
    images, labels = tiny.make_batches(0)
    logits = tiny.make_model()(images[0], training=True)["logits"].numpy()
    results = step(images[0], labels[0])
    assert set(results) == {"loss", "cross_entropy", "accuracy"}
    assert float(results["accuracy"]) == np.mean(logits.argmax(1) == labels[0])
    assert float(results["loss"]) == float(results["cross_entropy"])


def test_xla_gives_the_same_steps():
    (plain, step), (compiled, xla_step) = make_step(), make_step(xla=True)
    images, labels = tiny.make_batches(0)
    for x, y in zip(images, labels, strict=True):
        assert float(step(x, y)["loss"]) == pytest.approx(float(xla_step(x, y)["loss"]), rel=1e-4)
    for a, b in zip(plain.variables, compiled.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-3, atol=1e-4)


def test_invalid_arguments():
    with pytest.raises(ValueError, match=r"`l2` must be >= 0. Received: l2=-1"):
        make_step(l2=-1)
