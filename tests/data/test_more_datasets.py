"""The smaller datasets, generated as empty files under names as the real ones, in real numbers."""

import os

import numpy as np
import pytest
import scipy.io

from osnet_tf.data import (
    DatasetLayoutError,
    DatasetNotFoundError,
    combine_all,
    load_dataset,
    load_datasets,
)
from osnet_tf.data.cuhksysu import read_cuhksysu
from osnet_tf.data.ilids import read_ilids
from osnet_tf.data.ltcc import read_ltcc
from osnet_tf.data.prcc import read_prcc
from osnet_tf.errors import ArgumentError, FileError
from osnet_tf.evaluation.preconditions import check_can_evaluate
from tests.data.mats import touch

CLUTTER = ("Thumbs.db", "._1.png", "list.txt")


def counts(dataset):
    return [len(part) for part in (dataset.train, dataset.query, dataset.gallery)]


def pids(samples):
    return {sample.pid for sample in samples}


def test_cuhk01(tmp_path):
    folder = tmp_path / "cuhk01" / "campus"
    touch(folder, *(f"{p:04d}00{n}.png" for p in range(1, 972) for n in range(1, 5)), *CLUTTER)
    every = load_datasets("cuhk01:all", tmp_path)
    assert len(every) == 20
    there, back = every[8:10]
    assert counts(there) == [1940, 972, 972]
    assert there.train == back.train
    assert (there.query, there.gallery) == (back.gallery, back.query)
    assert {(s.path[-5], s.camid) for s in there.query} == {("1", 0), ("2", 0)}
    assert {(s.path[-5], s.camid) for s in there.gallery} == {("3", 1), ("4", 1)}
    check_can_evaluate(there)
    os.remove(folder / "0971004.png")
    with pytest.raises(DatasetLayoutError, match="cuhk01 is not complete"):
        load_dataset("cuhk01", tmp_path)
    touch(folder, "0971005.png")
    with pytest.raises(DatasetLayoutError, match=r"like 0001001\.png\. Received: .*0971005\.png"):
        load_dataset("cuhk01", tmp_path)


def test_cuhk02(tmp_path):
    root = tmp_path / "cuhk02" / "Dataset"
    for pair, people in enumerate((971, 306, 107, 193, 239), 1):
        for camera in (1, 2):
            names = (f"{p:03d}_{camera}{n}.png" for p in range(1, people + 1) for n in (1, 2))
            touch(root / f"P{pair}" / f"cam{camera}", *names, *CLUTTER)
    dataset = load_dataset("cuhk02", tmp_path)
    assert counts(dataset) == [6308, 478, 478]
    assert pids(dataset.train) == set(range(1, 1578))
    assert pids(dataset.query) == pids(dataset.gallery) == set(range(1578, 1817))
    assert {s.camid for s in dataset.query} == {8}
    assert {s.camid for s in dataset.gallery} == {9}
    first = [s.pid for s in dataset.train if s.path.startswith(str(root / "P2" / "cam1" / "001_"))]
    assert first == [972, 972]
    check_can_evaluate(dataset)
    (root / "P3").rename(root / "P9")
    with pytest.raises(DatasetNotFoundError, match="P3/cam1 is missing"):
        load_dataset("cuhk02", tmp_path)


def test_prid(tmp_path):
    root = tmp_path / "prid2011" / "prid_2011" / "single_shot"
    for camera, people in (("cam_a", 385), ("cam_b", 749)):
        touch(root / camera, *(f"person_{p:04d}.png" for p in range(1, people + 1)), *CLUTTER)
    every = load_datasets("prid:all", tmp_path)
    assert [one.name for one in every] == [f"prid:{n}" for n in range(10)]
    for one in every:
        assert counts(one) == [200, 100, 649]
        assert pids(one.query) | pids(one.train) == set(range(1, 201))
        assert pids(one.gallery) == pids(one.query) | set(range(201, 750))
        assert not one.people_in_both
        check_can_evaluate(one)
    assert len({one.train for one in every}) == 10
    os.remove(root / "cam_b" / "person_0749.png")
    with pytest.raises(DatasetLayoutError, match=r"\(gallery\): expected 649 images, found 648"):
        load_dataset("prid:2", tmp_path)


