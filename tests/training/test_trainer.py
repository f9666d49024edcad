import os
import signal
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.errors import ArgumentError
from osnet_tf.training import DivergedError, Interrupted
from tests.training import tiny

#: What measures the machine, not the model.
TIMES = ("seconds", "images_per_second", "input_wait")


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
        kept = {name: value for name, value in logs.items() if name not in TIMES}
        self.epochs.append({"epoch": epoch, **kept})


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
    losses = [logs["loss"] for logs in record.epochs]
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


def fail():
    raise RuntimeError("the machine is gone")


def test_checkpoints_within_an_epoch(tmp_path):
    """Killed in the middle of an epoch, a run goes on from there; the rate's log is the epoch's."""
    rate = keras.optimizers.schedules.CosineDecay(0.01, 3 * tiny.STEPS)
    whole = Recorder()
    straight = train(tmp_path / "a", 3, whole, learning_rate=rate)
    arguments = {"learning_rate": rate, "checkpoint_minutes": 1e-9, "fetch_every": 2}
    with pytest.raises(RuntimeError, match="gone"):
        train(tmp_path / "b", 3, Recorder(at=2 * tiny.STEPS, action=fail), **arguments)
    rest = Recorder()
    resumed = train(tmp_path / "b", 3, rest, restore=True, **arguments)
    assert rest.steps == tiny.STEPS + 1  # the last checkpoint was of the epoch's second step
    assert_same_state(straight, resumed)
    assert rest.epochs == whole.epochs[1:]


def test_results_are_read_now_and_then(tmp_path, monkeypatch):
    """And a step's logs are its own, for whoever asks for them."""
    module = sys.modules["osnet_tf.training.trainer"]
    read, asked = [], []
    fetch = module.fetch
    monkeypatch.setattr(module, "fetch", lambda steps: read.append(len(steps)) or fetch(steps))
    losses = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: asked.append(logs["loss"])
    )
    record = Recorder()
    train(tmp_path, 2, losses, record, fetch_every=2)
    assert read == [2, 1, 2, 1]
    means = np.reshape(asked, (2, tiny.STEPS)).mean(axis=1)
    np.testing.assert_allclose([logs["loss"] for logs in record.epochs], means, rtol=1e-6)


def test_a_callback_may_stop_training(tmp_path):
    """Keras's own, after an epoch; the run stays at its end when it is resumed."""
    stop = keras.callbacks.EarlyStopping("loss", min_delta=100.0, patience=1)
    trainer = train(tmp_path, 9, stop)
    assert trainer.epochs_done == 2
    again = train(tmp_path, 9, restore=True)
    assert again.stopped
    assert again.epochs_done == 2
    assert_same_state(trainer, again)


def test_a_callback_may_stop_within_an_epoch(tmp_path):
    """The epoch ends there, as in Keras: its means are those of the steps that were made."""
    record, stop = Recorder(), Recorder(at=tiny.STEPS + 2)
    stop._action = lambda: setattr(stop.model, "stop_training", True)
    trainer = train(tmp_path, 9, stop, record)
    assert [logs["epoch"] for logs in record.epochs] == [0, 1]
    assert int(trainer.optimizer.iterations) == trainer.progress.total_steps == tiny.STEPS + 2
    assert trainer.latest_checkpoint.endswith(f"ckpt-{tiny.STEPS + 2}")
    assert record.epochs[1]["loss"] < record.epochs[0]["loss"]


def test_a_callback_may_change_the_rate(tmp_path):
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, min_delta=100.0, patience=1)
    record = Recorder()
    train(tmp_path, 3, plateau, record)
    assert [logs["learning_rate"] for logs in record.epochs] == pytest.approx([0.01, 0.01, 0.005])
    again = train(tmp_path, 3, restore=True)
    assert float(again.optimizer.learning_rate) == pytest.approx(0.0025)


def test_nan_stops_with_the_last_good_checkpoint_kept(tmp_path):
    """The step is named, though results are read only every ten of them."""
    good = train(tmp_path, 1)
    kept = good.latest_checkpoint
    trainer, step = tiny.make_trainer(tmp_path)
    trainer.restore()
    kernel = trainer.model.get_layer("fc").kernel
    poison = Recorder(at=1, action=lambda: kernel.assign(np.full((6, 5), np.nan)))
    with pytest.raises(DivergedError, match=r"epoch 2: loss is nan in step 2.*ckpt-3"):
        trainer.fit(2, lambda epoch: step, tiny.data_for, callbacks=[poison])
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


def test_invalid_arguments(tmp_path):
    with pytest.raises(ArgumentError, match="`fetch_every` must be an integer >= 1"):
        tiny.make_trainer(tmp_path, fetch_every=0)
    with pytest.raises(ArgumentError, match="`checkpoint_minutes` must be >= 0"):
        tiny.make_trainer(tmp_path, checkpoint_minutes=-1)
