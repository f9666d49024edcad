import csv

from osnet_tf.training.callbacks import MetricsCSV


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
