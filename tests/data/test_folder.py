"""A user's own people, in every layout that is read, as they would lie on a disk."""

import os

import pytest

from osnet_tf.data import load_dataset
from osnet_tf.data.dataset import DatasetLayoutError, DatasetNotFoundError
from osnet_tf.data.file_names import cameras_of, person_and_camera
from osnet_tf.data.folder import read_folder
from osnet_tf.data.layouts import FOLDERS


def touch(root, *files):
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def names(samples):
    return [os.path.basename(sample.path) for sample in samples]


def ids(samples):
    return {os.path.basename(sample.path): (sample.pid, sample.camid) for sample in samples}


def test_folders_of_people_in_splits(tmp_path):
    root = touch(
        tmp_path / "mine",
        *(f"train/ann/c{c}_{n}.jpg" for c in (1, 3) for n in (1, 2)),
        "train/bob/nested/c1_1.PNG",
        "query/eve/c1_9.webp",
        "gallery/eve/c3_8.jpg",
        "gallery/person_10/c3_7.jpg",
        "gallery/person_9/c3_6.jpg",
        *("train/ann/._c1_1.jpg", "train/ann/Thumbs.db", "__MACOSX/ann/c1_1.jpg", "notes.txt"),
    )
    dataset = read_folder(root)
    assert ids(dataset.train) == {
        "c1_1.jpg": (1, 0), "c1_2.jpg": (1, 0), "c3_1.jpg": (1, 1), "c3_2.jpg": (1, 1),
        "c1_1.PNG": (2, 0),
    }  # fmt: skip
    assert ids(dataset.query) == {"c1_9.webp": (3, 0)}
    # person_9 before person_10, as people count
    assert ids(dataset.gallery) == {"c3_8.jpg": (3, 1), "c3_7.jpg": (5, 1), "c3_6.jpg": (4, 1)}
    assert (dataset.has_cameras, dataset.notes) == (True, ())
    assert load_dataset("folder", root) == dataset
    assert load_dataset("folder:mine", tmp_path) == dataset._replace(name="folder:mine")


def test_people_without_a_split_and_without_cameras(tmp_path):
    root = touch(tmp_path, *(f"p{p}/{n}.jpg" for p in range(6) for n in range(3)))
    dataset = load_dataset("folder", root, split_identities=0.5, seed=1)
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (9, 3, 6)
    assert not dataset.has_cameras
    assert not dataset.people_in_both
    assert names(dataset.query) == ["0.jpg"] * 3
    made, cameras = dataset.notes
    assert made.startswith("3 of 6 people, drawn with seed 1, are query and gallery")
    assert cameras.startswith("no cameras")
    assert made in dataset.summary()
    assert load_dataset("folder", root, seed=1) == dataset
    others = {load_dataset("folder", root, seed=seed).train for seed in range(5)}
    assert len(others) > 1
    assert len(load_dataset("folder", root, split_identities=0).train) == 18
    assert load_dataset("folder", root, split_identities=1).train == ()


def test_a_split_by_camera(tmp_path):
    files = [f"p{p}/cam{c}_{n}.jpg" for p in range(2) for c in (1, 2) for n in range(2)]
    dataset = read_folder(touch(tmp_path, *files), split_identities=0.5)
    assert dataset.has_cameras
    assert names(dataset.query) == ["cam1_0.jpg", "cam2_0.jpg"]
    assert names(dataset.gallery) == ["cam1_1.jpg", "cam2_1.jpg"]
    assert "the first image of each by each camera is a query" in dataset.notes[0]


def test_a_person_with_one_image_a_camera_keeps_some_gallery(tmp_path):
    files = [f"p{p}/cam{c}_0.jpg" for p in range(2) for c in (1, 2, 3)]
    dataset = read_folder(touch(tmp_path, *files), split_identities=0.5)
    assert names(dataset.query) == ["cam1_0.jpg"]
    assert names(dataset.gallery) == ["cam2_0.jpg", "cam3_0.jpg"]


@pytest.mark.parametrize("test", ["test", "gallery", "query"])
def test_the_missing_half_of_a_test_set_is_made(tmp_path, test):
    root = touch(tmp_path, "train/a/c1_1.jpg", "train/a/c2_1.jpg")
    touch(root, *(f"{test}/b/c{c}_{n}.jpg" for c in (1, 2) for n in (1, 2)))
    dataset = read_folder(root)
    assert len(dataset.train) == 2
    assert names(dataset.query) == ["c1_1.jpg", "c2_1.jpg"]
    assert names(dataset.gallery) == ["c1_2.jpg", "c2_2.jpg"]
    assert dataset.notes == (f"queries are the first images of the people in {test}",)


