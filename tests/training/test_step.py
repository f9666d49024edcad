import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.training import FusedAdam, MomentumSGD, TrainingStep, step_names
from osnet_tf.training.optimizers import slow_base
from osnet_tf.training.precision import dtype_policy
from tests.training import tiny

STRATEGY = tf.distribute.get_strategy()


def make_step(model=None, **arguments):
    model = model or tiny.make_model()
    optimizer = FusedAdam(0.01)
    optimizer.build(model.trainable_variables)
    return model, TrainingStep(
        model, tiny.make_losses(), optimizer, STRATEGY, metrics=tiny.METRICS, **arguments
    )


def sgd_step(optimizer=None, **arguments):
    """A step of plain gradient descent with rate 0.1, and its model."""
    model = tiny.make_model()
    optimizer = optimizer or MomentumSGD(0.1)
    optimizer.build(model.trainable_variables)
    return model, TrainingStep(
        model, tiny.make_losses(), optimizer, STRATEGY, metrics=tiny.METRICS, **arguments
    )


def tape_gradients(model, images, targets):
    """Gradients of the losses by a tape of the test's own; running statistics move."""
    with tf.GradientTape() as tape:
        loss, _ = tiny.make_losses()(targets, model(images, training=True))
    return tape.gradient(loss, [v.value for v in model.trainable_variables])


def assert_close(ours, expected, **tolerance):
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), **(tolerance or {"atol": 1e-6}))


def values(layer):
    return [v.numpy() for v in layer.variables]


def first_batch():
    return next(tiny.batches(0))


def test_some_layers_alone_learn_and_the_rest_stays_in_inference():
    model = tiny.make_model()
    model, step = make_step(model, only=[model.get_layer("classifier")], l2=1e-3)
    images, targets = first_batch()
    frozen = {layer.name: values(layer) for layer in model.layers if layer.name != "classifier"}
    head = values(model.get_layer("classifier"))
    expected = model(images, training=False)["logits"]
    log_p = tf.nn.log_softmax(expected)
    target = 0.9 * tf.one_hot(targets["kind"], tiny.CLASSES) + 0.1 / tiny.CLASSES
    loss = float(step(images, targets)["loss"])
    assert loss == pytest.approx(-float(tf.reduce_mean(tf.reduce_sum(target * log_p, 1))), rel=1e-5)
    for name, before in frozen.items():
        for x, y in zip(before, values(model.get_layer(name)), strict=True):
            np.testing.assert_array_equal(x, y)
    moved = values(model.get_layer("classifier"))
    assert all(not np.array_equal(x, y) for x, y in zip(head, moved, strict=True))


def test_results_are_means_over_the_batch():
    _, step = make_step()
    images, targets = first_batch()
    logits = tiny.make_model()(images, training=True)["logits"].numpy()
    results = step(images, targets)
    names = ["loss", "cross_entropy", "accuracy", "gradient_norm", "update_norm"]
    assert list(results) == step.names == names
    assert float(results["accuracy"]) == np.mean(logits.argmax(1) == targets["kind"])
    assert float(results["loss"]) == float(results["cross_entropy"])


def test_xla_gives_the_same_steps():
    (plain, step), (compiled, xla_step) = make_step(), make_step(xla=True)
    for x, y in tiny.batches(0):
        assert float(step(x, y)["loss"]) == pytest.approx(float(xla_step(x, y)["loss"]), rel=1e-4)
    for a, b in zip(plain.variables, compiled.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-3, atol=1e-4)


def test_accumulated_parts_give_the_mean_of_their_gradients():
    images, targets = first_batch()
    model, step = sgd_step(accumulation=2, l2=1e-2)
    loss = float(step(images, targets)["loss"])
    oracle = tiny.make_model()
    before = [v.numpy() for v in oracle.trainable_variables]
    first, second = (tape_gradients(oracle, x, y) for x, y in _halves(images, targets))
    expected = [
        w - 0.1 * ((a + b) / 2 + 1e-2 * w) for w, a, b in zip(before, first, second, strict=True)
    ]
    assert_close(model.trainable_variables, expected)
    assert_close(model.non_trainable_variables, oracle.non_trainable_variables)
    whole, plain = sgd_step(l2=1e-2)
    assert loss != float(plain(images, targets)["loss"])  # batch statistics are a part's
    assert np.abs(whole.trainable_variables[0] - model.trainable_variables[0]).max() > 1e-5


