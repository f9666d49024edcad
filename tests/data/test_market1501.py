import os
import shutil
from pathlib import Path

import pytest

from osnet_tf.data import DatasetLayoutError, DatasetNotFoundError, read_market1501
from osnet_tf.data.layouts import read_market_layout
from osnet_tf.data.market1501 import COUNTS

DATA = Path(__file__).parents[2].parent / "shared" / "data"
RELEASE = "Market-1501-v15.09.15"
MARKET = DATA / "market1501" / RELEASE

needs_market = pytest.mark.skipif(
    not MARKET.is_dir(), reason=f"Market-1501 is not at {MARKET} (research data, never bundled)"
)

FILES = [
    "bounding_box_train/0007_c3s1_000100_01.jpg",
    "bounding_box_train/0002_c1s1_000451_03.jpg",
    "bounding_box_train/0007_c1s2_000100_01.png",
    "query/0005_c2s1_000001_00.jpg",
    "query/0005_c6s4_000002_00.jpg.jpg",
    "bounding_box_test/0005_c3s1_000001_01.BMP",
    "bounding_box_test/0005_c2s1_000001_01.jpeg",
    "bounding_box_test/0000_c1s1_000001_02.jpg",
    "bounding_box_test/-1_c1s1_000001_03.jpg",
    "bounding_box_test/Thumbs.db",
    "query/readme.txt",
    "query/._0005_c2s1_000001_00.jpg",
]
TINY_COUNTS = {"train": (3, 2, 2), "query": (2, 1, 2), "gallery": (3, 2, 3)}


def write(root: Path, files=FILES) -> Path:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def short(samples):
    return [(os.path.basename(path), pid, camid) for path, pid, camid in samples]


def test_layout_is_read_as_written(tmp_path):
    dataset = read_market_layout("tiny", write(tmp_path), TINY_COUNTS)
    assert dataset.name == "tiny"
    assert short(dataset.train) == [
        ("0002_c1s1_000451_03.jpg", 2, 0),
        ("0007_c1s2_000100_01.png", 7, 0),
        ("0007_c3s1_000100_01.jpg", 7, 2),
    ]
    assert short(dataset.query) == [
        ("0005_c2s1_000001_00.jpg", 5, 1),
        ("0005_c6s4_000002_00.jpg.jpg", 5, 5),
    ]
    assert short(dataset.gallery) == [
        ("0000_c1s1_000001_02.jpg", 0, 0),
        ("0005_c2s1_000001_01.jpeg", 5, 1),
        ("0005_c3s1_000001_01.BMP", 5, 2),
    ]
    for sample in (*dataset.train, *dataset.query, *dataset.gallery):
        assert type(sample.pid) is int
        assert type(sample.camid) is int
        assert os.path.isabs(sample.path)
        assert os.path.isfile(sample.path)


def test_order_of_the_listing_does_not_matter(tmp_path, monkeypatch):
    expected = read_market_layout("tiny", write(tmp_path))
    listdir = os.listdir
    for order in (sorted, lambda names: sorted(names, reverse=True)):
        monkeypatch.setattr(os, "listdir", lambda path, order=order: order(listdir(path)))
        assert read_market_layout("tiny", tmp_path) == expected


