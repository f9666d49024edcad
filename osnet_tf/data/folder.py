"""People of one's own: folders of images, or a table of paths, in the layouts that people have."""

import os
from pathlib import Path

from osnet_tf.data.dataset import DatasetLayoutError, DatasetNotFoundError, ReidDataset, Sample
from osnet_tf.data.file_names import cameras_of, numbered, tells_a_person
from osnet_tf.data.image_files import is_clutter, is_image_name
from osnet_tf.data.layouts import FOLDERS, read_market_layout, read_named_images
from osnet_tf.data.people_table import TABLE_SUFFIXES, read_people_table, table_in
from osnet_tf.data.places import place_of
from osnet_tf.data.splitting import query_and_gallery, split_people

#: Other names that datasets give the three folders of Market-1501's layout: VeRi's.
_MARKET_LIKE = (
    FOLDERS,
    {"train": "image_train", "query": "image_query", "gallery": "image_test"},
)
#: What the folders of a split may be called; images of "test" become query and gallery.
_SPLITS = ("train", "query", "gallery", "test")


def read_folder(
    data_dir: str | os.PathLike,
    *,
    variant: str = "",
    split_identities: float = 0.5,
    seed: int = 0,
) -> ReidDataset:
    """Reads people of one's own: folders, a table, or an archive of them.

    `data_dir` is one of these:

    - a folder for each person, in `train/`, `query/` and `gallery/` (or `test/`), or directly in
      `data_dir`. Images may lie at any depth below the person's folder. A camera is what
      `osnet_tf.data.file_names.cameras_of` finds in the names; where it finds none, there are none.
    - the layout of Market-1501 (`bounding_box_train`, `query`, `bounding_box_test`), or VeRi's
      (`image_train`, `image_query`, `image_test`), or `train/`, `query/`, `gallery/` with images
      whose names tell person and camera, as those of Market-1501, DukeMTMC-reID, MSMT17 and VeRi.
    - a `.csv` or `.parquet` file, or a folder with one: see
      `osnet_tf.data.people_table.read_people_table`.
    - a zip or tar file of one of these, unpacked by `osnet_tf.data.archives.unpacked`.

    Who is trained on, and what is searched for, is made up where the data do not say it: see
    `osnet_tf.data.splitting.split_people`.

    Args:
        data_dir: the folder or file.
        variant: a folder or file below `data_dir` to read in its place (`folder:NAME`).
        split_identities: in [0, 1], the share of the people who become query and gallery where
            there is no split.
        seed: int >= 0, decides which people.

    Returns:
        A `ReidDataset` with absolute paths; its notes tell what was made up and what was left out.

    Raises:
        DatasetNotFoundError: nothing is there.
        DatasetLayoutError: it is none of these layouts, or an image fits nowhere in one.
        FileError: a damaged table.

    >>> import pathlib, tempfile
    >>> root = pathlib.Path(tempfile.mkdtemp(), "mine")
    >>> for file in ("ann/c1_1.jpg", "ann/c2_1.jpg", "bob/c1_1.jpg", "bob/c2_1.jpg"):
    ...     (root / file).parent.mkdir(parents=True, exist_ok=True)
    ...     (root / file).touch()
    >>> dataset = read_folder(root)
    >>> len(dataset.train), len(dataset.query), len(dataset.gallery), dataset.has_cameras
    (2, 1, 1, True)
    """
    root = place_of(data_dir, variant)
    name = f"folder:{variant}" if variant else "folder"
    if not root.exists():
        raise DatasetNotFoundError(f"There is no folder or table {root}")
    split = {"share": split_identities, "seed": seed}
    if root.is_file() and root.suffix.lower() in TABLE_SUFFIXES:
        return _of_table(name, root, split)
    if not root.is_dir():
        raise DatasetLayoutError(f"{root} is no folder, .csv or .parquet file")
    for folders in _MARKET_LIKE:
        if all((root / folder).is_dir() for folder in folders.values()):
            return read_market_layout(name, root, folders=folders)
    if table := table_in(root):
        return _of_table(name, table, split)
    there = [part for part in _SPLITS if (root / part).is_dir()]
    if there and all(_has_named_images(root / part) for part in there):
        parts = {part: read_named_images(root / part, int(part != "gallery")) for part in there}
        return _assemble(name, parts, True, split, root)
    places = {part: root / part for part in there} or {"": root}
    people = {part: _people(place) for part, place in places.items()}
    return _of_people(name, people, split, root)


