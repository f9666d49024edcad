import os

import pytest

from osnet_tf.data import DatasetLayoutError, DatasetNotFoundError, load_dataset
from osnet_tf.data.dukemtmcreid import read_dukemtmcreid
from osnet_tf.data.occluded_duke import read_occluded_duke
from osnet_tf.errors import FileError
from tests.data.mats import touch

FILES = [
    "bounding_box_train/0001_c2_f0046182.jpg",
    "bounding_box_train/0005_c8_f0046302.jpg",
    "query/0002_c1_f0044158.jpg",
    "bounding_box_test/0002_c4_f0044158.jpg",
    "bounding_box_test/0002_c5_f0044278.jpg",
    "bounding_box_test/7140_c1_f0044158.jpg",
    "bounding_box_test/._7140_c1_f0044158.jpg",
    "query/Thumbs.db",
]
TINY = {"train": (2, 2, 2), "query": (1, 1, 1), "gallery": (3, 2, 3)}
PLACE = "dukemtmc-reid/DukeMTMC-reID"


def short(samples):
    return [(os.path.basename(path), pid, camid) for path, pid, camid in samples]


@pytest.mark.parametrize("place", [PLACE, "DukeMTMC-reID", "dukemtmc-reid", "."])
def test_duke_is_found_and_read(tmp_path, place):
    touch(tmp_path / place, *FILES)
    dataset = read_dukemtmcreid(tmp_path, expected_counts=TINY)
    assert (dataset.name, dataset.people_of) == ("dukemtmcreid", "dukemtmcreid")
    assert short(dataset.train) == [
        ("0001_c2_f0046182.jpg", 1, 1),
        ("0005_c8_f0046302.jpg", 5, 7),
    ]
    assert short(dataset.gallery)[2] == ("7140_c1_f0044158.jpg", 7140, 0)


def test_counts_and_folders_of_duke(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"withdrawn(?s:.)*bounding_box_train/ +16,522"):
        load_dataset("dukemtmcreid", tmp_path)
    touch(tmp_path / PLACE, *FILES)
    with pytest.raises(DatasetLayoutError) as caught:
        load_dataset("dukemtmcreid", tmp_path)
    for rule in (
        "(train): expected 16522 images, found 2",
        "(train): expected 702 identities, found 2",
        "(query): expected 2228 images, found 1",
        "(gallery): expected 17661 images, found 3",
        "(gallery): expected 8 cameras, found 3",
    ):
        assert rule in str(caught.value)
    os.remove(tmp_path / PLACE / FILES[2])
    os.remove(tmp_path / PLACE / "query" / "Thumbs.db")
    os.rmdir(tmp_path / PLACE / "query")
    with pytest.raises(DatasetNotFoundError, match="the folder query is missing"):
        load_dataset("dukemtmcreid", tmp_path)


OCCLUDED = {"train": (1, 1, 1), "query": (2, 1, 2), "gallery": (2, 2, 2)}
LISTS = {
    "train.list": "0001_c2_f0046182.jpg\n",
    # the second lies in bounding_box_test
    "query.list": "0002_c1_f0044158.jpg\n0002_c4_f0044158.jpg\n",
    "gallery.list": "0002_c5_f0044278.jpg\n7140_c1_f0044158.jpg\n",
}


def write_lists(data_dir, **changes):
    touch(data_dir / PLACE, *FILES)
    (data_dir / "occluded_duke").mkdir(exist_ok=True)
    for name, text in LISTS.items():
        (data_dir / "occluded_duke" / name).write_text(changes.get(name.split(".")[0], text))
    return data_dir


def test_occluded_duke_from_its_lists(tmp_path):
    dataset = read_occluded_duke(write_lists(tmp_path), expected_counts=OCCLUDED)
    assert (dataset.name, dataset.people_of) == ("occluded_duke", "dukemtmcreid")
    assert [os.path.relpath(s.path, tmp_path / PLACE) for s in dataset.query] == [
        "bounding_box_test/0002_c4_f0044158.jpg",
        "query/0002_c1_f0044158.jpg",
    ]
    assert short(dataset.gallery) == [
        ("0002_c5_f0044278.jpg", 2, 4),
        ("7140_c1_f0044158.jpg", 7140, 0),
    ]
    with pytest.raises(DatasetLayoutError, match=r"train\.list \(train\): expected 15618 images"):
        load_dataset("occluded_duke", tmp_path)


def test_occluded_duke_as_its_script_makes_it(tmp_path):
    touch(tmp_path / "occluded_duke" / "Occluded_Duke", *FILES)
    dataset = read_occluded_duke(tmp_path, expected_counts=TINY)
    assert (len(dataset.gallery), dataset.people_of) == (3, "dukemtmcreid")


def test_what_is_wrong_with_occluded_duke_is_named(tmp_path):
    with pytest.raises(
        DatasetNotFoundError, match=r"Occluded-DukeMTMC was not found(?s:.)*train\.l"
    ):
        load_dataset("occluded_duke", tmp_path)
    for text, error, message in (
        ("0001_c2_f9.jpg", DatasetLayoutError, r"train\.list names 0001_c2_f9\.jpg, which is not"),
        ("notes", FileError, r"train\.list must hold names .* Received: 'notes'"),
        ("../0001_c2_f0046182.jpg", FileError, r"train\.list must hold names"),
    ):
        write_lists(tmp_path, train=text)
        with pytest.raises(error, match=message):
            read_occluded_duke(tmp_path, expected_counts=OCCLUDED)
    (tmp_path / PLACE).rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetNotFoundError, match="DukeMTMC-reID was not found"):
        read_occluded_duke(tmp_path)
