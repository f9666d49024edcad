import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from osnet_tf.data import (
    DatasetLayoutError,
    DatasetNotFoundError,
    combine_all,
    load_dataset,
)
from osnet_tf.data.msmt17 import COUNTS, read_msmt17
from osnet_tf.errors import FileError
from osnet_tf.evaluation.preconditions import check_can_evaluate
from tests.data.mats import touch

LISTS = Path(__file__).parents[2].parent / "shared" / "data" / "splits" / "msmt17"

LINES = {
    "train": [
        "0000/0000_001_02_0303morning_0015_0_ex.jpg 0",
        "0001/0001_000_15_0114noon_0001_0.jpg 1",
    ],
    "val": ["0001/0001_045_12_0303afternoon_0006_10.jpg 1"],
    "query": ["0000/0000_045_12_0303morning_0006_2.jpg 0"],
    "gallery": [
        "0000/0000_013_04_0303morning_0020_2.jpg 0",
        "0002/0002_013_04_0303morning_0020_2.jpg 2",
    ],
}
TINY = {"train": (2, 2, 2), "val": (1, 1, 1), "query": (1, 1, 1), "gallery": (2, 2, 1)}


def write(root, train="train", test="test", lines=LINES):
    for split, rows in lines.items():
        folder = train if split in ("train", "val") else test
        touch(root / folder, *(row.split(" ")[0] for row in rows))
        (root / f"list_{split}.txt").write_text("".join(f"{row}\n" for row in rows))
    touch(root, "._list_train.txt", f"{train}/Thumbs.db", f"{train}/0000/._a.jpg")
    return root


@pytest.mark.parametrize(
    ("place", "folders"),
    [
        ("msmt17/MSMT17_V1", ("train", "test")),
        ("msmt17/MSMT17_V2", ("mask_train_v2", "mask_test_v2")),
        ("MSMT17_V1", ("train", "test")),
        (".", ("mask_train_v2", "mask_test_v2")),
    ],
)
def test_both_versions_are_found_and_read(tmp_path, place, folders):
    root = write(tmp_path / place, *folders)
    dataset = read_msmt17(tmp_path, expected_counts=TINY)
    assert [sample[1:] for sample in dataset.train] == [(1, 1), (2, 14)]
    assert [sample[1:] for sample in dataset.val] == [(2, 11)]
    assert [sample[1:] for sample in dataset.query] == [(1042, 11)]
    assert [sample[1:] for sample in dataset.gallery] == [(1042, 3), (1044, 3)]
    assert dataset.query[0].path == str(root / folders[1] / LINES["query"][0].split(" ")[0])
    assert not dataset.people_in_both
    check_can_evaluate(dataset)
    assert {s.path for s in combine_all(dataset).train} == {
        s.path
        for part in (dataset.train, dataset.val, dataset.query, dataset.gallery)
        for s in part
    }


def test_version_1_comes_first(tmp_path):
    write(tmp_path / "msmt17" / "MSMT17_V2", "mask_train_v2", "mask_test_v2")
    write(tmp_path / "msmt17" / "MSMT17_V1")
    assert "MSMT17_V1" in read_msmt17(tmp_path, expected_counts=TINY).train[0].path


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"MSMT17_V2/(?s:.)*list_val\.txt"):
        load_dataset("msmt17", tmp_path)
    root = write(tmp_path / "msmt17" / "MSMT17_V1")
    with pytest.raises(DatasetLayoutError, match=r"\(val\): expected 2373 images, found 1"):
        load_dataset("msmt17", tmp_path)
    os.remove(root / "train" / LINES["val"][0].split(" ")[0])
    with pytest.raises(DatasetLayoutError, match=r"list_val\.txt names 1 images .* 0001/0001_045"):
        load_dataset("msmt17", tmp_path)
    os.remove(root / "list_val.txt")
    with pytest.raises(DatasetNotFoundError, match=r"Looked for list_val\.txt in"):
        load_dataset("msmt17", tmp_path)
    shutil.rmtree(root / "test")
    (root / "list_val.txt").touch()
    with pytest.raises(DatasetNotFoundError, match=r"Looked for test in"):
        load_dataset("msmt17", tmp_path)


@pytest.mark.parametrize("line", ["", "a.jpg 1", LINES["query"][0] + "1", LINES["query"][0][:-2]])
def test_lines_that_are_no_path_and_person(tmp_path, line):
    write(tmp_path, lines={**LINES, "query": [*LINES["query"], "", line]} if line else LINES)
    if not line:
        (tmp_path / "list_query.txt").write_bytes(b"\xff\0" * 5)
    with pytest.raises(FileError, match=r"list_query\.txt line \d: must be a path and its person"):
        read_msmt17(tmp_path, expected_counts=TINY)


@pytest.mark.skipif(not LISTS.is_dir(), reason=f"the lists of MSMT17 are not at {LISTS}")
def test_the_real_lists_with_generated_pictures(tmp_path):
    root = tmp_path / "msmt17" / "MSMT17_V1"
    root.mkdir(parents=True)
    picture = tmp_path / "picture.jpg"
    Image.new("RGB", (4, 8), (90, 40, 10)).save(picture)
    links = 0
    for split in COUNTS:
        name = shutil.copy(LISTS / f"list_{split}.txt", root)
        folder = root / ("train" if split in ("train", "val") else "test")
        for line in Path(name).read_text().splitlines():
            path = folder / line.split(" ")[0]
            try:
                os.link(picture, path)
            except FileNotFoundError:
                path.parent.mkdir(parents=True)
                os.link(picture, path)
            links += 1
            if links % 30_000 == 0:  # file systems limit the links to a file
                picture = shutil.copy(picture, tmp_path / f"{links}.jpg")
    dataset = load_dataset("msmt17", tmp_path)
    assert dataset.counts == {split: COUNTS[split] for split in ("train", "query", "gallery")}
    assert len(dataset.val) == 2373
    assert {s.pid for s in dataset.val} == {s.pid for s in dataset.train} == set(range(1, 1042))
    assert {s.pid for s in dataset.gallery} == set(range(1042, 4102))
    assert {s.camid for s in dataset.train} == set(range(15))
    with Image.open(dataset.gallery[-1].path) as image:
        assert image.size == (4, 8)
    for part in (dataset.train, dataset.query):
        for path, pid, camid in part[::997]:
            person, _, camera, *_ = os.path.basename(path).split("_")
            assert (pid, camid) == (int(person) + part[0].pid, int(camera) - 1)
    check_can_evaluate(dataset)
    shutil.rmtree(tmp_path / "msmt17")
