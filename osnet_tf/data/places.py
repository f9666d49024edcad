"""Where a dataset lies below the directory of the datasets, and the images in its folders."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from osnet_tf.data.archives import ARCHIVE_SUFFIXES, is_archive, unpacked
from osnet_tf.data.dataset import DatasetLayoutError, DatasetNotFoundError
from osnet_tf.data.image_files import is_clutter, is_image_name
from osnet_tf.data.people_table import TABLE_SUFFIXES


def find_root(
    title: str,
    data_dir: str | os.PathLike,
    folders: Sequence[str],
    holds: Sequence[str],
    how_to_lay_out: str = "",
) -> Path:
    """The first of some folders below `data_dir` that holds one of some files or folders.

    A zip or tar file in the place of a folder, or of one above it, is unpacked and looked into:
    `market1501.zip`, or `market1501/Market-1501-v15.09.15.zip`.

    Args:
        title: the dataset, or the file of it, as a message calls it.
        data_dir: the directory that holds the datasets.
        folders: where to look, relative to `data_dir`; "." is `data_dir` itself.
        holds: what to look for, relative to the folder.
        how_to_lay_out: the end of the message where nothing is found.

    Returns:
        An absolute path.

    Raises DatasetNotFoundError: none holds any; the message lists the places. Of an archive, as
    `osnet_tf.data.archives.unpacked`.

    >>> import tempfile
    >>> data_dir = Path(tempfile.mkdtemp())
    >>> (data_dir / "viper" / "VIPeR" / "cam_a").mkdir(parents=True)
    >>> find_root("VIPeR", data_dir, ("viper/VIPeR", "."), ("cam_a", "cam_b")).name
    'VIPeR'
    """
    data_dir = os.fspath(data_dir)
    places = [Path(os.path.abspath(os.path.join(data_dir, folder))) for folder in folders]
    for place in places:
        if any((place / name).exists() for name in holds):
            return place
    if place := _in_archive(Path(os.path.abspath(data_dir)), folders, holds):
        return place
    looked_at = "\n".join(f"  {place}" for place in places)
    raise DatasetNotFoundError(
        f"{title} was not found. Received: data_dir={data_dir!r}\n"
        f"Looked for {', '.join(holds)} in:\n{looked_at}\n{how_to_lay_out}".rstrip()
    )


def _in_archive(data_dir, folders, holds):
    """The place inside an archive that lies where one of the folders would be; or None."""
    for folder in map(Path, folders):
        for above in (folder, *folder.parents):
            for suffix in ARCHIVE_SUFFIXES if above.name else ():
                archive = data_dir / above.with_name(above.name + suffix)
                if not is_archive(archive):
                    continue
                inside = unpacked(archive, show_progress=None)
                for below in (folder.relative_to(above), above.name, *folders, "."):
                    if any((inside / below / name).exists() for name in holds):
                        return inside / below
    return None


def place_of(data_dir: str | os.PathLike, variant: str = "") -> Path:
    """Where one's own data lie: `variant` below `data_dir`, or what is in such an archive.

    A folder that holds one folder and nothing else, as archives often do, stands for that one if
    there are only folders in it, or a table.

    Returns:
        An absolute path, which need not exist.

    Raises as `osnet_tf.data.archives.unpacked`.

    >>> import tempfile
    >>> data_dir = Path(tempfile.mkdtemp())
    >>> (data_dir / "mine" / "train" / "ann").mkdir(parents=True)
    >>> (data_dir / "mine" / "query" / "bob").mkdir(parents=True)
    >>> place_of(data_dir).name
    'mine'
    """
    place = Path(os.path.abspath(data_dir), *Path(variant).parts)
    if is_archive(place):
        place = unpacked(place, show_progress=None)
    while place.is_dir():
        inside = [entry for entry in os.scandir(place) if not is_clutter(entry.name)]
        if len(inside) != 1 or not inside[0].is_dir():
            break
        below = [e for e in os.scandir(inside[0]) if not is_clutter(e.name)]
        table = any(entry.name.lower().endswith(TABLE_SUFFIXES) for entry in below)
        if len(below) < 2 or not (table or all(entry.is_dir() for entry in below)):
            break
        place = Path(inside[0].path)
    return place


def named_images(
    folder: str | os.PathLike, pattern: str, example: str
) -> list[tuple[str, re.Match]]:
    """The images in a folder, and what their names tell.

    Hidden files and files that are no image by their name (`Thumbs.db`) are passed over.

    Args:
        folder: the folder.
        pattern: a regular expression that the names begin with; digits are ASCII's.
        example: a name, for messages.

    Returns:
        Pairs of a path and the match, sorted by path.

    Raises:
        DatasetNotFoundError: the folder is missing.
        DatasetLayoutError: an image is named otherwise.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("002_90.bmp", "001_45.bmp", "Thumbs.db"):
    ...     (folder / name).touch()
    >>> [int(match[1]) for _, match in named_images(folder, r"(\\d+)_", "001_45.bmp")]
    [1, 2]
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        raise DatasetNotFoundError(f"The folder {folder} is missing")
    found = []
    for name in sorted(filter(is_image_name, os.listdir(folder))):
        path = os.path.join(folder, name)
        match = re.match(pattern, name, re.ASCII)
        if not match:
            raise DatasetLayoutError(f"An image's name must look like {example}. Received: {path}")
        found.append((path, match))
    return found