def test_ilids(tmp_path):
    root = tmp_path / "ilids" / "i-LIDS_Pedestrian" / "Persons"
    files = [f"{p:04d}{n:03d}.jpg" for p in range(1, 120) for n in range(1, 5)]
    touch(root, *files, *CLUTTER)
    every = load_datasets("ilids:all", tmp_path)
    for one in every:
        assert counts(one) == [4 * 59, 60, 60]
        assert not one.has_cameras
        assert [s.pid for s in one.query] == [s.pid for s in one.gallery]
        assert not {s.path for s in one.query} & {s.path for s in one.gallery}
        assert not one.people_in_both
        check_can_evaluate(one)
    assert load_dataset("ilids:3", tmp_path) == every[3]
    assert len({one.query for one in every}) == 10
    os.remove(root / files[0])
    with pytest.raises(DatasetLayoutError, match="expected 476 images, found 475"):
        load_dataset("ilids", tmp_path)
    assert len(read_ilids(tmp_path, expected_counts={"query": (60, 60, 1)}).gallery) == 60


def write_ilidsvid(root, people, orders):
    for camera in (1, 2):
        folder = root / "i-LIDS-VID" / "images" / f"cam{camera}"
        touch(folder, *(f"person{p:03d}/cam{camera}_person{p:03d}.png" for p in people), *CLUTTER)
    (root / "train-test people splits").mkdir(exist_ok=True)
    path = root / "train-test people splits" / "train_test_splits_ilidsvid.mat"
    scipy.io.savemat(path, {"ls_set": orders})
    return path


def test_ilidsvid(tmp_path):
    people = [p for p in range(1, 320) if p % 16]  # there are gaps in the numbers
    people = [*people, 400][:300]
    rng = np.random.default_rng(0)
    orders = np.array([1 + rng.permutation(300) for _ in range(10)])
    path = write_ilidsvid(tmp_path / "ilids-vid", people, orders)
    every = load_datasets("ilidsvid:all", tmp_path)
    for one, order in zip(every, orders, strict=True):
        assert counts(one) == [300, 150, 150]
        assert pids(one.query) == pids(one.gallery) == {people[i - 1] for i in order[:150]}
        assert pids(one.train) == {people[i - 1] for i in order[150:]}
        assert all("/cam1/" in s.path and s.camid == 0 for s in one.query)
        assert all("/cam2/" in s.path and s.camid == 1 for s in one.gallery)
        check_can_evaluate(one)
    for wrong, message in (
        (orders[:9], r"10 rows of the 300 people\. Received: shape=\(9, 300\)"),
        (orders - 1, "whole numbers from 1 to 300 in ls_set"),
        (np.ones((10, 300)), "each person once in each row"),
    ):
        scipy.io.savemat(path, {"ls_set": wrong})
        with pytest.raises(FileError, match=rf"splits_ilidsvid\.mat .*{message}"):
            load_dataset("ilidsvid", tmp_path)
    os.remove(path)
    with pytest.raises(DatasetNotFoundError, match="The file of splits of iLIDS-VID was not found"):
        load_dataset("ilidsvid", tmp_path)


def test_sensereid(tmp_path):
    root = tmp_path / "sensereid" / "SenseReID"
    touch(root / "test_probe", *(f"{n % 522:05d}_{n // 522}.jpg" for n in range(1040)), *CLUTTER)
    touch(root / "test_gallery", *(f"{n % 1717:05d}_{2 + n // 1717}.jpg" for n in range(3388)))
    dataset = load_dataset("sensereid", tmp_path)
    assert counts(dataset) == [0, 1040, 3388]
    assert tuple(dataset.query[0])[1:] == (1, 0)
    check_can_evaluate(dataset)
    touch(root / "test_probe", "00000_1_1.jpg")
    with pytest.raises(DatasetLayoutError, match=r"like 00007_0\.jpg"):
        load_dataset("sensereid", tmp_path)


def test_cuhksysu(tmp_path):
    folder = tmp_path / "cuhksysu" / "cropped_images"
    touch(folder, *(f"p{n % 7}_s{n}_1.jpg" for n in range(20)), *CLUTTER)
    sizes = {"train": (20, 7, 1), "query": (0, 0, 0), "gallery": (0, 0, 0)}
    dataset = read_cuhksysu(tmp_path, expected_counts=sizes)
    assert not dataset.has_cameras
    assert [(os.path.basename(s.path), s.pid) for s in dataset.train[:2]] == [
        ("p0_s0_1.jpg", 1),
        ("p0_s14_1.jpg", 1),
    ]
    with pytest.raises(DatasetLayoutError, match=r"\(train\): expected 34574 images, found 20"):
        load_dataset("cuhksysu", tmp_path)


