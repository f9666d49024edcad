"""Archives: what is in them comes out once and whole; what would do harm does not come out."""

import io
import os
import tarfile
import zipfile

import pytest
from PIL import Image

from osnet_tf.data import DatasetNotFoundError, archives, load_dataset
from osnet_tf.data.archives import unpacked
from osnet_tf.data.dataset import DatasetLayoutError
from osnet_tf.data.places import find_root
from osnet_tf.errors import FileError, InUseError, NotFoundError, WriteError
from osnet_tf.files import locked

FILES = {"mine/ann/c1_1.jpg": b"one", "mine/ann/c2_1.jpg": b"two", "mine/bob/c1_1.jpg": b""}


def make_zip(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            entry = content
            if isinstance(content, bytes):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content) if isinstance(content, bytes) else None)
    return path


def entry(name, kind, **more):
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in more.items():
        setattr(info, key, value)
    return info


MAKERS = {
    "a.zip": make_zip,
    "a.tar": make_tar,
    "a.tar.gz": lambda path, files: make_tar(path, files, "w:gz"),
    "a.tbz2": lambda path, files: make_tar(path, files, "w:bz2"),
    "a.tar.xz": lambda path, files: make_tar(path, files, "w:xz"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_in_comes_out_once(name, tmp_path):
    clutter = {"__MACOSX/mine/ann/._c1_1.jpg": b"x", "mine/Thumbs.db": b"x"}
    path = MAKERS[name](tmp_path / name, {**FILES, **clutter})
    folder = unpacked(path, tmp_path / "cache")
    there = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert there == FILES
    (folder / "mine/ann/c1_1.jpg").unlink()
    assert unpacked(path, tmp_path / "cache") == folder
    assert not (folder / "mine/ann/c1_1.jpg").exists()  # nothing was unpacked again
    MAKERS[name](tmp_path / name, {"new.jpg": b"new"})
    os.utime(path, ns=(1, 1))
    assert [p.name for p in unpacked(path, tmp_path / "cache").iterdir()] == ["new.jpg"]


def test_folders_and_names_of_windows_and_the_default_place(tmp_path, monkeypatch):
    monkeypatch.setenv("OSNET_TF_CACHE", str(tmp_path / "own"))
    path = make_zip(tmp_path / "w n.zip", {"mine\\ann\\1.jpg": b"x", "empty/": b""})
    folder = unpacked(path)
    assert folder.parent == tmp_path / "own"
    assert folder.name.startswith("w-n-")
    assert (folder / "mine/ann/1.jpg").read_bytes() == b"x"
    monkeypatch.delenv("OSNET_TF_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert unpacked(path).parent == tmp_path / "xdg" / "osnet_tf"


BAD = {
    "out of it": {"../out.jpg": b"x"},
    "deep out of it": {"a/../../out.jpg": b"x"},
    "from the root": {"/tmp/out.jpg": b"x"},
    "a drive": {"C:/out.jpg": b"x"},
    "a line break": {"a\nb.jpg": b"x"},
    "a long name": {"a" * 300: b"x"},
    "a file below a file": {"a": b"x", "a/b": b"x"},
    "a file in a folder's place": {"a/b": b"x", "a": b"x"},
}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize("what", BAD)
def test_bad_names_are_refused_whole(what, name, tmp_path):
    path = MAKERS[name](tmp_path / name, {"good.jpg": b"x", **BAD[what]})
    with pytest.raises(FileError, match=f"{name} (holds|would)"):
        unpacked(path, tmp_path / "cache")
    assert [p.name for p in (tmp_path / "cache").iterdir() if not p.name.startswith(".lock")] == []
    assert not (tmp_path / "out.jpg").exists()


def test_a_name_twice(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for content in (b"one", b"two"):
            info = tarfile.TarInfo("a.jpg")
            info.size = 3
            archive.addfile(info, io.BytesIO(content))
    with pytest.raises(FileError, match=r"a.tar holds 'a.jpg' twice"):
        unpacked(path, tmp_path / "cache")


@pytest.mark.parametrize(
    "made",
    [
        entry("link", tarfile.SYMTYPE, linkname="/etc"),
        entry("hard", tarfile.LNKTYPE, linkname="/etc/passwd"),
        entry("pipe", tarfile.FIFOTYPE),
        entry("device", tarfile.CHRTYPE, devmajor=1, devminor=5),
    ],
    ids=lambda info: info.name,
)
def test_only_files_and_folders(made, tmp_path):
    path = make_tar(tmp_path / "a.tar", {made.name: made})
    with pytest.raises(FileError, match=f"holds '{made.name}', which is neither file nor folder"):
        unpacked(path, tmp_path / "cache")


def test_a_link_in_a_zip(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc")
    with pytest.raises(FileError, match="neither file nor folder"):
        unpacked(tmp_path / "a.zip", tmp_path / "cache")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_bombs_are_stopped(name, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE", 1000)
    path = MAKERS[name](tmp_path / name, {"zeros.bmp": bytes(3_000_000)})
    with pytest.raises(FileError, match=r"would unpack to more than .* bytes"):
        unpacked(path, tmp_path / "cache")
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    path = MAKERS[name](tmp_path / f"many_{name}", FILES)
    with pytest.raises(FileError, match="holds more than 2 files"):
        unpacked(path, tmp_path / "cache")


def test_a_tar_of_headers_alone_is_stopped(tmp_path, monkeypatch):
    """One file, whose name in an extended header has a megabyte."""
    monkeypatch.setattr(archives, "FREE", 1000)
    path = make_tar(tmp_path / "a.tar.gz", {"a" * 3_000_000: b"x"}, "w:gz")
    with pytest.raises(FileError, match="would unpack to more"):
        unpacked(path, tmp_path / "cache")


@pytest.mark.parametrize("name", MAKERS)
def test_a_damaged_archive_is_named_and_leaves_nothing(name, tmp_path):
    path = MAKERS[name](tmp_path / name, {f"{number}.jpg": os.urandom(3000) for number in range(9)})
    path.write_bytes(path.read_bytes()[:-12_000])
    with pytest.raises(FileError, match=f"{name} is damaged"):
        unpacked(path, tmp_path / "cache")
    assert [p.name for p in (tmp_path / "cache").iterdir() if not p.name.startswith(".lock")] == []
    if name == "a.tar":  # also where a file ends
        whole = MAKERS[name](tmp_path / name, {"a.jpg": b"x" * 512, "b.jpg": b"x" * 512})
        whole.write_bytes(whole.read_bytes()[:1024])
        with pytest.raises(FileError, match="is damaged: it is cut off"):
            unpacked(path, tmp_path / "cache")
    path.write_bytes(b"no archive at all")
    with pytest.raises(FileError, match=f"{name} is damaged"):
        unpacked(path, tmp_path / "cache")


def test_a_wrong_checksum_and_a_password(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"a.jpg": b"pixels"}, zipfile.ZIP_STORED)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"pixels", b"pixelz"))
    with pytest.raises(FileError, match=r"a.zip is damaged: Bad CRC-32"):
        unpacked(path, tmp_path / "cache")
    locked_bytes = bytearray(whole)
    locked_bytes[6] |= 1
    locked_bytes[whole.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(locked_bytes)
    with pytest.raises(FileError, match="password required"):
        unpacked(path, tmp_path / "cache")


def test_missing_in_use_and_no_place(tmp_path):
    with pytest.raises(NotFoundError):
        unpacked(tmp_path / "no.zip")
    path = make_zip(tmp_path / "a.zip", FILES)
    (tmp_path / "cache").mkdir()
    with locked(tmp_path / "cache", "testing"), pytest.raises(InUseError, match="testing"):
        unpacked(path, tmp_path / "cache")
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="file"):
        unpacked(path, tmp_path / "file")


@pytest.mark.parametrize("name", ["people.zip", "people.tar.gz"])
def test_ones_own_people_in_an_archive(name, tmp_path, monkeypatch):
    monkeypatch.setenv("OSNET_TF_CACHE", str(tmp_path / "cache"))
    image = io.BytesIO()
    Image.new("RGB", (4, 8)).save(image, "PNG")
    files = {
        f"mine/{person}/c{camera}_1.png": image.getvalue()
        for person in ("ann", "bob", "eve")
        for camera in (1, 2)
    }
    maker = make_zip if name.endswith("zip") else MAKERS["a.tar.gz"]
    path = maker(tmp_path / name, files)
    dataset = load_dataset("folder", path, split_identities=0.34)
    counts = (len(dataset.train), len(dataset.query), len(dataset.gallery))
    assert counts == (4, 1, 1)
    assert dataset.has_cameras
    assert load_dataset(f"folder:{name}", tmp_path, split_identities=0.34).train == dataset.train


@pytest.mark.parametrize(
    ("place", "top"),
    [
        ("market1501.zip", "Market-1501-v15.09.15/"),
        ("market1501.zip", "market1501/Market-1501-v15.09.15/"),
        ("market1501/Market-1501-v15.09.15.zip", ""),
        ("Market-1501-v15.09.15.zip", "Market-1501-v15.09.15/"),
    ],
)
def test_an_archive_in_the_place_of_a_datasets_folder(place, top, tmp_path, monkeypatch):
    monkeypatch.setenv("OSNET_TF_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data" / "market1501").mkdir(parents=True)
    make_zip(tmp_path / "data" / place, {f"{top}query/0001_c1s1_001051_00.jpg": b"1"})
    folders = ("market1501/Market-1501-v15.09.15", "Market-1501-v15.09.15", "market1501", ".")
    root = find_root("Market-1501", tmp_path / "data", folders, ("query",))
    assert [p.name for p in (root / "query").iterdir()] == ["0001_c1s1_001051_00.jpg"]
    assert root.is_relative_to(tmp_path / "cache")
    with pytest.raises(DatasetNotFoundError, match="Looked for other in"):
        find_root("Market-1501", tmp_path / "data", folders, ("other",))
    (tmp_path / "data" / place).write_bytes(b"PK no more")
    with pytest.raises(FileError, match=r"zip is damaged"):
        load_dataset("market1501", tmp_path / "data")


def test_a_table_and_its_images_in_an_archive(tmp_path, monkeypatch):
    """They are not taken for one person called `img`."""
    monkeypatch.setenv("OSNET_TF_CACHE", str(tmp_path / "cache"))
    rows = [f"img/{n}.png,{'ann' if n < 3 else 'bob'},door{n % 2}" for n in range(6)]
    table = "\n".join(["path,pid,camid", *rows]).encode()
    files = {f"mine/img/{n}.png": b"" for n in range(6)}
    path = make_zip(tmp_path / "mine.zip", {**files, "mine/mine.csv": table})
    dataset = load_dataset("folder", path)
    samples = [*dataset.train, *dataset.query, *dataset.gallery]
    found = {(os.path.basename(s.path), dataset.name_of(s.pid), s.camid) for s in samples}
    assert found == {(f"{n}.png", "ann" if n < 3 else "bob", n % 2) for n in range(6)}
    files |= {"mine/mine.csv": table, "mine/b.csv": table, "mine/colours.csv": b"a,b\n"}
    path = make_zip(tmp_path / "two.zip", files)
    with pytest.raises(DatasetLayoutError, match=r"several tables: b.csv, mine.csv. Name one"):
        load_dataset("folder", path)
    dataset = load_dataset("folder:mine/b.csv", path)
    assert dataset.names == {1: "ann", 2: "bob"}
