"""Attributes of PA-100K's layout and of Market-1501's people, from files as their authors write."""

import numpy as np
import pytest
import scipy.io

from osnet_tf.data.attributes import read_market1501_attributes, read_pa100k
from osnet_tf.data.dataset import DatasetLayoutError, DatasetNotFoundError
from osnet_tf.errors import FileError
from tests.conftest import SHARED

NAMES = ["Female", "Hat", "Bag"]


def cells(texts):
    """A column of texts as MATLAB writes them."""
    column = np.empty((len(texts), 1), object)
    column[:, 0] = texts
    return column


def write_pa100k(root, **changes):
    (root / "annotation").mkdir(parents=True)
    (root / "data").mkdir()
    record = {"attributes": cells(NAMES)}
    number = 0
    for split, count in (("train", 3), ("val", 1), ("test", 2)):
        names = [f"{number + i:06}.jpg" for i in range(count)]
        number += count
        for name in names:
            (root / "data" / name).touch()
        record[f"{split}_images_name"] = cells(names)
        labels = [[(row + a) % 2 for a in range(3)] for row in range(count)]
        record[f"{split}_label"] = np.array(labels, "uint8")
    record = {k: v for k, v in {**record, **changes}.items() if v is not None}
    scipy.io.savemat(root / "annotation" / "annotation.mat", record)
    return root


def test_pa100k(tmp_path):
    write_pa100k(tmp_path / "pa100k")
    dataset = read_pa100k(tmp_path)
    assert dataset == read_pa100k(tmp_path / "pa100k")
    assert dataset.attributes == tuple(NAMES)
    assert [sample.path[-10:] for sample in dataset.test] == ["000004.jpg", "000005.jpg"]
    assert [sample.attributes for sample in dataset.train] == [(0, 1, 0), (1, 0, 1), (0, 1, 0)]
    assert dataset.positive_rates == pytest.approx([1 / 3, 2 / 3, 1 / 3])
    assert (len(dataset.val), len(dataset.test)) == (1, 2)


def test_a_name_that_only_the_misspelt_key_has(tmp_path):
    holes = np.empty((2, 1), object)
    holes[:, 0] = [np.array([], "U1"), "000005.jpg"]
    whole = cells(["000004.jpg", "000005.jpg"])
    write_pa100k(tmp_path, test_images_name=holes, text_images_name=whole)
    assert [s.path[-10:] for s in read_pa100k(tmp_path).test] == ["000004.jpg", "000005.jpg"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val_label": None}, "has no 'val_label': it is not PA-100K's"),
        ({"train_label": np.zeros((2, 3))}, r"train_label must be 3 x 3 .* shape=\(2, 3\)"),
        ({"train_label": np.full((3, 3), 2)}, "train_label must be 3 x 3 of 0 and 1"),
        ({"val_images_name": cells(["gone.jpg"])}, "names 1 val images .* such as gone.jpg"),
    ],
)
def test_what_is_not_pa100k_is_named(tmp_path, changes, message):
    write_pa100k(tmp_path, **changes)
    with pytest.raises(DatasetLayoutError, match=rf"annotation\.mat:? {message}"):
        read_pa100k(tmp_path)


def test_damaged_and_missing_files_are_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"PA-100K was not found"):
        read_pa100k(tmp_path)
    (tmp_path / "annotation").mkdir()
    (tmp_path / "annotation" / "annotation.mat").write_bytes(b"x" * 200)
    with pytest.raises(FileError, match=r"annotation\.mat cannot be read"):
        read_pa100k(tmp_path)


@pytest.mark.skipif(not (SHARED / "data" / "splits").exists(), reason="needs ../shared")
def test_the_people_of_market1501():
    dataset = read_market1501_attributes(SHARED / "data")
    assert (len(dataset.train), len(dataset.test), len(dataset.attributes)) == (12936, 16483, 30)
    ages = np.array([sample.attributes[:4] for sample in (*dataset.train, *dataset.test)])
    assert (ages.sum(1) == 1).all()  # each person has one age
    # The first person of the training set, read by hand from the authors' file
    first = dict(zip(dataset.attributes, dataset.train[0].attributes, strict=True))
    yes = {"age_teenager", "clothes", "down", "downblue", "up", "upred"}
    assert {name for name, value in first.items() if value} == yes


@pytest.mark.skipif(not (SHARED / "data" / "splits").exists(), reason="needs ../shared")
def test_the_sample_of_pa100k():
    dataset = read_pa100k(SHARED / "data" / "pa100k_sample")
    assert [len(part) for part in (dataset.train, dataset.val, dataset.test)] == [1599, 200, 200]
    assert len(dataset.attributes) == 26