def test_ltcc(tmp_path):
    root = tmp_path / "ltcc" / "LTCC_ReID"
    touch(root / "train", "000_1_c11_015833.png", "003_2_c1_015834.png", *CLUTTER)
    touch(root / "query", "001_1_c5_014811.png")
    touch(root / "test", "001_1_c6_014811.png", "001_2_c5_014812.png", "info/readme.txt")
    sizes = {"train": (2, 2, 2), "query": (1, 1, 1), "gallery": (2, 1, 2)}
    dataset = read_ltcc(tmp_path, expected_counts=sizes)
    assert [s[1:] for s in dataset.train] == [(1, 10), (4, 0)]
    assert [s[1:] for s in dataset.gallery] == [(2, 5), (2, 4)]
    assert "standard setting" in dataset.summary()
    with pytest.raises(DatasetLayoutError, match=r"\(gallery\): expected 7050 images, found 2"):
        load_dataset("ltcc", tmp_path)
    touch(root / "query", "001_c5.png")
    with pytest.raises(DatasetLayoutError, match=r"like 000_1_c11_015833\.png"):
        read_ltcc(tmp_path, expected_counts=sizes)


def test_prcc(tmp_path):
    root = tmp_path / "prcc" / "rgb"
    touch(root / "train", "001/A_cropped_rgb001.jpg", "001/C_cropped_rgb002.jpg", *CLUTTER)
    touch(root / "val", "001/B_cropped_rgb003.jpg")
    for camera, number in (("A", 2), ("B", 1), ("C", 3)):
        touch(root / "test" / camera, *(f"003/cropped_rgb00{n}.jpg" for n in range(number)))
    touch(root / "test" / "A" / "003", *CLUTTER)
    sizes = {"train": (2, 1, 2), "val": (1, 1, 1), "query": (3, 1, 1), "gallery": (2, 1, 1)}
    dataset = read_prcc(tmp_path, expected_counts=sizes)
    assert dataset.name == "prcc"
    assert [s[1:] for s in dataset.train] == [(2, 0), (2, 2)]
    assert [s[1:] for s in dataset.val] == [(2, 1)]
    assert {s[1:] for s in dataset.query} == {(4, 2)}
    assert {s[1:] for s in dataset.gallery} == {(4, 0)}
    assert len(combine_all(dataset).train) == 8
    check_can_evaluate(dataset)
    same = read_prcc(
        tmp_path, variant="same_clothes", expected_counts={**sizes, "query": (1, 1, 1)}
    )
    assert same.name == "prcc:same_clothes"
    assert {s[1:] for s in same.query} == {(4, 1)}
    with pytest.raises(DatasetLayoutError, match=r"\(query\): expected 3543(?s:.)*\(val\).* 5002"):
        load_dataset("prcc:same_clothes", tmp_path)
    with pytest.raises(ArgumentError, match=r"'cross_clothes', 'same_clothes'"):
        load_dataset("prcc:sketch", tmp_path)
    touch(root / "val", "new/A_1.jpg")
    with pytest.raises(DatasetLayoutError, match=r"named by a number, such as 001.*new"):
        read_prcc(tmp_path, expected_counts=sizes)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("cuhk01", "cuhk01/campus/"),
        ("cuhk02", "P1/cam1/"),
        ("cuhksysu", "cropped_images/"),
        ("ilids", "i-LIDS_Pedestrian/Persons/"),
        ("ilidsvid", "i-LIDS-VID/images/cam1/person001/cam1_person001.png"),
        ("ltcc", "ltcc/LTCC_ReID/"),
        ("prcc", "prcc/rgb/"),
        ("prid", "prid2011/prid_2011/single_shot/"),
        ("sensereid", "sensereid/SenseReID/"),
    ],
)
def test_a_missing_dataset_is_told_how_to_lay_out(name, place, tmp_path):
    with pytest.raises(DatasetNotFoundError) as caught:
        load_dataset(name, tmp_path)
    assert f"Received: data_dir={os.fspath(tmp_path)!r}" in str(caught.value)
    assert place in str(caught.value)
