"""Thresholds belong to a model's weights, not to a file's name."""

import shutil

import numpy as np
import pytest

from osnet_tf.architecture import fingerprint
from osnet_tf.errors import ArgumentError, FileError, NotFoundError
from osnet_tf.evaluation import calibrations_of, find_calibration
from osnet_tf.metrics import Calibration, calibration_path, write_calibrations
from osnet_tf.models import OSNet


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small model, its file, and thresholds at two rates for each of two datasets."""
    model = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)
    file = tmp_path_factory.mktemp("thresholds") / "x.keras"
    model.save(file)
    own = fingerprint(model)
    for dataset, start in (("demo", 0.25), ("market1501", 0.5)):
        calibrations = [
            Calibration(metric, start + fpr, fpr, 0.75, 10, 2000, dataset, own)
            for metric in ("cosine", "euclidean")
            for fpr in (1e-3, 1e-2)
        ]
        write_calibrations(calibration_path(file), calibrations)
    return model, file


def test_the_nearest_rate_below_of_the_dataset_asked_for(saved):
    model, file = saved
    found = find_calibration(file, fpr=0.05, dataset="demo")
    assert (found.threshold, found.dataset, found.metric) == (0.26, "demo", "cosine")
    path = calibration_path(file)
    found = find_calibration(model, path=path, metric="euclidean", fpr=5e-3, dataset="market1501")
    assert found.threshold == 0.501
    assert len(calibrations_of(model, path)) == 8


def test_of_several_datasets_one_has_to_be_named(saved):
    model, file = saved
    with pytest.raises(ArgumentError, match="several datasets: demo, market1501") as caught:
        find_calibration(model, path=calibration_path(file))
    assert caught.value.argument == "dataset"


def test_other_weights_under_the_same_name_have_no_threshold(saved, tmp_path):
    model, file = saved
    path = tmp_path / "x.keras"
    shutil.copy(calibration_path(file), calibration_path(path))
    other = OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)
    other.set_weights(model.get_weights())
    other.get_layer("fc").bias.assign_add(np.full(512, 1e-3))
    other.save(path)
    with pytest.raises(ArgumentError, match=r"other weights than those of .*x\.keras: evaluate"):
        find_calibration(path, dataset="demo")
    assert calibrations_of(other, calibration_path(path)) == []
    shutil.copy(file, path)  # the evaluated weights again, from a copy
    assert find_calibration(path, dataset="demo").threshold == 0.251


def test_wishes_that_none_meets(saved, tmp_path):
    model, file = saved
    path = calibration_path(file)
    for wish in ({"fpr": 1e-9}, {"metric": "sqeuclidean"}, {"dataset": "other"}):
        with pytest.raises(ArgumentError, match=r"x\.calibration\.json has no such .* demo; euc"):
            find_calibration(model, path=path, **wish)
    for bad, rule in (({"metric": "cosin"}, "Did you mean 'cosine'"), ({"fpr": 1}, "> 0 and < 1")):
        with pytest.raises(ArgumentError, match=rule):
            find_calibration(model, path=path, **bad)
    with pytest.raises(ArgumentError, match="Give path"):
        find_calibration(model)
    with pytest.raises(NotFoundError, match=r"no calibration .*none\.calibration\.json"):
        find_calibration(tmp_path / "none.keras")
    assert calibrations_of(model, tmp_path / "none.json") == []
    (tmp_path / "bad.json").write_text("[]")
    for function in (calibrations_of, lambda m, p: find_calibration(m, path=p)):
        with pytest.raises(FileError, match=r"bad\.json"):
            function(model, tmp_path / "bad.json")