def test_relative_root_gives_absolute_paths(tmp_path, monkeypatch):
    write(tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    relative = read_market_layout("tiny", "here")
    assert relative == read_market_layout("tiny", tmp_path / "here")


def test_junk_and_distractors_are_for_the_gallery_only(tmp_path):
    write(tmp_path)
    for folder in ("bounding_box_train", "query"):
        write(tmp_path / folder, ["-1_c1s1_000001_09.jpg", "0000_c1s1_000001_09.jpg"])
    dataset = read_market_layout("tiny", tmp_path, TINY_COUNTS)
    assert {sample.pid for sample in dataset.train} == {2, 7}
    assert {sample.pid for sample in dataset.query} == {5}
    assert {sample.pid for sample in dataset.gallery} == {0, 5}


@pytest.mark.parametrize("folder", ["bounding_box_train", "query", "bounding_box_test"])
def test_missing_folder_is_named(tmp_path, folder):
    shutil.rmtree(write(tmp_path) / folder)
    with pytest.raises(DatasetNotFoundError, match=f"tiny: the folder {folder} is missing in") as e:
        read_market_layout("tiny", tmp_path)
    assert str(tmp_path) in str(e.value)


@pytest.mark.parametrize(
    "name",
    [
        "person.jpg",
        "0002_c0s1_000451_03.jpg",
        "0002_s1_000451_03.jpg",
        "-2_c1s1_000451_03.jpg",
        "x0002_c1s1_000451_03.jpg",
        "٠٠٠٢_c1s1_000451_03.jpg",
    ],
)
def test_unknown_name_is_an_error_that_names_the_file(tmp_path, name):
    path = write(tmp_path) / "query" / name
    path.touch()
    with pytest.raises(DatasetLayoutError) as error:
        read_market_layout("tiny", tmp_path)
    assert str(error.value).endswith(f"Received: {path}")


def test_wrong_counts_name_folder_expected_and_found(tmp_path):
    write(tmp_path)
    (tmp_path / FILES[0]).unlink()
    write(tmp_path, ["query/0006_c2s1_000001_00.jpg"])
    with pytest.raises(DatasetLayoutError) as error:
        read_market_layout("tiny", tmp_path, TINY_COUNTS)
    train, query = tmp_path / "bounding_box_train", tmp_path / "query"
    assert str(error.value).splitlines() == [
        "tiny is not complete, or not the release it should be:",
        f"  {train} (train): expected 3 images, found 2",
        f"  {train} (train): expected 2 cameras, found 1",
        f"  {query} (query): expected 2 images, found 3",
        f"  {query} (query): expected 1 identities, found 2",
    ]


def test_only_the_given_counts_are_checked(tmp_path):
    write(tmp_path)
    read_market_layout("tiny", tmp_path, {"query": TINY_COUNTS["query"]})
    with pytest.raises(DatasetLayoutError, match=r"\(query\): expected 5 images, found 2"):
        read_market_layout("tiny", tmp_path, {"query": (5, 1, 2)})
    with pytest.raises(ValueError, match="Received: expected_counts with 'galery'"):
        read_market_layout("tiny", tmp_path, {"galery": (1, 1, 1)})


def test_a_split_without_usable_images_is_an_error(tmp_path):
    write(tmp_path)
    for file in (tmp_path / "query").iterdir():
        file.unlink()
    write(tmp_path, ["query/-1_c1s1_000001_00.jpg"])
    with pytest.raises(DatasetLayoutError, match=r"query \(query\): no usable image"):
        read_market_layout("tiny", tmp_path)


def test_missing_market_says_where_it_looked_and_how_to_get_it(tmp_path):
    data_dir = tmp_path / "nothing"
    with pytest.raises(DatasetNotFoundError) as error:
        read_market1501(data_dir)
    text = str(error.value)
    assert text.startswith(f"Market-1501 was not found. Received: data_dir={str(data_dir)!r}")
    assert f"  {data_dir / 'market1501' / RELEASE}\n" in text
    assert f"  {data_dir / RELEASE}\n" in text
    assert f"  {data_dir}\n" in text
    assert "https://zheng-lab.cecs.anu.edu.au/Project/project_reid.html" in text
    assert "research only" in text
    assert f"<data_dir>/market1501/{RELEASE}/\n    bounding_box_train/" in text


@pytest.mark.parametrize("place", [f"market1501/{RELEASE}", RELEASE, "market1501", "."])
def test_another_release_is_found_and_refused(tmp_path, place):
    write(tmp_path / place)
    with pytest.raises(DatasetLayoutError, match="expected 12936 images, found 3"):
        read_market1501(tmp_path)


def test_incomplete_market_is_not_reported_as_missing(tmp_path):
    (tmp_path / RELEASE / "query").mkdir(parents=True)
    with pytest.raises(DatasetNotFoundError, match="bounding_box_train and bounding_box_test"):
        read_market1501(tmp_path)


@needs_market
def test_market1501():
    dataset = read_market1501(DATA)
    assert dataset == read_market1501(MARKET.parent) == read_market1501(MARKET)
    assert dataset.counts == COUNTS
    assert dataset.num_train_pids == 751
    for split in (dataset.train, dataset.query, dataset.gallery):
        assert [s.path for s in split] == sorted(s.path for s in split)
        assert {s.camid for s in split} == {0, 1, 2, 3, 4, 5}
    train, query, gallery = (
        {s.pid for s in split} for split in (dataset.train, dataset.query, dataset.gallery)
    )
    assert not train & gallery
    assert gallery - query == {0}
    assert sum(s.pid == 0 for s in dataset.gallery) == 2798
    assert short(dataset.train[:1]) == [("0002_c1s1_000451_03.jpg", 2, 0)]
    assert dataset.train_labels[2] == 0
    assert dataset.train_labels[1500] == 750


@needs_market
def test_market1501_without_one_file(tmp_path):
    root = tmp_path / RELEASE
    root.mkdir()
    for folder in ("bounding_box_train", "bounding_box_test"):
        (root / folder).symlink_to(MARKET / folder, target_is_directory=True)
    (root / "query").mkdir()
    names = sorted(os.listdir(MARKET / "query"))
    for name in names[1:]:
        (root / "query" / name).symlink_to(MARKET / "query" / name)
    with pytest.raises(DatasetLayoutError) as error:
        read_market1501(tmp_path)
    assert str(error.value).splitlines()[1:] == [
        f"  {root / 'query'} (query): expected 3368 images, found 3367"
    ]
