"""Zip and tar files, hostile or damaged: all of their files come out, or an error names the file;
nothing is ever written elsewhere."""

import io
import os
import tarfile
import zipfile

from osnet_tf.data.archives import unpacked
from osnet_tf.errors import OSNetError
from tests.fuzz.weights import damaged

SMALL = 60

_PARTS = (
    *("a", "b.jpg", "..", ".", "", "a" * 260, "C:", "\x00", "\n", "é", "\udcff", "__MACOSX", "\\"),
    *("~", "con", " ", "-", "a b", ".hidden", "Thumbs.db"),
)
_KINDS = (
    *(tarfile.REGTYPE,) * 9,
    *(tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE),
    *(tarfile.GNUTYPE_SPARSE, tarfile.CONTTYPE, b"Z"),
)


def trial(rng, folder):
    inside = folder / "inside"
    inside.mkdir()
    name = ("a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz")[rng.integers(5)]
    path = inside / name
    contents = _write_zip(rng, path) if name == "a.zip" else _write_tar(rng, path)
    if rng.random() < 0.5:
        path.write_bytes(damaged(rng, path.read_bytes()))
        contents = None
    before = set(os.listdir(folder))
    try:
        out = unpacked(path, inside / "cache")
    except OSNetError as error:
        if str(path) not in str(error) and str(inside) not in str(error):
            raise AssertionError("the error does not name the file") from error
        left = [entry for entry in os.listdir(inside / "cache") if not entry.startswith(".lock")]
        assert not left, left
    else:
        found = [p.read_bytes() for p in out.rglob("*") if p.is_file() and not p.is_symlink()]
        assert not any(p.is_symlink() for p in out.rglob("*"))
        assert contents is None or set(found) <= set(contents)
        assert sum(map(len, found)) <= 2**26
    assert set(os.listdir(folder)) == before
    assert set(os.listdir(inside)) <= {name, "cache"}


def _name(rng):
    parts = [_PARTS[i] for i in rng.integers(len(_PARTS), size=rng.integers(1, 4))]
    plain = [f"{rng.integers(100)}.jpg"]
    return "/".join(plain if rng.random() < 0.5 else parts)


def _content(rng):
    if rng.random() < 0.05:
        return bytes(int(rng.integers(2**20)))
    return rng.bytes(int(rng.integers(2000)))


def _write_zip(rng, path):
    contents = []
    with zipfile.ZipFile(path, "w") as archive:
        for _ in range(rng.integers(5)):
            name = _name(rng).encode("utf-8", "replace").decode()
            info = zipfile.ZipInfo(name or "x")
            info.compress_type = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[rng.integers(2)]
            if rng.random() < 0.1:
                info.external_attr = int(rng.integers(2**16)) << 16
            contents.append(_content(rng))
            if info.filename not in archive.NameToInfo:
                archive.writestr(info, contents[-1])
    return contents


def _write_tar(rng, path):
    contents, compression = [], path.suffix.removeprefix(".")
    with tarfile.open(path, f"w:{compression if compression != 'tar' else ''}") as archive:
        for _ in range(rng.integers(5)):
            info = tarfile.TarInfo(_name(rng))
            info.type = _KINDS[rng.integers(len(_KINDS))]
            info.linkname = _name(rng)
            contents.append(_content(rng) if info.type in (tarfile.REGTYPE, b"Z") else b"")
            info.size = len(contents[-1])
            if rng.random() < 0.1:
                info.size = int(rng.integers(2**33))
            try:
                archive.addfile(info, io.BytesIO(contents[-1].ljust(min(info.size, 2**20), b"\0")))
            except (OSError, UnicodeError, ValueError):
                info.size = 0
            contents.append(contents[-1].ljust(min(info.size, 2**20), b"\0"))
    return contents
