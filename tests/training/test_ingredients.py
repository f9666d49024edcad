"""Progressive resizing and the average of the last epochs, in whole runs."""

import keras
import numpy as np
import pytest

from osnet_tf.architecture import architecture_of
from osnet_tf.runs import RunDir
from osnet_tf.training import ConfigError, TrainingConfig, fit, fitting
from tests.training.small_runs import config, make_people

SETTINGS = {
    "epochs": 3, "progressive_epochs": (1, 2), "average_epochs": 2, "layer_rate_decay": 0.7,
    "trivial": 0.5, "pad": 4, "height": 64, "width": 32, "batch_size": 16,
}  # fmt: skip


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_people(folder)
    return folder


class Weights(keras.callbacks.Callback):
    """Those after each step; stops the run before an epoch."""

    def __init__(self, stop_before=None):
        super().__init__()
        self.steps, self._stop_before = [], stop_before

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self._stop_before:
            raise KeyboardInterrupt
        self.steps.append([])

    def on_train_batch_end(self, batch, logs=None):
        self.steps[-1].append({v.path: v.numpy() for v in self.model.variables})


def test_images_grow_and_the_last_epochs_are_averaged(data_dir, tmp_path, monkeypatch):
    sizes, dataset = [], fitting.training_dataset

    def recorded(images, targets, batches, *, augmentation, epoch, **options):
        sizes.append((epoch, images.size, augmentation.pad))
        return dataset(images, targets, batches, augmentation=augmentation, epoch=epoch, **options)

    monkeypatch.setattr(fitting, "training_dataset", recorded)
    settings, run, weights = config(data_dir, **SETTINGS), RunDir(tmp_path / "run"), Weights()
    fit(settings, run.path, callbacks=[weights])
    assert sorted(set(sizes)) == [(0, (32, 16), 2), (1, (48, 24), 3), (2, (64, 32), 4)]

    saved = keras.models.load_model(run.embedder)
    assert saved.input_shape == (None, 64, 32, 3)
    assert architecture_of(saved).streams == 1
    averaged = [step for epoch in weights.steps[1:] for step in epoch]
    assert len(averaged) == 4
    for variable in saved.variables:
        values = [step[variable.path].astype("float64") for step in averaged]
        np.testing.assert_allclose(
            variable.numpy(), np.mean(values, axis=0), rtol=1e-4, atol=1e-5, err_msg=variable.path
        )
    last = averaged[-1]
    assert any(np.abs(v.numpy() - last[v.path]).max() > 1e-4 for v in saved.variables)

    halted = RunDir(tmp_path / "halted")
    with pytest.raises(KeyboardInterrupt):
        fit(settings, halted.path, callbacks=[Weights(stop_before=2)])
    fit(settings, halted.path, resume=True)
    again = keras.models.load_model(halted.embedder)
    for x, y in zip(again.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"progressive_epochs": (4, 2)}, "`progressive_epochs` must rise strictly"),
        ({"progressive_epochs": (2, 5), "epochs": 5}, "`progressive_epochs` must be < epochs, 5"),
        ({"progressive_scale": 0.0}, "`progressive_scale` must be > 0 and <= 1"),
        ({"average_epochs": 2, "average_decay": 0.9}, "`average_epochs` cannot go with average_"),
        ({"average_epochs": 3, "epochs": 2}, "`average_epochs` must be <= epochs, 2"),
        ({"layer_rate_decay": 1.5}, "`layer_rate_decay` must be > 0 and <= 1"),
        ({"trivial": -0.1}, "`trivial` must be >= 0 and <= 1"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ConfigError, match=message):
        TrainingConfig(**settings)
