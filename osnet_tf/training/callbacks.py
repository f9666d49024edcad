"""What happens beside training: progress, metrics.csv, TensorBoard."""

import csv
import os
import sys

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from osnet_tf.errors import FileError, WriteError
from osnet_tf.files import check_regular_file, whole_file


class ProgressBar(keras.callbacks.Callback):
    """A bar for each epoch with images per second, time left and loss (tqdm, on stderr).

    Args:
        images_per_step: Global batch size.
        steps: Steps in an epoch.
        epochs: Epochs of the run.
        figures: Names of the logs that an epoch's bar ends with, beside the loss.
    """

    def __init__(self, images_per_step, steps, epochs, figures=()):
        super().__init__()
        self._images_per_step = images_per_step
        self._steps = steps
        self._epochs = epochs
        self._shown = ("loss", *figures)
        self._bar = None

    def on_epoch_begin(self, epoch, logs=None):
        self._bar = tqdm(
            total=self._steps * self._images_per_step,
            initial=(logs or {}).get("step", 0) * self._images_per_step,
            desc=f"epoch {epoch + 1}/{self._epochs}",
            unit=" images",
            dynamic_ncols=True,
            # A log file wants a line now and then, a terminal a live bar
            mininterval=0.2 if sys.stderr.isatty() else 30,
        )

    def on_train_batch_end(self, batch, logs=None):
        drawn = self._bar.update(self._images_per_step)
        if drawn:  # now and then: reading the loss waits for the device
            self._bar.set_postfix(loss=f"{logs['loss']:.3f}", refresh=False)

    def on_epoch_end(self, epoch, logs=None):
        self._bar.set_postfix({k: f"{logs[k]:.3f}" for k in self._shown if k in logs})
        self._bar.close()

    def on_train_end(self, logs=None):
        if self._bar is not None:
            self._bar.close()


class MetricsCSV(keras.callbacks.Callback):
    """Writes `metrics.csv`, a line for each epoch.

    A resumed run drops the lines of epochs that it repeats, so no epoch stands there twice. The
    file is replaced as a whole: a reader never sees half a line.

    Args:
        path: The file.
        columns: Names of the logs to write; "epoch", from 1, goes first.
        first_epoch: Epochs done before this run.

    Raises FileError if the file that is to be gone on with is no table of epochs; WriteError, at
    the end of an epoch, if it cannot be written.
    """

    def __init__(self, path, columns, first_epoch=0):
        super().__init__()
        self._path = str(path)
        self._columns = ["epoch", *columns]
        self._rows = []
        if first_epoch and os.path.exists(self._path):
            self._rows = [row for row in self._read() if int(row["epoch"]) <= first_epoch]

    def _read(self):
        check_regular_file(self._path)
        try:
            with open(self._path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file, strict=True))
            for row in rows:
                int(row["epoch"])
                unknown = set(row) - set(self._columns)
                if unknown:
                    raise ValueError(f"unknown columns {sorted(map(str, unknown))}")
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise FileError(
                self._path, f"is damaged, no table of epochs: {error}. Remove it to go on without"
            ) from None
        return rows

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        values = {k: f"{v:.6g}" for k, v in logs.items() if k in self._columns}
        self._rows.append({"epoch": epoch + 1, **values})
        with whole_file(self._path) as new, open(new, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns, restval="")
            writer.writeheader()
            writer.writerows(self._rows)


class TensorBoard(keras.callbacks.Callback):
    """Writes the logs of each epoch as TensorBoard scalars; of some epochs more than that.

    After the first epoch and each one that was evaluated it adds histograms of all trained weights
    and a sheet of training images, augmented, as the model saw them.

    (Keras's own callback reads its scalars off a compiled model, which this loop does not have.)

    Args:
        log_dir: Folder of the event files.
        images_of: None, or epoch -> uint8 `(batch, height, width, 3)`, RGB of 0..255.
        figures: Names of the logs that only an epoch that was evaluated has.

    Raises WriteError if the folder cannot be written to.
    """

    _COLUMNS = 8
    _ROWS = 4

    def __init__(self, log_dir, images_of=None, figures=()):
        super().__init__()
        try:
            self._writer = tf.summary.create_file_writer(str(log_dir))
        except tf.errors.OpError as error:  # a file lies there, or it may not be made
            raise WriteError(log_dir, error.message) from None
        self._images_of = images_of
        self._figures = figures

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        with self._writer.as_default(step=epoch + 1):
            for name, value in logs.items():
                tf.summary.scalar(name, value)
            if epoch == 0 or any(name in logs for name in self._figures):
                self._add_weights()
                if self._images_of is not None:
                    tf.summary.image("training_images", self._sheet(self._images_of(epoch)))
        self._writer.flush()

    def on_train_end(self, logs=None):
        self._writer.close()

    def _add_weights(self):
        for variable in self.model.trainable_variables:
            tf.summary.histogram(variable.path, variable.value)

    def _sheet(self, images):
        """The first images side by side in rows, as one `(1, height, width, 3)`."""
        images = np.asarray(images)
        columns = min(self._COLUMNS, len(images))
        rows = min(self._ROWS, len(images) // columns)
        _, height, width, _ = images.shape
        sheet = images[: rows * columns].reshape(rows, columns, height, width, 3)
        return sheet.swapaxes(1, 2).reshape(1, rows * height, columns * width, 3)
