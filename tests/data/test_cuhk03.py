import errno
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from osnet_tf.data import DatasetLayoutError, DatasetNotFoundError, load_dataset, load_datasets
from osnet_tf.data.cuhk03 import read_cuhk03
from osnet_tf.data.mat_files import read_mat
from osnet_tf.errors import ArgumentError, FileError, InUseError, WriteError
from osnet_tf.evaluation.preconditions import check_can_evaluate
from osnet_tf.files import locked
from tests.data.mats import VIEWS, column, touch, write_cuhk03_mat, write_protocol

DATA = Path(__file__).parents[2].parent / "shared" / "data"
PROTOCOLS = DATA / "splits" / "cuhk03"
TINY = {"train": (8, 2, 2), "query": (2, 1, 2), "gallery": (2, 1, 2)}
CLASSIC = {"train": (8, 2, 2), "query": (4, 1, 2), "gallery": (4, 1, 2)}
PROTOCOL = "cuhk03_new_protocol_config_detected.mat"
FILES = [f"{p}_{v}_{i:02d}.jpg" for p in ("1_001", "1_002", "5_001") for v, i in VIEWS]


def extracted(data_dir, **changes):
    touch(data_dir / "cuhk03" / "images_detected", *FILES)
    write_protocol(data_dir / "cuhk03" / PROTOCOL, **changes)
    return data_dir


def short(samples):
    return [(os.path.basename(path), pid, camid) for path, pid, camid in samples]


def test_extracted_images_by_the_new_protocol(tmp_path):
    images = extracted(tmp_path) / "cuhk03" / "images_detected"
    touch(images, "._1_001_1_01.jpg", "Thumbs.db", "list.txt", "sheet.png")
    dataset = read_cuhk03(tmp_path, expected_counts=TINY)
    assert (dataset.name, dataset.people_of) == ("cuhk03", "cuhk03")
    assert short(dataset.train)[3:6] == [
        ("1_001_2_07.jpg", 1, 1),
        ("1_002_1_01.jpg", 2, 0),
        ("1_002_1_02.jpg", 2, 0),
    ]
    assert short(dataset.query) == [("5_001_1_01.jpg", 3, 0), ("5_001_2_06.jpg", 3, 1)]
    assert short(dataset.gallery) == [("5_001_1_02.jpg", 3, 0), ("5_001_2_07.jpg", 3, 1)]
    check_can_evaluate(dataset)
    named = read_cuhk03(tmp_path / "cuhk03", variant="detected", expected_counts=TINY)
    assert named == dataset._replace(name="cuhk03:detected")


def test_the_protocol_may_lie_in_splits(tmp_path):
    touch(tmp_path / "cuhk03" / "images_labeled", *FILES)
    labelled = PROTOCOL.replace("detected", "labeled")
    write_protocol(tmp_path / "splits" / "cuhk03" / labelled)
    dataset = read_cuhk03(tmp_path, variant="labelled", expected_counts=TINY)
    assert len(dataset.train) == 8
    assert "images_labeled" in dataset.train[0].path


def test_images_are_extracted_once(tmp_path):
    mat = write_cuhk03_mat(tmp_path / "cuhk03" / "cuhk03_release" / "cuhk-03.mat")
    write_protocol(tmp_path / "cuhk03" / PROTOCOL)
    dataset = read_cuhk03(tmp_path, expected_counts=TINY)
    images = tmp_path / "cuhk03" / "images_detected"
    assert sorted(os.listdir(images)) == [file.replace("jpg", "png") for file in FILES]
    for pair, person, number in ((1, 2, 6), (5, 1, 1)):
        view = 1 if number <= 5 else 2
        pixels = np.asarray(Image.open(images / f"{pair}_{person:03d}_{view}_{number:02d}.png"))
        assert pixels.shape == (6, 4, 3)
        assert pixels[0, 1].tolist() == [pair, person, number]
        assert pixels.sum() == pair + person + number
    mat.unlink()  # and is not needed again
    assert read_cuhk03(tmp_path, expected_counts=TINY) == dataset


def test_an_extraction_that_ends_early_leaves_nothing(tmp_path, monkeypatch):
    mat = write_cuhk03_mat(tmp_path / "cuhk03" / "cuhk-03.mat", last="u2")
    write_protocol(tmp_path / "cuhk03" / PROTOCOL)
    with pytest.raises(FileError, match=r"cuhk-03\.mat is damaged.*image 5_001_1_01 must be"):
        read_cuhk03(tmp_path)
    assert sorted(p.name for p in (tmp_path / "cuhk03").iterdir() if p.name[0] != ".") == [
        "cuhk-03.mat",
        PROTOCOL,
    ]
    write_cuhk03_mat(mat)
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(Image.Image, "save", lambda *_: (_ for _ in ()).throw(full))
    with pytest.raises(WriteError, match="images_detected cannot be written: No space left"):
        read_cuhk03(tmp_path)
    monkeypatch.undo()
    assert not list((tmp_path / "cuhk03").glob(".new-*"))
    with locked(tmp_path / "cuhk03", "extracting"), pytest.raises(InUseError, match="extracting"):
        read_cuhk03(tmp_path)
    assert len(read_cuhk03(tmp_path, expected_counts=TINY).train) == 8


