import csv

import keras
import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.errors import FileError, WriteError
from osnet_tf.training.callbacks import MetricsCSV, TensorBoard


def rows(path):
    with open(path, newline="") as file:
        return [(row["epoch"], row["loss"], row["mAP"]) for row in csv.DictReader(file)]


def test_a_line_for_each_epoch_and_none_twice(tmp_path):
    path = tmp_path / "metrics.csv"
    first = MetricsCSV(path, ["loss", "mAP"])
    first.on_epoch_end(0, {"loss": 2.0, "other": 1.0})
    first.on_epoch_end(1, {"loss": 1.0, "mAP": 0.25})
    assert rows(path) == [("1", "2", ""), ("2", "1", "0.25")]
    # killed after the line of epoch 2, before its checkpoint: epoch 2 is trained again
    again = MetricsCSV(path, ["loss", "mAP"], first_epoch=1)
    again.on_epoch_end(1, {"loss": 1.5})
    assert rows(path) == [("1", "2", ""), ("2", "1.5", "")]


def test_a_new_run_starts_a_new_file(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,loss,mAP\n7,1,1\n")
    MetricsCSV(path, ["loss", "mAP"]).on_epoch_end(0, {"loss": 3.0})
    assert rows(path) == [("1", "3", "")]


def test_tensorboard_holds_scalars_weights_and_the_images_as_they_were(tmp_path):
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 256, (11, 6, 4, 3), dtype="uint8")
    board = TensorBoard(tmp_path, lambda epoch: batch, figures=("mAP",))
    board.set_model(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="head")]))
    board.on_epoch_end(0, {"loss": 2.5, "learning_rate": 0.125})
    board.on_epoch_end(1, {"loss": 1.5})
    board.on_epoch_end(2, {"mAP": 0.5})
    board.on_train_end()
    [file] = tmp_path.iterdir()
    found = {}
    for event in tf.compat.v1.train.summary_iterator(str(file)):
        for value in event.summary.value:
            found.setdefault(value.tag, {})[event.step] = value.tensor
    assert {step: float(tf.make_ndarray(t)) for step, t in found["loss"].items()} == {
        1: 2.5,
        2: 1.5,
    }
    assert float(tf.make_ndarray(found["learning_rate"][1])) == 0.125
    [kernel] = [tag for tag in found if tag.endswith("head/kernel")]
    assert set(found[kernel]) == set(found["training_images"]) == {1, 3}
    buckets = tf.make_ndarray(found[kernel][1])
    assert buckets[:, 2].sum() == 6  # a kernel of 3 x 2
    width, height, png = tf.make_ndarray(found["training_images"][1])
    assert (int(width), int(height)) == (8 * 4, 1 * 6)
    sheet = tf.io.decode_png(png).numpy()
    for i in range(8):
        np.testing.assert_array_equal(sheet[:, 4 * i : 4 * i + 4], batch[i])


@pytest.mark.parametrize(
    "content",
    [
        b"loss,mAP\n1,2\n",
        b"epoch,loss,mAP\nfirst,1,2\n",
        b"epoch,loss,mAP\n1,1,2,3,4\n",
        b"epoch,other\n1,1\n",
        b"\xff\xfe\x00epoch",
        b'epoch,loss\n"1,2\n',
    ],
)
def test_metrics_that_cannot_be_gone_on_with_are_named(tmp_path, content):
    path = tmp_path / "metrics.csv"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"metrics\.csv is damaged, no table of epochs"):
        MetricsCSV(path, ["loss", "mAP"], first_epoch=1)
    assert path.read_bytes() == content


def test_folders_that_cannot_be_written_to_are_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteError, match=f"{tmp_path}/file"):
        TensorBoard(tmp_path / "file")
    (tmp_path / "metrics.csv").mkdir()
    with pytest.raises(WriteError, match=r"metrics\.csv"):
        MetricsCSV(tmp_path / "metrics.csv", ["loss"]).on_epoch_end(0, {"loss": 1.0})