def _halves(images, targets):
    for half in (slice(0, tiny.BATCH // 2), slice(tiny.BATCH // 2, None)):
        yield images[half], {name: values[half] for name, values in targets.items()}


@pytest.mark.parametrize("clip_norm", [0.05, 100.0])
def test_clipping_by_the_global_norm(clip_norm):
    images, targets = first_batch()
    model, step = sgd_step(clip_norm=clip_norm, l2=1e-2)
    results = step(images, targets)
    oracle = tiny.make_model()
    before = [v.numpy() for v in oracle.trainable_variables]
    gradients = [np.asarray(g) for g in tape_gradients(oracle, images, targets)]
    norm = np.sqrt(sum((g.astype("float64") ** 2).sum() for g in gradients))
    assert 0.05 < norm < 100.0
    factor = min(1.0, clip_norm / norm)
    expected = [w - 0.1 * (factor * g + 1e-2 * w) for w, g in zip(before, gradients, strict=True)]
    assert_close(model.trainable_variables, expected)
    assert float(results["gradient_norm"]) == pytest.approx(norm, rel=1e-5)  # as it was
    moved = [v.numpy() - w for v, w in zip(model.trainable_variables, before, strict=True)]
    update_norm = np.sqrt(sum((m.astype("float64") ** 2).sum() for m in moved))
    assert float(results["update_norm"]) == pytest.approx(update_norm, rel=1e-5)


def test_a_scaled_loss_gives_the_same_step():
    arguments = {"clip_norm": 0.05, "l2": 1e-2, "accumulation": 2}
    plain, plain_step = sgd_step(**arguments)
    scaled, scaled_step = sgd_step(
        keras.optimizers.LossScaleOptimizer(MomentumSGD(0.1)), **arguments
    )
    for x, y in tiny.batches(0):
        results = [step(x, y) for step in (plain_step, scaled_step)]
        for name in plain_step.names:
            assert float(results[0][name]) == pytest.approx(float(results[1][name]), rel=1e-4)
    assert_close(plain.variables, scaled.variables)


def test_an_overflow_changes_no_weight_and_halves_the_scale():
    images, targets = first_batch()
    optimizer = keras.optimizers.LossScaleOptimizer(MomentumSGD(0.1))
    with dtype_policy("mixed_float16"):
        model, step = sgd_step(optimizer, l2=1e-2, clip_norm=1.0)
    optimizer.dynamic_scale.assign(2.0**40)  # float16 ends at 65,504
    before = [v.numpy() for v in model.trainable_variables]
    results = step(images, targets)
    assert np.isfinite(float(results["loss"]))
    assert float(results["gradient_norm"]) == float(results["update_norm"]) == 0.0
    assert_close(model.trainable_variables, before, atol=0)
    assert float(optimizer.dynamic_scale) == 2.0**39
    assert int(optimizer.iterations) == 0


#: Where a setting takes AVX-512 from oneDNN alone, TensorFlow, which asks the processor, calls its
#: bfloat16 kernels all the same. On a processor without AVX-512 it does not.
capped = pytest.mark.skipif(
    os.environ.get("ONEDNN_MAX_CPU_ISA", "AVX512").startswith(("SSE", "AVX2", "AVX_")),
    reason="ONEDNN_MAX_CPU_ISA leaves oneDNN without bfloat16",
)


@pytest.mark.parametrize(
    "precision", [pytest.param("mixed_bfloat16", marks=capped), "mixed_float16"]
)
def test_reduced_precision_learns_too(precision):
    """Weights stay float32 and the loss falls about as far as in float32."""
    falls = {}
    for name in ("float32", precision):
        optimizer = MomentumSGD(0.1, momentum=0.9)
        if name == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        with dtype_policy(name):
            model, step = sgd_step(optimizer)
        assert {v.dtype for v in model.trainable_variables} == {"float32"}
        losses = []
        for epoch in range(20):
            losses += [float(step(x, y)["loss"]) for x, y in tiny.batches(epoch)]
        falls[name] = np.mean(losses[-6:]) / np.mean(losses[:6])
    assert falls["float32"] < 0.85
    assert falls[precision] == pytest.approx(falls["float32"], abs=0.05)


def test_new_layers_may_learn_faster():
    images, targets = first_batch()
    start = [v.numpy() for v in tiny.make_model().trainable_variables]
    plain, step = sgd_step()
    step(images, targets)
    slowed, optimizer = tiny.make_model(), MomentumSGD(0.1)
    embedder = keras.Model(slowed.input, slowed.output["embedding"])
    slow_base(optimizer, slowed, embedder, 0.1)
    TrainingStep(slowed, tiny.make_losses(), optimizer, STRATEGY)(images, targets)
    for before, a, b in zip(
        start, plain.trainable_variables, slowed.trainable_variables, strict=True
    ):
        factor = 1.0 if "classifier" in a.path else 0.1
        np.testing.assert_allclose(b.numpy() - before, factor * (a.numpy() - before), atol=1e-7)


def test_invalid_arguments():
    with pytest.raises(ValueError, match=r"`clip_norm` must be >= 0. Received: clip_norm=-1"):
        make_step(clip_norm=-1)
    with pytest.raises(ValueError, match=r"`accumulation` must be an integer >= 1"):
        make_step(accumulation=0)
    with pytest.raises(ValueError, match=r"Two results of a step have the name 'cross_entr"):
        step_names(tiny.make_losses(), {"cross_entropy": tiny.accuracy})
    with pytest.raises(ValueError, match=r"There is no weight to train. Received: only=\[\]"):
        make_step(only=[])
    with pytest.raises(ValueError, match=r"`l2` must be >= 0. Received: l2=-1"):
        make_step(l2=-1)
