"""Datasets over whose splits figures are averaged; counts are the real ones, files are empty."""

import os

import numpy as np
import pytest
import scipy.io

from osnet_tf.data import DatasetLayoutError, DatasetNotFoundError, load_dataset, load_datasets
from osnet_tf.errors import ArgumentError, FileError
from osnet_tf.evaluation.preconditions import check_can_evaluate
from tests.data.mats import touch, write_grid_partitions

#: VIPeR's numbers have gaps and begin with 0
VIPER_PEOPLE = [*[n for n in range(710) if n % 10][:631], 0]


@pytest.fixture(scope="module")
def viper(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "viper" / "VIPeR"
    for camera, angle in (("cam_a", 0), ("cam_b", 90)):
        touch(
            root / camera, *(f"{n:03d}_{angle}.bmp" for n in VIPER_PEOPLE), "Thumbs.db", "._1.bmp"
        )
    return root.parents[1]


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "grid" / "underground_reid"
    people = range(1, 251)
    touch(root / "probe", *(f"{n:04d}_{n % 4 + 1}_250{n}_1_1_1_1.jpeg" for n in people))
    touch(root / "gallery", *(f"{n:04d}_{n % 4 + 5}_250{n}_1_1_1_1.jpeg" for n in people))
    touch(root / "gallery", *(f"0000_{n % 8 + 1}_16{n}_1_1_1_1.jpeg" for n in range(775)))
    touch(root, "gallery/Thumbs.db", "readme.txt")
    write_grid_partitions(root / "features_and_partitions.mat", list(people))
    return root.parents[1]


def test_viper_in_both_directions(viper):
    every = load_datasets("viper:all", viper)
    assert [one.name for one in every] == [f"viper:{n}" for n in range(20)]
    assert {one.split_of for one in every} == {"viper"}
    for n, one in enumerate(every):
        assert [s.camid for s in one.query] == [n % 2] * 316
        assert [s.camid for s in one.gallery] == [1 - n % 2] * 316
        assert {s.pid for s in one.query} == {s.pid for s in one.gallery}
        assert not one.people_in_both
        assert {s.pid for s in (*one.train, *one.query)} == {n + 1 for n in VIPER_PEOPLE}
        check_can_evaluate(one)
    assert len({one.train for one in every}) == 10
    assert every[6].train == every[7].train
    assert load_dataset("viper", viper) == every[0]._replace(name="viper")
    assert load_dataset("viper:3", viper) == every[3]
    assert "half of the people, drawn with seed 1, are trained on" in every[3].summary()


def test_the_seeded_splits_stay_as_they_are(viper):
    """Figures of different days are of the same splits."""
    trained = {sample.pid for sample in load_dataset("viper:0", viper).train}
    assert sorted(trained)[:8] == [1, 2, 3, 6, 7, 8, 9, 12]


def test_grid_keeps_its_distractors(grid):
    every = load_datasets("grid:all", grid)
    assert [one.name for one in every] == [f"grid:{n}" for n in range(10)]
    for n, one in enumerate(every):
        assert {s.pid for s in one.train} == {*range(n + 1, n + 126)}
        assert sum(s.pid == 0 for s in one.gallery) == 775
        assert {s.pid for s in one.gallery} == {0} | {s.pid for s in one.query}
        assert {os.path.basename(os.path.dirname(s.path)) for s in one.query} == {"probe"}
        check_can_evaluate(one)
    assert [s.camid for s in every[0].query[:3]] == [126 % 4, 127 % 4, 128 % 4]
    assert load_dataset("grid:4", grid) == every[4]


@pytest.mark.parametrize(("name", "last"), [("viper", 19), ("grid", 9)])
def test_other_splits(tmp_path, name, last):
    for variant in (f"{last + 1}", "-1", "01", "x", "1.0"):
        with pytest.raises(ArgumentError, match=f"0 to {last}, or all. Received: {name}:{variant}"):
            load_dataset(f"{name}:{variant}", tmp_path)
    with pytest.raises(DatasetNotFoundError, match=f"(?i){name} was not found"):
        load_dataset(name, tmp_path)


def test_an_incomplete_viper(tmp_path):
    touch(tmp_path / "cam_a", *(f"{n:03d}_0.bmp" for n in range(632)))
    with pytest.raises(DatasetNotFoundError, match="cam_b is missing"):
        load_dataset("viper", tmp_path)
    touch(tmp_path / "cam_b", *(f"{n:03d}_0.bmp" for n in range(631)))
    with pytest.raises(DatasetLayoutError, match=r"expected (632|316) images, found (631|315)"):
        load_dataset("viper", tmp_path)
    touch(tmp_path / "cam_b", "person.bmp")
    with pytest.raises(DatasetLayoutError, match=r"001_45\.bmp. Received: .*person\.bmp"):
        load_dataset("viper", tmp_path)


def test_an_incomplete_grid(grid, tmp_path):
    root = tmp_path / "underground_reid"
    root.mkdir()
    partitions = root / "features_and_partitions.mat"
    write_grid_partitions(partitions, list(range(1, 251)))
    for folder in ("probe", "gallery"):
        with pytest.raises(DatasetNotFoundError, match=f"{folder} is missing"):
            load_dataset("grid", tmp_path)
        os.symlink(grid / "grid" / "underground_reid" / folder, root / folder)
    load_dataset("grid", tmp_path)
    write_grid_partitions(partitions, list(range(1, 249)))
    with pytest.raises(DatasetLayoutError, match=r"\(train\): expected 250 images, found 248"):
        load_dataset("grid", tmp_path)
    write_grid_partitions(partitions, [0.5, 1.5])
    with pytest.raises(FileError, match=r"whole numbers from 1 to 1000000 in trainIdxAll\{1\}\.tr"):
        load_dataset("grid", tmp_path)
    for change in ({"count": 9}, {"field": "second"}):
        write_grid_partitions(partitions, list(range(1, 251)), **change)
        with pytest.raises(FileError, match=r"must hold trainIdxAll, 10 structs of three fields"):
            load_dataset("grid", tmp_path)
    scipy.io.savemat(partitions, {"other": np.zeros(3)})
    with pytest.raises(FileError, match=r"must hold trainIdxAll"):
        load_dataset("grid", tmp_path)
