"""What is wrong with a dataset: each fault is found, once, and named; sound ones are sound."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from osnet_tf.data import DatasetNotFoundError, ImageError, contact_sheet, load_dataset
from osnet_tf.data.inspection import inspect_dataset
from osnet_tf.data.layouts import FOLDERS
from osnet_tf.data.overview import list_datasets
from osnet_tf.data.reports import write_inspection, write_preview, write_statistics
from osnet_tf.data.sheets import GAP
from osnet_tf.data.statistics import dataset_statistics
from osnet_tf.errors import ArgumentError
from tests.conftest import ROOT


def draw(root, *files):
    """An image for each name, of a colour of its own."""
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        name = np.frombuffer(os.fsencode(file), np.uint8)
        colour = tuple(map(int, name[-16:][:3]))
        pixels = np.full((8, 4, 3), colour, np.uint8)
        pixels.reshape(-1)[: len(name)] = name[:96]
        Image.fromarray(pixels).save(path)


@pytest.fixture
def people(tmp_path):
    """Two people to learn from, one to search for; all is as it should be."""
    root = tmp_path / "mine"
    draw(
        root,
        *(f"train/{name}/c{c}_{n}.png" for name in ("ann", "bob") for c in (1, 2) for n in (1, 2)),
    )
    draw(root, "query/eve/c1_1.png", "gallery/eve/c2_1.png", "gallery/eve/c1_9.png")
    return root


def findings(root, name="folder", **options):
    return {one.what: one for one in inspect_dataset(name, root, **options).findings}


def test_a_sound_dataset(people):
    found = inspect_dataset("folder", people)
    assert (found.is_sound, found.images, found.findings) == (True, 11, ())
    assert found.describe() == "folder: 11 images looked at, nothing is wrong"


def test_each_fault_is_found_and_named(people):
    (people / "train/ann/c1_1.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    same = (people / "train/bob/c1_1.png").read_bytes()
    (people / "train/ann/c1_2.png").write_bytes(same)  # two people
    leak = (people / "query/eve/c1_1.png").read_bytes()
    (people / "train/bob/c2_2.png").write_bytes(leak)  # training and test
    twice = (people / "gallery/eve/c2_1.png").read_bytes()
    (people / "gallery/eve/c2_2.png").write_bytes(twice)
    draw(people, "query/bob/c1_7.png")  # in both, and without a match
    draw(people, "train/dan/c1_1.png")  # a single image
    for clutter in ("train/ann/._c1_1.png", "__MACOSX/x.png", "train/Thumbs.db"):
        (people / clutter).parent.mkdir(exist_ok=True)
        (people / clutter).touch()
    (people / "train/ann/photo.heic").touch()
    found = findings(people)
    at = str(people)
    expected = {
        "images that cannot be read": (True, [f"{at}/train/ann/c1_1.png is truncated or corrupt"]),
        "the same file under two people": (
            True,
            [
                f"{at}/query/eve/c1_1.png = {at}/train/bob/c2_2.png",
                f"{at}/train/ann/c1_2.png = {at}/train/bob/c1_1.png",
            ],
        ),
        "the same file in training and test": (
            True,
            [f"{at}/query/eve/c1_1.png = {at}/train/bob/c2_2.png"],
        ),
        "the same file twice": (
            False,
            [f"{at}/gallery/eve/c2_1.png = {at}/gallery/eve/c2_2.png"],
        ),
        "people in training as well as in query or gallery": (True, ["bob"]),
        "queries without a match: of their person another camera has no image in the gallery": (
            False,
            [f"{at}/query/bob/c1_7.png"],
        ),
        "people of a single training image": (False, ["dan"]),
        "people whom one camera only has seen in training": (False, ["dan"]),
        "files of other kinds": (False, [f"{at}/train/ann/photo.heic"]),
        "what operating systems leave behind (._*, Thumbs.db, __MACOSX)": (
            False,
            [f"{at}/train/Thumbs.db", f"{at}/__MACOSX/x.png", f"{at}/train/ann/._c1_1.png"],
        ),
    }
    assert found.keys() == expected.keys()
    for what, (harmful, examples) in expected.items():
        assert found[what].harmful == harmful, what
        assert sorted(found[what].examples) == sorted(examples), what
        assert found[what].count == len(examples), what
        assert found[what].remedy
    ordered = [one.harmful for one in inspect_dataset("folder", people).findings]
    assert ordered == sorted(ordered, reverse=True)
    text = inspect_dataset("folder", people).describe()
    assert f"WRONG  images that cannot be read: 1\n       {at}/train/ann/c1_1.png is" in text
    assert text.endswith("4 kinds of things are wrong")


def test_many_are_counted_and_five_shown(people):
    for number in range(9):
        (people / f"train/ann/c1_bad{number}.png").touch()
    found = findings(people)["images that cannot be read"]
    assert (found.count, len(found.examples)) == (9, 5)
    assert len(findings(people)) == 1  # and not that they are the same
    assert "and 4 more" in inspect_dataset("folder", people).describe()


def test_what_the_reader_refuses_is_told_with_what_can_be_said(tmp_path):
    root = tmp_path / "market1501"
    draw(root, *(f"{part}/0002_c1s1_000451_03.jpg" for part in ("bounding_box_train", "query")))
    draw(root, "bounding_box_test/0002_c2s1_000451_03.jpg")
    (root / "query" / "0003_c1s1_000451_03.jpg").write_bytes(b"\xff\xd8\xff no more")
    found = inspect_dataset("market1501", tmp_path)
    assert not found.is_sound
    first, second = found.findings
    assert first.what == "the reader refuses it"
    assert "12,936" in " ".join(first.examples) or "12936" in " ".join(first.examples)
    assert second.what == "images that cannot be read"
    assert second.count == 1
    [refusal] = first.examples
    assert refusal.splitlines()[0].startswith("market1501 is not complete")
    assert refusal.splitlines()[1].endswith("(train): expected 12936 images, found 1")
    assert f"\n       {refusal.splitlines()[1]}\n" in found.describe()
    (tmp_path / "holidays").mkdir()
    (tmp_path / "holidays" / "1.jpg").touch()  # another's, and not to be looked at
    assert inspect_dataset("market1501", tmp_path).images == found.images == 4
    with pytest.raises(DatasetNotFoundError):
        inspect_dataset("market1501", tmp_path / "nothing")
    with pytest.raises(ArgumentError, match="There is no dataset 'marke'"):
        inspect_dataset("marke", tmp_path)


def test_what_is_refused_in_an_archive_is_read_too(people, tmp_path, monkeypatch):
    monkeypatch.setenv("OSNET_TF_CACHE", str(tmp_path / "cache"))
    draw(people, "train/outside.png")  # beside the people's folders
    (people / "train/ann/c1_1.png").write_bytes(b"")
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", people)
    found = inspect_dataset("folder", archive)
    assert [one.what for one in found.findings] == [
        "the reader refuses it",
        "images that cannot be read",
    ]
    assert found.images == 12
    draw(tmp_path, *(f"m/{part}/0002_c1s1_000451_03.jpg" for part in FOLDERS.values()))
    shutil.make_archive(str(tmp_path / "data" / "Market-1501-v15.09.15"), "zip", tmp_path / "m")
    refused = inspect_dataset("market1501", tmp_path / "data")
    assert refused.images == 3
    assert "expected 12936 images, found 1" in refused.describe()
    (tmp_path / "packed.zip").write_bytes(b"PK no more")
    found = inspect_dataset("folder", archive)
    assert "packed.zip is damaged" in found.findings[0].examples[0]
    assert found.images == 0


def test_one_person_is_too_few(tmp_path):
    draw(tmp_path, "mine/all/1.png", "mine/all/2.png")
    found = findings(tmp_path / "mine")
    one = found["nobody to be told from the only person in training"]
    assert (one.harmful, one.examples) == (True, ("all",))


def test_odd_names_are_drawn(tmp_path):
    """A formula that is none, an undecodable byte, a name longer than the sheet."""
    odd = ("$x_{$", "a\udcff", "b\x1b[31m", "long" * 50)
    draw(tmp_path, *(f"mine/{name}/{n}.png" for name in odd for n in (1, 2)))
    dataset = load_dataset("folder", tmp_path / "mine")
    assert {dataset.name_of(sample.pid) for sample in (*dataset.train, *dataset.query)} == set(odd)
    assert contact_sheet(dataset, rows=9, columns=1, height=8).width < 300
    _, written = write_statistics("folder", tmp_path / "mine", tmp_path / "reports")
    groups = json.loads(written[1].read_text())["splits"]["train"]["groups"]
    assert set(groups) < set(odd)


def test_classes_are_inspected_too(tmp_path):
    draw(
        tmp_path, *(f"{part}/{name}/1.png" for part in ("train", "test") for name in ("cat", "dog"))
    )
    assert inspect_dataset("classes", tmp_path).is_sound
    (tmp_path / "test/dog/2.png").write_bytes((tmp_path / "train/cat/1.png").read_bytes())
    assert set(findings(tmp_path, "classes")) == {
        "the same file under two classes",
        "the same file in training and test",
    }


def test_numbers(people):
    found = dataset_statistics(load_dataset("folder", people))
    assert found.of == "identities"
    assert found.splits["train"].groups == {"ann": 4, "bob": 4}
    assert found.splits["train"].cameras == {"1": 4, "2": 4}
    assert found.splits["gallery"].cameras == {"1": 1, "2": 1}
    assert "val" not in found.splits
    draw(people, "more/train/cat/1.png", "more/train/dog/1.png", "more/train/dog/2.png")
    draw(people, "more/test/dog/3.png")
    classes = dataset_statistics(load_dataset("classes", people / "more"))
    assert classes.to_dict()["splits"]["train"]["groups"] == {"cat": 1, "dog": 2}
    assert classes.splits["test"].groups == {"dog": 1}


def test_a_contact_sheet_shows_the_images_in_their_places(people):
    dataset = load_dataset("folder", people)
    sheet = np.asarray(contact_sheet(dataset, rows=9, columns=2, height=8))
    left, top = sheet.shape[1] - 2 * (4 + GAP), 16
    for row, name in enumerate(("ann", "bob")):
        for column, camera in enumerate((1, 2)):
            pixels = np.asarray(Image.open(people / f"train/{name}/c{camera}_1.png"))
            y, x = top + row * (8 + GAP), left + column * (4 + GAP)
            np.testing.assert_array_equal(sheet[y : y + 8, x : x + 4], pixels)
    assert sheet.shape[0] == top + 3 * (8 + GAP) - GAP
    two = contact_sheet(dataset, rows=2, columns=2, height=8, seed=1)
    assert two.height == top + 2 * (8 + GAP) - GAP
    for bad in ({"rows": 0}, {"columns": 0}, {"seed": -1}):
        with pytest.raises(ArgumentError, match=f"`{next(iter(bad))}` must be"):
            contact_sheet(dataset, **bad)
    with pytest.raises(ArgumentError, match="folder has no images"):
        contact_sheet(dataset._replace(train=(), query=(), gallery=()))


def test_the_reports(people, tmp_path):
    output = tmp_path / "reports"
    found, written = write_statistics("folder", people, output)
    assert [path.name for path in written] == ["folder_stats.png", "folder_stats.json"]
    assert json.loads(written[1].read_text()) == found.to_dict()
    with Image.open(written[0]) as picture:
        width, height = picture.size
    assert width > 2 * 500 > height  # two axes beside each other
    (people / "query/eve/c1_1.png").write_bytes(b"")
    found, [written] = write_inspection("folder", people, output)
    assert json.loads(written.read_text())["findings"][0]["count"] == 1
    with pytest.raises(ImageError, match=r"c1_1.png is empty"):
        write_preview("folder", people, output, rows=3)
    draw(people, "query/eve/c1_1.png")
    [path] = write_preview("folder", people, output, rows=3, columns=2)
    with Image.open(path) as picture:
        shown = np.asarray(picture)
    expected = contact_sheet(load_dataset("folder", people), rows=3, columns=2)
    np.testing.assert_array_equal(shown, np.asarray(expected))


def test_all_names_are_listed(tmp_path):
    for part in ("bounding_box_train", "query", "bounding_box_test"):
        draw(tmp_path / "market1501", f"{part}/0002_c1s1_000451_03.jpg")
    listed, hint = list_datasets(tmp_path).split("\n\n")
    assert "--do=stats --dataset=NAME says" in hint
    states = {line.split()[0]: line.split()[1] for line in listed.splitlines()}
    assert (states["market1501"], states["folder"], states["viper"]) == ("broken", "own", "-")
    assert not (tmp_path / "demo").exists()  # it is not drawn to be listed


def test_the_command(people, tmp_path):
    def run(*arguments):
        command = [sys.executable, ROOT / "train" / "data.py", f"--data_dir={people}", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    listed = run("--do=list")
    assert listed.returncode == 0
    assert "CUHK03" in listed.stdout
    (people / "train/ann/c1_1.png").write_bytes(b"")
    done = run("--do=validate")
    assert done.returncode == 1
    assert f"{people}/train/ann/c1_1.png is empty (0 bytes)" in done.stdout
    assert "Traceback" not in done.stderr
    assert (tmp_path / "data_reports" / "folder_validation.json").exists()