@pytest.mark.parametrize(
    ("folders", "name"),
    [
        (tuple(FOLDERS.values()), "{:04}_c{}s1_000451_03.jpg"),
        (tuple(FOLDERS.values()), "{:04}_c{}_f0046985.jpg"),
        (("image_train", "image_query", "image_test"), "{:04}_c00{}_00016450_0.jpg"),
        (("train", "query", "gallery"), "{:04}_c{}s1_000451_03.jpg"),
    ],
    ids=["market1501", "dukemtmc", "veri", "short names"],
)
def test_the_layout_of_market1501_with_any_counts(tmp_path, folders, name):
    train, query, gallery = folders
    touch(
        tmp_path,
        f"{train}/{name.format(7, 2)}",
        f"{query}/{name.format(3, 1)}",
        f"{gallery}/{name.format(3, 2)}",
        f"{gallery}/{name.format(0, 2)}",
        f"{gallery}/{name.format(0, 2).replace('0000', '-1', 1)}",
        f"{gallery}/Thumbs.db",
    )
    dataset = read_folder(tmp_path)
    assert [(s.pid, s.camid) for s in dataset.train] == [(7, 1)]
    assert [(s.pid, s.camid) for s in dataset.query] == [(3, 0)]
    assert sorted((s.pid, s.camid) for s in dataset.gallery if s.pid >= 0) == [(0, 1), (3, 1)]
    assert dataset.has_cameras


def test_msmt17_counts_people_from_0_and_here_from_1(tmp_path):
    touch(tmp_path, "train/0000_003_14_0303morning_0008_0.jpg")
    touch(tmp_path, "query/0002_001_01_0302noon_0008_0.jpg")
    touch(tmp_path, "gallery/0002_001_15_0302afternoon_0008_1.jpg")
    dataset = read_folder(tmp_path)
    assert [(s.pid, s.camid) for s in (*dataset.train, *dataset.query, *dataset.gallery)] == [
        (1, 13), (3, 0), (3, 14),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ({"a": ["x_c2_1.jpg", "x_c10_1.jpg"]}, [0, 1]),
        ({"a": ["door_1.jpg", "hall_1.jpg"], "b": ["hall_2.jpg"]}, [0, 1, 1]),
        ({"a": ["1_1.jpg", "2_1.jpg"]}, [0, 1]),
        ({"a": ["a_1.jpg", "a_2.jpg"], "b": ["b_1.jpg"]}, None),  # the person's name
        ({"a": ["IMG_1.jpg"], "b": ["IMG_2.jpg"]}, None),  # one for all
        ({"a": ["c1_1.jpg", "c2_1.jpg", "other.jpg"]}, None),  # not all tell one
        ({"a": ["music12.jpg", "c2x.jpg"]}, None),
        ({}, None),
    ],
)
def test_what_counts_as_a_camera(people, expected):
    found = cameras_of(people)
    assert (found if found is None else list(found.values())) == expected


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "holds no images in folders of people"),
        (["notes.txt"], "holds no images in folders of people"),
        (["a.jpg"], r"a\.jpg lies beside the folders of people"),
        (["train/a/1.jpg", "train/b.jpg"], r"b\.jpg lies beside"),
        (["train/0001_c1s1_0_0.jpg", "train/odd.jpg"], "lies beside"),
        (["empty/notes.txt", "train/readme.md"], "holds no images"),
    ],
)
def test_what_is_no_layout_is_named(tmp_path, files, message):
    with pytest.raises(DatasetLayoutError, match=message):
        read_folder(touch(tmp_path, *files))


def test_no_folder_at_all(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"There is no folder or table .*nowhere"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "x.txt").touch()
    with pytest.raises(DatasetLayoutError, match=r"x\.txt is no folder, \.csv or \.parquet"):
        read_folder(tmp_path / "x.txt")


def test_names_that_are_no_utf_8(tmp_path):
    odd = os.fsdecode(b"caf\xe9")
    dataset = read_folder(touch(tmp_path, f"{odd}/1.jpg", f"{odd}/2.jpg", "b/1.jpg", "b/2.jpg"))
    assert len(dataset.train) + len(dataset.query) + len(dataset.gallery) == 4
    assert all(os.path.exists(sample.path) for sample in dataset.train)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("0002_c1s1_000451_03.jpg", (2, 0)),
        ("-1_c6s1_000451_03.jpg", (-1, 5)),
        ("0001_c002_00016450_0.jpg", (1, 1)),
        ("0000_003_14_0303morning_0008_0.jpg", (1, 13)),
        ("0002_c0s1_000451_03.jpg", (-1, -1)),
        ("holiday.jpg", (-1, -1)),
        ("9" * 30 + "_c1s1_0_0.jpg", (-1, -1)),
    ],
)
def test_what_a_name_tells(name, expected):
    assert person_and_camera(f"some/folder/{name}") == expected
