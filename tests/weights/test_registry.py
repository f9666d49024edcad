"""Weights by name: where their files are looked for, and what is said when there are none."""

import hashlib
import inspect
import os

import keras
import numpy as np
import pytest

from osnet_tf import OSNet
from osnet_tf.presets import PRESETS
from osnet_tf.weights import WeightsError, read_checkpoint, registry
from osnet_tf.weights.registry import PRETRAINED, resolve_weights
from tests.conftest import SHARED

FILE = "osnet_x0_25_imagenet.pth"
GET_FILE = inspect.signature(keras.utils.get_file)
VERIFIED = [entry for entry in PRETRAINED.values() if entry.sha256]


@pytest.fixture(autouse=True)
def downloads(monkeypatch):
    """No test opens the network. Gives the calls of get_file, which fail as without one."""
    calls = []

    def get_file(*args, **kwargs):
        calls.append(GET_FILE.bind(*args, **kwargs).arguments)
        raise Exception("URL fetch failure on https://...: None -- no route to host")

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    monkeypatch.delenv("OSNET_TF_WEIGHTS", raising=False)
    return calls


@pytest.fixture
def known(monkeypatch):
    """Pretends that a file of these bytes is the ImageNet one of osnet_x0_25."""

    def pretend(contents):
        key = "osnet_x0_25", "imagenet"
        entry = PRETRAINED[key]._replace(sha256=hashlib.sha256(contents).hexdigest())
        monkeypatch.setitem(PRETRAINED, key, entry)
        return contents

    return pretend


def folder_with(folder, contents, name=FILE):
    folder.mkdir()
    (folder / name).write_bytes(contents)
    return str(folder)


def test_the_entries():
    assert {(e.preset, e.name): e for e in PRETRAINED.values()} == PRETRAINED
    assert len({e.source for e in PRETRAINED.values()}) == len(PRETRAINED) == 15
    for e in PRETRAINED.values():
        assert e.preset in PRESETS
        assert e.file == f"{e.preset}_{e.name}.pth"
        assert e.source.startswith("https://drive.google.com/uc?export=download&id=1")
        assert e.licence == "MIT"
        figures = (e.evaluated_on, e.distance, e.rank1, e.mAP)
        if e.name == "imagenet":
            assert figures == (None,) * 4
        else:
            assert 0 < e.mAP < e.rank1 < 1
            assert e.distance in ("euclidean", "cosine")
    # A checksum is that of a file that somebody here has had: nobody may fill in the others
    assert {e.file for e in VERIFIED} == {FILE, "osnet_x0_25_market1501.pth"}


@pytest.mark.parametrize("entry", VERIFIED, ids=lambda entry: entry.name)
def test_the_checksums_are_those_of_the_real_files(entry):
    path = SHARED / "weights" / entry.file
    if not path.exists():
        pytest.skip(f"{path} is not there")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256


def test_the_real_weights_by_name(monkeypatch, downloads):
    """The model holds the file's numbers; the classifier of 1000 classes is left out."""
    path = SHARED / "weights" / FILE
    if not path.exists():
        pytest.skip(f"{path} is not there")
    monkeypatch.setenv("OSNET_TF_WEIGHTS", os.path.relpath(path.parent))
    model = OSNet("osnet_x0_25", weights="imagenet", input_shape=(64, 32, 3))
    state = read_checkpoint(path).arrays
    np.testing.assert_array_equal(
        np.asarray(model.get_layer("fc").kernel), state["fc.0.weight"].T, strict=True
    )
    assert downloads == []


def test_the_folders_are_looked_in_first_and_in_their_order(
    tmp_path, monkeypatch, downloads, known
):
    contents = known(b"weights")
    empty = tmp_path / "empty"
    empty.mkdir()
    first = folder_with(tmp_path / "first", contents)
    second = folder_with(tmp_path / "second", contents)
    folders = [str(empty), str(tmp_path / "missing"), "", first, second]
    monkeypatch.setenv("OSNET_TF_WEIGHTS", os.pathsep.join(folders))
    assert resolve_weights("osnet_x0_25", "imagenet") == os.path.join(first, FILE)
    assert downloads == []


