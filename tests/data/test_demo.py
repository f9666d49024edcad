import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from osnet_tf.data import (
    DatasetLayoutError,
    DatasetNotFoundError,
    demo,
    generate_demo,
    load_dataset,
    read_demo,
)
from osnet_tf.data.demo_cameras import CAMERAS
from osnet_tf.data.demo_figures import Pose, draw_person
from osnet_tf.data.demo_people import random_person

TINY = {"train_identities": 3, "test_identities": 2, "images_per_camera": 2, "size": (64, 32)}


def files(data_dir) -> dict[str, bytes]:
    root = Path(data_dir, "demo")
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("tiny")
    return data_dir, generate_demo(data_dir, **TINY)


def test_layout_counts_and_splits(tiny):
    data_dir, dataset = tiny
    assert dataset.name == "demo"
    assert dataset.counts == {"train": (24, 3, 4), "query": (8, 2, 4), "gallery": (10, 3, 4)}
    assert not {s.pid for s in dataset.train} & {s.pid for s in dataset.gallery}
    assert {s.pid for s in (*dataset.train, *dataset.query)} == {1, 2, 3, 4, 5}
    assert {s.pid for s in dataset.gallery} - {s.pid for s in dataset.query} == {0}
    # Every query has right matches under all the other cameras.
    for query in dataset.query:
        cameras = {s.camid for s in dataset.gallery if s.pid == query.pid}
        assert cameras == {0, 1, 2, 3}
    names = [Path(name).name for name in files(data_dir)]
    assert sum(name.startswith("-1_") for name in names) == 2
    assert sum(name.startswith("0000_") for name in names) == 2
    assert len(names) == 24 + 8 + 8 + 2 + 2 + 1
    assert sorted(os.listdir(data_dir)) == ["demo"]  # nothing temporary is left
    assert all(
        Path(sample.path).name.startswith(f"{sample.pid:04d}_c{sample.camid + 1}s1_")
        for split in (dataset.train, dataset.query, dataset.gallery)
        for sample in split
    )


def test_pictures_are_jpegs_of_the_size_and_all_differ(tiny):
    _, dataset = tiny
    seen = set()
    for sample in (*dataset.train, *dataset.query, *dataset.gallery):
        with Image.open(sample.path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (32, 64))
            pixels = np.asarray(image)
        assert pixels.std() > 10
        seen.add(pixels.tobytes())
    assert len(seen) == 24 + 8 + 10


def test_same_arguments_same_bytes(tiny, tmp_path):
    generate_demo(tmp_path / "new" / "place", **TINY)
    assert files(tmp_path / "new" / "place") == files(tiny[0])


def test_another_seed_gives_other_people(tiny, tmp_path):
    generate_demo(tmp_path, **TINY, seed=1)
    ours, others = files(tiny[0]), files(tmp_path)
    common = [name for name in ours.keys() & others.keys() if name.endswith(".jpg")]
    assert common
    assert all(ours[name] != others[name] for name in common)


def test_the_people_of_a_smaller_set_are_those_of_a_larger_one(tiny, tmp_path):
    larger = generate_demo(tmp_path, **{**TINY, "train_identities": 6})

    def pictures(dataset):
        return {
            os.path.basename(s.path): Path(s.path).read_bytes()
            for split in (dataset.train, dataset.query, dataset.gallery)
            for s in split
            if s.pid > 0 and "_00." in s.path
        }

    small, large = pictures(tiny[1]), pictures(larger)
    assert small.keys() & large.keys()
    assert all(small[name] == large[name] for name in small.keys() & large.keys())


def test_it_is_drawn_once(tiny, monkeypatch):
    data_dir, dataset = tiny

    def refuse(*_):
        raise RuntimeError("drawn again")

    monkeypatch.setattr(demo, "_pictures", refuse)
    assert generate_demo(data_dir, **TINY) == dataset
    assert read_demo(data_dir) == dataset
    assert load_dataset("demo", data_dir) == dataset


