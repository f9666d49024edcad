"""A dataset in a zip or tar file: unpacked once into a cache, whatever the file tries."""

import bz2
import gzip
import hashlib
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from osnet_tf.data.image_files import is_clutter
from osnet_tf.errors import FileError, WriteError
from osnet_tf.files import check_regular_file, locked, whole_folder
from osnet_tf.progress_bar import progress_bar

#: How names of archives end.
ARCHIVE_SUFFIXES = (*(".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"),)
#: The most files of an archive; ImageNet has 1.3 million.
MAX_MEMBERS = 2_000_000
#: The most bytes of contents for each byte of the archive. Photographs hardly shrink, bitmaps to a
#: tenth; what grows more often than this is no dataset.
MAX_RATIO = 100
#: Bytes of contents that any archive may have.
FREE = 2**26

_PART = 2**20
_TAR_END = 1024  # zeros
#: What damaged archives raise when they are read.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, tarfile.TarError, EOFError, OSError),
    *(RuntimeError, NotImplementedError, ValueError, OverflowError, IndexError, KeyError),
)
_COMPRESSIONS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))


class _Member(NamedTuple):
    """An entry of an archive: its name, how many bytes it has, and what opens it; folders have
    none."""

    name: str
    size: int
    open: Callable[[], IO] | None


def is_archive(path: str | os.PathLike) -> bool:
    """Whether a path is a file whose name ends as an archive's.

    >>> is_archive("no/such/file.zip")
    False
    """
    return os.fspath(path).lower().endswith(ARCHIVE_SUFFIXES) and os.path.isfile(path)


def unpacked(
    path: str | os.PathLike,
    cache_dir: str | os.PathLike | None = None,
    *,
    show_progress: bool | None = False,
) -> Path:
    """The folder with the contents of an archive, unpacked there if need be.

    Nothing is written outside that folder, and no more than a dataset can hold: an archive with a
    link, a device, a name that leads out or comes twice, more than 2,000,000 files or more than a
    hundred times its own size is refused whole. What operating systems leave behind (`__MACOSX`,
    `Thumbs.db`, `._a.jpg`) is left out. The folder appears when all is there; an archive that has
    changed is unpacked anew.

    Args:
        path: a `.zip`, `.tar`, `.tar.gz`, `.tar.bz2` or `.tar.xz` file.
        cache_dir: where the folder is made. If None: the folder that the environment variable
            `OSNET_TF_CACHE` names, or `osnet_tf` in `$XDG_CACHE_HOME` or `~/.cache`.
        show_progress: a progress bar on stderr; None: where that is a terminal.

    Returns:
        An absolute path.

    Raises:
        NotFoundError, FileError: the file is missing, damaged, or holds what it must not.
        InUseError: another process unpacks into the cache.
        WriteError: the cache cannot be written to; a full disk.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with zipfile.ZipFile(folder / "mine.zip", "w") as archive:
    ...     archive.writestr("mine/ann/1.jpg", b"pixels")
    >>> sorted(p.name for p in unpacked(folder / "mine.zip", folder / "cache").rglob("*"))
    ['1.jpg', 'ann', 'mine']
    """
    path = Path(os.path.abspath(path))
    check_regular_file(path)
    cache = Path(cache_dir or _cache_dir()).absolute()
    about = os.stat(path)
    key = hashlib.sha256(os.fsencode(path) + f"\0{about.st_size}\0{about.st_mtime_ns}".encode())
    folder = cache / f"{_stem(path.name)}-{key.hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(cache, error.strerror or str(error)) from None
    with locked(cache, f"unpacking {path}"):
        if not folder.is_dir():  # another process may have been quicker
            with whole_folder(folder) as new:
                _unpack(path, new, about.st_size, show_progress)
    return folder


def _cache_dir():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.environ.get("OSNET_TF_CACHE") or os.path.join(home, "osnet_tf")


def _stem(name):
    ends = [suffix for suffix in ARCHIVE_SUFFIXES if name.lower().endswith(suffix)]
    stem = name[: -max(map(len, ends), default=0) or None]
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem)[:40]