def test_a_folder_in_the_users_home(tmp_path, monkeypatch, known):
    folder = folder_with(tmp_path / "weights", known(b"weights"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OSNET_TF_WEIGHTS", "~/weights")
    assert resolve_weights("osnet_x0_25", "imagenet") == os.path.join(folder, FILE)


def test_a_wrong_checksum_is_an_error_and_not_a_reason_to_look_elsewhere(
    tmp_path, monkeypatch, downloads, known
):
    good = known(b"weights")
    folders = folder_with(tmp_path / "bad", b"other"), folder_with(tmp_path / "good", good)
    monkeypatch.setenv("OSNET_TF_WEIGHTS", os.pathsep.join(folders))
    with pytest.raises(WeightsError) as error:
        resolve_weights("osnet_x0_25", "imagenet")
    for part in (
        os.path.join(folders[0], FILE),
        f"expected sha256 {hashlib.sha256(good).hexdigest()}",
        f"found {hashlib.sha256(b'other').hexdigest()}",
    ):
        assert part in str(error.value)
    assert downloads == []


def test_otherwise_keras_downloads_it_with_the_checksum(monkeypatch):
    calls = []

    def get_file(*args, **kwargs):
        calls.append(GET_FILE.bind(*args, **kwargs).arguments)
        return "/cache/file.pth"

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    assert resolve_weights("osnet_x0_25", "market1501") == "/cache/file.pth"
    assert calls == [
        {
            "fname": "osnet_x0_25_market1501.pth",
            "origin": "https://drive.google.com/uc?export=download"
            "&id=1z1UghYvOTtjx7kEoRfmqSMu-z62J6MAj",
            "file_hash": "c0ff09177a21417a19bc73bbf5af4eb5d2b097c2074ed35e67819ee6cd93612c",
            "hash_algorithm": "sha256",
            "cache_subdir": "osnet_tf",
        }
    ]


def test_without_a_network_the_error_says_what_to_put_where(tmp_path, monkeypatch, downloads):
    with pytest.raises(FileNotFoundError) as error:
        resolve_weights("osnet_x0_25", "imagenet")
    message = str(error.value)
    assert "no route to host" in message
    assert "OSNET_TF_WEIGHTS is not set" in message
    assert f"Get it from {PRETRAINED['osnet_x0_25', 'imagenet'].source} ," in message
    assert f"save it as {FILE} in any folder, and set OSNET_TF_WEIGHTS to that folder" in message
    assert len(downloads) == 1

    monkeypatch.setenv("OSNET_TF_WEIGHTS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=rf"not in OSNET_TF_WEIGHTS={tmp_path}, and down"):
        OSNet("osnet_x0_25", weights="imagenet", input_shape=(32, 16, 3))


def test_a_file_of_unknown_checksum_is_used_but_never_downloaded(tmp_path, monkeypatch, downloads):
    with pytest.raises(FileNotFoundError, match=r"its checksum is not known yet\. Get it from"):
        resolve_weights("osnet_x1_0", "imagenet")
    file = "osnet_x1_0_imagenet.pth"
    folder = folder_with(tmp_path / "weights", b"anything", file)
    monkeypatch.setenv("OSNET_TF_WEIGHTS", folder)
    assert resolve_weights("osnet_x1_0", "imagenet") == os.path.join(folder, file)
    assert downloads == []


@pytest.mark.parametrize(
    ("preset", "weights", "message"),
    [
        ("osnet_x0_25", "imagnet", r"There are: imagenet, market1501; or .* weights='imagnet'"),
        ("osnet_ain_x0_5", "market1501", r"osnet_ain_x0_5 has no .* There are: imagenet; or "),
        ("osnet_ibn_x0_25", "imagenet", r"There are: none; or give the path of a file"),
        ("osnet_x9", "imagenet", r"`preset` must be one of"),
    ],
)
def test_unknown_names(preset, weights, message, downloads):
    with pytest.raises(ValueError, match=message):
        resolve_weights(preset, weights)
    assert downloads == []


def test_paths_are_left_alone(tmp_path, monkeypatch, downloads):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_bytes(b"")
    (tmp_path / "imagenet").write_bytes(b"")
    for path in ("imagenet.pth", "./imagenet", "runs/imagenet", "mine", tmp_path / "imagenet"):
        assert resolve_weights("osnet_x0_25", path) == os.fspath(path)
    assert downloads == []
    with pytest.raises(FileNotFoundError):  # the name, in spite of the file
        resolve_weights("osnet_x0_25", "imagenet")
    assert len(downloads) == 1


def test_the_variable_has_the_name_that_is_documented():
    assert registry.FOLDERS_VARIABLE == "OSNET_TF_WEIGHTS"
    assert "OSNET_TF_WEIGHTS" in OSNet.__doc__