def test_load_dataset_draws_it_if_missing(tmp_path, monkeypatch):
    calls = []

    def quick(data_dir, **arguments):
        calls.append(arguments)
        return generate_demo(data_dir, **TINY)

    monkeypatch.setattr(demo, "generate_demo", quick)
    first = load_dataset("demo", tmp_path)
    assert calls == [{}]  # the defaults
    assert load_dataset("demo", tmp_path) == first
    assert len(calls) == 1


def test_other_arguments_are_an_error_and_nothing_is_touched(tiny):
    data_dir, _ = tiny
    before = files(data_dir)
    with pytest.raises(DatasetLayoutError) as error:
        generate_demo(data_dir, **{**TINY, "train_identities": 4}, seed=5)
    assert str(error.value) == (
        f"{data_dir / 'demo'} holds another demo set: train_identities is 3, not 4; seed is 0, "
        "not 5. Remove that folder to draw it anew, or choose another data_dir."
    )
    assert files(data_dir) == before


def test_a_broken_generation_leaves_nothing(tmp_path, monkeypatch):
    pictures = demo._pictures

    def stop_early(manifest):
        for index, picture in enumerate(pictures(manifest)):
            if index == 5:
                raise KeyboardInterrupt
            yield picture

    monkeypatch.setattr(demo, "_pictures", stop_early)
    with pytest.raises(KeyboardInterrupt):
        generate_demo(tmp_path, **TINY)
    assert os.listdir(tmp_path) == []
    monkeypatch.undo()
    assert len(generate_demo(tmp_path, **TINY).train) == 24


def test_two_at_once_end_with_one_set(tiny, tmp_path, monkeypatch):
    pictures = demo._pictures

    def overtaken(manifest):
        monkeypatch.setattr(demo, "_pictures", pictures)
        generate_demo(tmp_path, **TINY)  # the other process finishes first
        return pictures(manifest)

    monkeypatch.setattr(demo, "_pictures", overtaken)
    assert generate_demo(tmp_path, **TINY).counts == tiny[1].counts
    assert sorted(os.listdir(tmp_path)) == ["demo"]
    assert files(tmp_path) == files(tiny[0])


@pytest.fixture
def small(tmp_path):
    generate_demo(
        tmp_path, train_identities=1, test_identities=1, images_per_camera=2, size=(32, 16)
    )
    return tmp_path


def test_missing_set(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="There is no demo set"):
        read_demo(tmp_path)


def test_a_folder_of_something_else_is_refused_and_kept(tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine.txt").write_text("precious")
    for read in (read_demo, generate_demo, lambda path: load_dataset("demo", path)):
        with pytest.raises(DatasetLayoutError, match=r"is not a complete demo set.*manifest\.json"):
            read(tmp_path)
    assert (tmp_path / "demo" / "mine.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "is no JSON"), ("[]", "must hold an object"), ('{"seed": 0}', "lacks generator_ver")],
)
def test_a_broken_manifest(small, text, message):
    (small / "demo" / "manifest.json").write_text(text)
    with pytest.raises(DatasetLayoutError, match=message):
        read_demo(small)


def test_another_version_is_refused(small):
    path = small / "demo" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "generator_version": 0}))
    with pytest.raises(DatasetLayoutError, match=r"another version of the generator \(0, not 1\)"):
        read_demo(small)