def _unpack(path, folder, size, show_progress):
    allowed, written, files, folders = max(FREE, MAX_RATIO * size), 0, set(), set()
    text = f"unpacking {path.name}"
    with progress_bar(show_progress, None, text, unit="files") as count:
        for member in _read(path, _members(path, allowed)):
            parts = _parts(path, member.name)
            if any(map(is_clutter, parts)) or not parts:
                continue
            above = {parts[:n] for n in range(1, len(parts) + (member.open is None))}
            if (member.open and parts in files | folders) or above & files:
                raise FileError(path, f"holds {member.name!r} twice")
            folders |= above
            if member.open is None:
                continue
            files.add(parts)
            if len(files) > MAX_MEMBERS:
                raise FileError(path, f"holds more than {MAX_MEMBERS:,} files")
            if written + member.size > allowed:
                raise _too_large(path, allowed)
            written += _write(path, member, folder.joinpath(*parts))
            if count:
                count(1)


def _write(path, member, target):
    """Writes one file; returns its size, which is what the archive says."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with open(target, "xb") as file:
        for part in _read(path, _contents(member)):
            file.write(part)
            written += len(part)
    if written != member.size:
        raise FileError(path, f"is damaged: {member.name!r} has {written} bytes of {member.size}")
    return written


def _contents(member):
    """The bytes of a member, part by part, never more than it says to have."""
    with member.open() as file:
        left = member.size
        while left:
            part = file.read(min(_PART, left))
            if not part:
                return
            left -= len(part)
            yield part
        file.read(1)  # the end, where a zip file's checksum is compared


def _read(path, items):
    """Goes through what is read from the archive; its errors are the file's."""
    items = iter(items)
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        except FileError:
            raise
        except _DAMAGE as error:
            raise FileError(path, f"is damaged: {error or type(error).__name__}") from None
        yield item


def _parts(path, name):
    """The parts of a member's name below the top; FileError if it leads elsewhere."""
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    leads_out = name.startswith("/") or ".." in parts or re.match("[A-Za-z]:", name)
    if leads_out or re.search(r"[\x00-\x1f\x7f]", name):
        raise FileError(path, f"holds a name that leads elsewhere: {name!r}")
    if any(len(os.fsencode(part)) > 255 for part in parts) or len(os.fsencode(name)) > 2000:
        raise FileError(path, f"holds a name that is too long: {name[:80]!r}...")
    return parts


def _too_large(path, allowed):
    return FileError(path, f"would unpack to more than {allowed:,} bytes: no dataset grows so")


def _members(path, allowed) -> Iterator[_Member]:
    return _zip_members(path) if zipfile.is_zipfile(path) else _tar_members(path, allowed)


def _zip_members(path):
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = info.filename.replace("\\", "/")  # as some programs on Windows write them
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise FileError(path, f"holds {name!r}, which is neither file nor folder")
            opens = None if name.endswith("/") else lambda info=info: archive.open(info)
            yield _Member(name, info.file_size, opens)


def _tar_members(path, allowed):
    with open(path, "rb") as file:
        begin = file.read(6)
        file.seek(0)
        opener = next((opener for magic, opener in _COMPRESSIONS if begin.startswith(magic)), None)
        stream = _Counted(opener(file) if opener else file, path, allowed)
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for info in archive:
                if not (info.isreg() or info.isdir()):
                    raise FileError(path, f"holds {info.name!r}, which is neither file nor folder")
                opens = None if info.isdir() else lambda info=info: archive.extractfile(info)
                yield _Member(info.name, info.size, opens)
        stream.check_end()


class _Counted:
    """A stream that ends in FileError where more comes out than an archive may hold."""

    def __init__(self, stream, path, allowed):
        self._stream, self._path = stream, path
        self._allowed = allowed
        self._size = 0
        self._last = b""

    def read(self, size):
        part = self._stream.read(min(size, _PART))
        self._size += len(part)
        self._last = (self._last + part)[-_TAR_END:]
        if self._size > 2 * self._allowed + FREE:  # headers, too
            raise _too_large(self._path, self._allowed)
        return part

    def check_end(self):
        """Reads what is left. `tarfile` takes a file that is cut off for one that ends there."""
        while self.read(_PART):
            pass
        if self._size % 512 or self._last != bytes(_TAR_END):
            raise FileError(self._path, "is damaged: it is cut off")
