"""Odd names of files and folders, given to the readers of one's own data and to the inspection."""

import os

from osnet_tf.data import load_dataset
from osnet_tf.data.inspection import inspect_dataset
from osnet_tf.data.statistics import dataset_statistics
from osnet_tf.errors import OSNetError
from osnet_tf.files import printable

SMALL = 60

_PLACES = (
    *("train", "query", "gallery", "test", "val", "bounding_box_train", "bounding_box_test"),
    *("image_train", "image_query", "image_test", "__MACOSX", "ann", "bob", "0001", "-1", "0"),
)
_NAMES = (
    *("0002_c1s1_000451_03.jpg", "-1_c1s1_0_0.jpg", "0000_c2s1_0_0.JPG", "0001_c2_f0046182.jpg"),
    *("0000_000_01_0303morning_0008_0.jpg", "0002_c002_00030600_0.jpg", "c1_1.png", "1.webp"),
    *("99999999999999999999999_c1.jpg", "0002_c0s1.jpg", "0002_c99999999999s1.jpg", "_c1.jpg"),
    *(
        "a b.jpg",
        "\x1b[31m.jpg",
        "a\nb.jpg",
        "\udcff.jpg",
        "é_c1.jpg",
        "٣_c٣.jpg",
        ".jpg",
        "._1.jpg",
    ),
    *("Thumbs.db", "x" * 251 + ".jpg", "--help.jpg", "%s.jpg", "a,b.jpg", '".jpg', "readme.txt"),
)
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000020802000000b0f5c1e1"
    "0000000f49444154789c63606060600000000600"
)


def trial(rng, folder):
    root = folder / "mine"
    root.mkdir()
    for _ in range(rng.integers(1, 25)):
        parts = [_PLACES[i] for i in rng.integers(len(_PLACES), size=rng.integers(0, 4))]
        name = _NAMES[rng.integers(len(_NAMES))]
        if rng.random() < 0.3:
            name = _mixed(rng, name)
        _touch(root.joinpath(*parts), name, rng)
    name = ("folder", "classes", "market1501", "dukemtmcreid", "msmt17")[rng.integers(5)]
    table = None
    if rng.random() < 0.2:
        name, table = "folder", _table(rng, root)
    options = {"split_identities": float(rng.random()), "seed": int(rng.integers(5))}
    try:
        dataset = load_dataset(name, table or root, **options)
    except OSNetError as error:
        if str(root) not in str(error):
            raise AssertionError("the error does not name the place") from error
        printable(str(error)).encode()
    else:
        _check(dataset, root)
        dataset_statistics(dataset).describe()
    try:
        found = inspect_dataset(name, table or root, **options)
    except FileNotFoundError:
        return
    printable(found.describe()).encode()
    assert all(finding.count >= len(finding.examples) for finding in found.findings)


def _mixed(rng, name):
    characters = list(name)
    for _ in range(rng.integers(1, 4)):
        place = rng.integers(len(characters))
        characters[place] = ("", "_", "c", "0", "9", "-", ".", " ", "\t", "é", "\udc80")[
            rng.integers(11)
        ]
    return "".join(characters).replace("/", "") or "x"


def _touch(place, name, rng):
    try:
        place.mkdir(parents=True, exist_ok=True)
        with open(place / name, "wb") as file:
            file.write(_PNG if rng.random() < 0.5 else rng.bytes(8))
    except OSError:  # a file in a folder's place
        return


def _table(rng, root):
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    lines = [("path,pid,camid,split", "path,pid", "pid", "path,pid,camid\n\n")[rng.integers(4)]]
    for file in files:
        pid = ("ann", "1", "", "-1", '"', "a,b", "\x00", "é")[rng.integers(8)]
        split = ("train", "query", "gallery", "test", "", "nope")[rng.integers(6)]
        lines.append(f"{file},{pid},{rng.integers(3)},{split}")
    path = root / "mine.csv"
    with open(path, "wb") as file:
        file.write(os.fsencode("\n".join(lines)))
    return path


def _check(dataset, root):
    if hasattr(dataset, "classes"):
        samples = [*dataset.train, *dataset.test]
        assert all(0 <= sample.label < len(dataset.classes) for sample in samples)
    else:
        samples = [*dataset.train, *dataset.query, *dataset.gallery]
        assert all(sample.pid >= 0 and sample.camid >= 0 for sample in samples)
        assert all(sample.pid > 0 for sample in dataset.train)
    assert all(os.path.isfile(s.path) and s.path.startswith(str(root)) for s in samples)
    assert len({sample.path for sample in samples}) == len(samples)
