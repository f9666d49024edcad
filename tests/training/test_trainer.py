import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.training import DivergedError, Interrupted
from tests.training import tiny


class Recorder(keras.callbacks.Callback):
    """Keeps the logs of each epoch; acts at one step."""

    def __init__(self, at=None, action=None):
        super().__init__()
        self.epochs, self.steps, self._at, self._action = [], 0, at, action

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps == self._at:
            self._action()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append((epoch, logs["loss"], logs["accuracy"]))


def train(folder, epochs, *callbacks, restore=False, **arguments):
    trainer, step = tiny.make_trainer(folder, **arguments)
    if restore:
        trainer.restore()
    trainer.fit(epochs, lambda epoch: step, tiny.data_for, callbacks=callbacks)
    return trainer


def assert_same_state(a, b):
    for x, y in zip(tiny.state(a), tiny.state(b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_training_lowers_the_loss(tmp_path):
    record = Recorder()
    trainer = train(tmp_path, 12, record)
    losses = [loss for _, loss, _ in record.epochs]
    assert losses[-1] < 0.8 * losses[0]
    assert trainer.epochs_done == 12
    assert int(trainer.optimizer.iterations) == 12 * tiny.STEPS


def test_the_steps_are_those_of_plain_gradient_descent_with_l2(tmp_path):
    """An oracle of its own: a gradient tape, coupled L2 and stock Keras AMSGrad."""
    trainer = train(tmp_path, 2)
    model = tiny.make_model()
    optimizer = keras.optimizers.Adam(0.01, amsgrad=True)
    for epoch in range(2):
        for images, labels in zip(*tiny.make_batches(epoch), strict=True):
            with tf.GradientTape() as tape:
                log_p = tf.nn.log_softmax(model(images, training=True)["logits"])
                target = 0.9 * tf.one_hot(labels, tiny.CLASSES) + 0.1 / tiny.CLASSES
                loss = -tf.reduce_mean(tf.reduce_sum(target * log_p, axis=1))
            variables = model.trainable_variables
            gradients = tape.gradient(loss, [v.value for v in variables])
            optimizer.apply(
                [g + 5e-4 * v.value for g, v in zip(gradients, variables, strict=True)], variables
            )
    for ours, oracle in zip(trainer.model.variables, model.variables, strict=True):
        # conv biases aside, Adam divides by the root of tiny gradients: float noise grows
        np.testing.assert_allclose(ours.numpy(), oracle.numpy(), rtol=1e-3, atol=1e-4)


def test_a_resumed_run_equals_one_that_never_stopped(tmp_path):
    whole = Recorder()
    straight = train(tmp_path / "a", 4, whole)
    train(tmp_path / "b", 2)
    rest = Recorder()
    resumed = train(tmp_path / "b", 4, rest, restore=True)
    assert_same_state(straight, resumed)
    assert rest.epochs == whole.epochs[2:]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_in_mid_epoch_loses_nothing(tmp_path, number):
    whole = Recorder()
    straight = train(tmp_path / "a", 3, whole)
    stop = Recorder(at=tiny.STEPS + 2, action=lambda: os.kill(os.getpid(), number))
    with pytest.raises(Interrupted) as caught:
        train(tmp_path / "b", 3, stop)
    assert caught.value.signal_name == number.name
    assert caught.value.checkpoint.endswith(f"ckpt-{tiny.STEPS + 2}")
    rest = Recorder()
    resumed = train(tmp_path / "b", 3, rest, restore=True)
    assert rest.steps == 2 * tiny.STEPS - 2
    assert_same_state(straight, resumed)
    assert rest.epochs == whole.epochs[1:]  # the epoch's mean counts the steps before the stop too


def test_nan_stops_with_the_last_good_checkpoint_kept(tmp_path):
    good = train(tmp_path, 1)
    kept = good.latest_checkpoint
    trainer, step = tiny.make_trainer(tmp_path)
    trainer.restore()

    def poisoned(epoch):
        trainer.model.get_layer("fc").kernel.assign(np.full((6, 5), np.nan))
        return step

    with pytest.raises(DivergedError, match=r"epoch 2: the loss is nan in step 1.*ckpt-3"):
        trainer.fit(2, poisoned, tiny.data_for)
    again, _ = tiny.make_trainer(tmp_path)
    assert again.restore() == kept
    assert_same_state(again, good)


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    trainer = train(tmp_path, 1)
    kept = trainer.latest_checkpoint
    trainer.model.get_layer("fc").bias.assign(np.full(5, np.inf))
    with pytest.raises(DivergedError, match="bias is not finite"):
        trainer.save()
    assert trainer.latest_checkpoint == kept


def test_only_the_newest_checkpoints_are_kept(tmp_path):
    train(tmp_path, 4, keep_checkpoints=2)
    numbers = {path.name.split(".")[0] for path in tmp_path.glob("ckpt-*")}
    assert numbers == {f"ckpt-{3 * tiny.STEPS}", f"ckpt-{4 * tiny.STEPS}"}


def test_nothing_to_restore(tmp_path):
    trainer, _ = tiny.make_trainer(tmp_path)
    assert trainer.restore() is None
    assert trainer.epochs_done == 0