def _of_table(name, table, split):
    parts, has_cameras, names = read_people_table(table)
    return _assemble(name, parts, has_cameras, split, table)._replace(names=names)


def _people(folder: Path) -> dict[str, list[str]]:
    """Person -> paths of the images below the person's folder, sorted."""
    found = {}
    for place in sorted(folder.iterdir()):
        if is_clutter(place.name):
            continue
        if place.is_dir():
            images = []
            for directory, folders, names in os.walk(place):
                folders[:] = [name for name in folders if not is_clutter(name)]
                images += [os.path.join(directory, name) for name in names if is_image_name(name)]
            if images:
                found[place.name] = sorted(images)
        elif is_image_name(place.name):
            raise DatasetLayoutError(
                f"{place} lies beside the folders of people: an image must lie in its person's "
                "folder, or all must be named as 0002_c1s1_000451_03.jpg (person 2, camera 1)"
            )
    return found


def _of_people(name, people, split, root):
    """The dataset of people's folders: part ("train", ..., or "" for all) -> person -> paths."""
    everyone = {}
    for part in people.values():
        for person, images in part.items():
            everyone.setdefault(person, []).extend(images)
    if not everyone:
        raise DatasetLayoutError(
            f"{root} holds no images in folders of people. It must hold a folder for each person, "
            "or train, query and gallery with one for each, or Market-1501's folders"
        )
    pids = numbered({person: person for person in everyone}, first=1)
    cameras = cameras_of(everyone)
    parts = {
        part: [
            Sample(path, pids[person], cameras[path] if cameras else 0)
            for person, images in found.items()
            for path in images
        ]
        for part, found in people.items()
    }
    dataset = _assemble(name, parts, cameras is not None, split, root)
    return dataset._replace(names={pid: person for person, pid in pids.items()})


def _assemble(name, parts, has_cameras, split, root):
    """A dataset of the parts that there are; what is missing of a split is made.

    `parts`: "train", "query", "gallery", "test", "" (nobody says what for) -> samples.
    """
    parts = {part: sorted(samples) for part, samples in parts.items() if samples}
    if not parts:
        raise DatasetLayoutError(f"{root} holds no images")
    notes = () if has_cameras else ("no cameras: matches by the same camera are not taken out",)
    if set(parts) <= {"", "train"}:
        everyone = [sample for samples in parts.values() for sample in samples]
        made = split_people(name, everyone, has_cameras=has_cameras, **split)
        return made._replace(notes=(*made.notes, *notes))
    query, gallery = parts.get("query", []), parts.get("gallery", [])
    if "test" in parts:
        more = query_and_gallery(parts["test"], has_cameras)
        query, gallery = [*query, *more[0]], [*gallery, *more[1]]
        notes = ("queries are the first images of the people in test", *notes)
    elif not query or not gallery:
        query, gallery = query_and_gallery([*query, *gallery], has_cameras)
        there = "gallery" if "gallery" in parts else "query"
        notes = (f"queries are the first images of the people in {there}", *notes)
    return ReidDataset(
        name,
        tuple(parts.get("train", ())),
        tuple(sorted(query)),
        tuple(sorted(gallery)),
        has_cameras,
        notes,
    )


def _has_named_images(folder):
    """Whether a folder holds images itself, and the names of all tell person and camera."""
    names = [name for name in os.listdir(folder) if is_image_name(name)]
    files = [name for name in names if not (folder / name).is_dir()]
    return bool(files) and all(map(tells_a_person, files))