def test_classic_splits(tmp_path):
    write_cuhk03_mat(tmp_path / "cuhk-03.mat", kinds=("labeled",))
    dataset = read_cuhk03(tmp_path, variant="labelled-7", expected_counts=CLASSIC)
    assert (dataset.name, dataset.split_of) == ("cuhk03:labelled-7", "cuhk03:labelled")
    assert dataset.people_of == "cuhk03"
    assert {sample.pid for sample in dataset.train} == {2, 3}
    assert dataset.query == dataset.gallery
    assert short(dataset.query) == [(f"1_001_{v}_{i:02d}.png", 1, v - 1) for v, i in VIEWS]
    assert "single_shot=100" in dataset.summary()
    check_can_evaluate(dataset)
    every = read_cuhk03(tmp_path, variant="labelled-all", expected_counts=CLASSIC)
    assert len(every) == 20
    assert every[7] == dataset
    with pytest.raises(DatasetLayoutError, match="expected 1367 identities, found 2"):
        read_cuhk03(tmp_path, variant="labelled-7")


@pytest.mark.parametrize("variant", ["detekted", "labelled-", "detected-x", "detected:1"])
def test_other_variants(tmp_path, variant):
    with pytest.raises(ArgumentError, match="`variant` must be one of 'detected', 'labelled', "):
        read_cuhk03(tmp_path, variant=variant)


@pytest.mark.parametrize("variant", ["labelled-20", "labelled-007"])
def test_other_splits(tmp_path, variant):
    with pytest.raises(ArgumentError, match=f"0 to 19, or all. Received: cuhk03:{variant}"):
        read_cuhk03(tmp_path, variant=variant)


def test_missing_parts_are_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"images_detected, cuhk03_release/cuhk-03\.mat"):
        load_dataset("cuhk03", tmp_path)
    touch(tmp_path / "cuhk03" / "images_detected", *FILES)
    with pytest.raises(DatasetNotFoundError, match=rf"{PROTOCOL} of CUHK03 was not found(?s:.)*Zh"):
        load_dataset("cuhk03", tmp_path)
    with pytest.raises(DatasetNotFoundError, match=r"cuhk-03\.mat was not found"):
        load_datasets("cuhk03:detected-all", tmp_path)
    write_protocol(tmp_path / PROTOCOL)
    with pytest.raises(DatasetLayoutError, match=r"expected 7365 images, found 8(?s:.)*767"):
        load_dataset("cuhk03", tmp_path)
    (tmp_path / "cuhk03" / "images_detected" / FILES[0]).unlink()
    with pytest.raises(DatasetLayoutError, match=r"names 1 images .* such as 1_001_1_01"):
        load_dataset("cuhk03", tmp_path)
    touch(tmp_path / "cuhk03" / "images_detected", FILES[0], FILES[0].replace("jpg", "png"))
    with pytest.raises(DatasetLayoutError, match=r"holds 1_001_1_01 twice"):
        load_dataset("cuhk03", tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"camId": None}, "has no 'camId': it is not CUHK03's new protocol"),
        ({"train_idx": np.arange(8)[:, None]}, "whole numbers from 1 to 12 in train_idx"),
        ({"gallery_idx": np.array([[13]])}, "whole numbers from 1 to 12 in gallery_idx"),
        ({"labels": np.array([[0.5]])}, "whole numbers from 1 to 1000000 in labels"),
        ({"labels": np.array([[1]])}, "a name such as .*, a label and a camId"),
        ({"filelist": column(["a.png"] * 12)}, "Received: 'a'"),
        ({"labels": np.repeat([1, 2, 1], 4)[:, None]}, "people in train and test, such as 1"),
    ],
)
def test_what_is_not_the_protocol_is_named(tmp_path, changes, message):
    extracted(tmp_path, **changes)
    with pytest.raises(FileError, match=rf"{PROTOCOL} .*{message}"):
        read_cuhk03(tmp_path, expected_counts=TINY)


@pytest.mark.skipif(not (DATA / "cuhk03").is_dir(), reason=f"CUHK03 is not at {DATA / 'cuhk03'}")
def test_the_real_images_and_protocol():
    dataset = load_dataset("cuhk03", DATA)
    assert [len(part) for part in (dataset.train, dataset.query, dataset.gallery)] == [
        7365, 1400, 5332
    ]  # fmt: skip
    assert dataset.num_train_pids == 767
    assert not dataset.people_in_both
    everything = [*dataset.train, *dataset.query, *dataset.gallery]
    assert len({sample.path for sample in everything}) == 14097
    assert set(Counter(sample[1:] for sample in dataset.query).values()) == {1}
    people = sorted({os.path.basename(sample.path)[:5] for sample in everything})
    for path, pid, camid in everything:  # labels count the people in the order of the names
        assert people[pid - 1] == os.path.basename(path)[:5]
        assert camid == int(os.path.basename(path)[6]) - 1
    check_can_evaluate(dataset)


@pytest.mark.skipif(not PROTOCOLS.is_dir(), reason=f"the protocol files are not at {PROTOCOLS}")
def test_the_real_protocol_of_the_labelled_images(tmp_path):
    file = PROTOCOL.replace("detected", "labeled")
    names = read_mat(PROTOCOLS / file, ("filelist",))["filelist"]
    touch(tmp_path / "images_labeled", *map(str, names))
    shutil.copy(PROTOCOLS / file, tmp_path)
    dataset = load_dataset("cuhk03:labelled", tmp_path)
    assert [len(part) for part in (dataset.train, dataset.query, dataset.gallery)] == [
        7368, 1400, 5328
    ]  # fmt: skip
    assert {s.pid for s in (*dataset.train, *dataset.query)} == set(range(1, 1468))