def test_a_missing_picture_is_noticed(small):
    dataset = read_demo(small)
    os.remove(dataset.query[0].path)
    with pytest.raises(DatasetLayoutError, match=r"\(query\): expected 4 images, found 3"):
        read_demo(small)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train_identities": 0}, "train_identities must be an integer >= 1. Received: train_id"),
        ({"test_identities": 0}, "test_identities must be an integer >= 1. Received: test_id"),
        ({"images_per_camera": 1}, "images_per_camera must be an integer >= 2. Received: images"),
        ({"seed": -1}, "seed must be an integer >= 0. Received: seed=-1"),
        ({"seed": True}, "seed must be an integer >= 0. Received: seed=True"),
        ({"size": (31, 16)}, r"at least \(32, 16\). Received: size=\(31, 16\)"),
        ({"size": (128.0, 64)}, r"Received: size=\(128.0, 64\)"),
        ({"size": (128, 64, 3)}, r"Received: size=\(128, 64, 3\)"),
    ],
)
def test_invalid_arguments(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        generate_demo(tmp_path, **arguments)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("seed", "size"), [(1, (32, 16)), (2, (33, 17)), (3, (48, 80)), (4, (100, 40))]
)
def test_any_size(tmp_path, seed, size):
    dataset = generate_demo(
        tmp_path, train_identities=2, test_identities=1, images_per_camera=2, seed=seed, size=size
    )
    with Image.open(dataset.train[0].path) as image:
        assert image.size == size[::-1]


def test_people_share_their_colours():
    """Nearest main colours meet across people, so a colour is no identity."""
    people = [random_person(np.random.default_rng(seed)) for seed in range(100)]
    uppers = np.array([person.upper for person in people], float)
    distance = np.abs(uppers[:, None] - uppers[None]).max(-1) + 1e3 * np.eye(100)
    assert (distance.min(1) < 20).mean() > 0.9
    assert len(set(people)) == 100
    for field in ("pattern", "bag", "hat", "lower_kind", "hair_style", "sleeves"):
        assert len({getattr(person, field) for person in people}) >= 3, field


def test_views_differ_and_the_backpack_is_seen_from_behind():
    person = random_person(np.random.default_rng(0))
    person = person._replace(bag="backpack", bag_colour=(255, 0, 255), upper=(0, 0, 0),
                             second=(0, 0, 0), hat="none")  # fmt: skip

    def magenta(yaw):
        pixels = np.asarray(draw_person((256, 128), person, Pose(64, 245, 230, yaw, 1.0, 0.1)))
        return int(((pixels[..., 0] > 120) & (pixels[..., 1] == 0) & (pixels[..., 3] > 0)).sum())

    back, side, front = magenta(np.pi), magenta(np.pi / 2), magenta(0.0)
    assert back > side > front > 0


def test_a_person_fills_the_middle_and_nothing_else():
    person = random_person(np.random.default_rng(3))._replace(height=1.0)
    for yaw in np.arange(0, 6.3, 0.7):
        image = draw_person((256, 128), person, Pose(64, 245, 230, float(yaw), 2.0, 0.1))
        left, top, right, bottom = image.getchannel("A").getbbox()
        assert 5 <= top <= 35
        assert 238 <= bottom <= 256
        assert left > 5
        assert right < 123
        assert 0.1 < (np.asarray(image)[..., 3] > 0).mean() < 0.5


def test_colour_alone_finds_few_people_across_cameras(tmp_path):
    """A coarse colour histogram is a poor descriptor here, though it knows something."""
    dataset = generate_demo(
        tmp_path, train_identities=1, test_identities=20, images_per_camera=2, size=(64, 32)
    )

    def histograms(samples):
        rows = []
        for sample in samples:
            with Image.open(sample.path) as image:
                levels = (np.asarray(image) // 64).astype(int)[:, 6:-6]
            codes = (levels * [16, 4, 1]).sum(-1).ravel()
            rows.append(np.sqrt(np.bincount(codes, minlength=64) / codes.size))
        return np.array(rows)

    query, gallery = histograms(dataset.query), histograms(dataset.gallery)
    hits = 0
    for features, sample in zip(query, dataset.query, strict=True):
        distances = ((features - gallery) ** 2).sum(1)
        other = [
            i
            for i, s in enumerate(dataset.gallery)
            if (s.pid, s.camid) != (sample.pid, sample.camid)
        ]
        best = min(other, key=lambda i: distances[i])
        hits += dataset.gallery[best].pid == sample.pid
    assert hits / len(query) < 0.5


def test_cameras_differ():
    assert len(CAMERAS) == 4
    for field in CAMERAS[0]._fields:
        assert len({getattr(camera, field) for camera in CAMERAS}) >= 3, field
