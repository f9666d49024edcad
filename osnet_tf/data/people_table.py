"""A table of images and their people: CSV or Parquet."""

import csv
import os
from pathlib import Path

from osnet_tf.checks import optional_package
from osnet_tf.data.dataset import DatasetLayoutError, Sample
from osnet_tf.data.file_names import numbered
from osnet_tf.data.image_files import is_clutter
from osnet_tf.errors import FileError
from osnet_tf.files import check_regular_file

TABLE_SUFFIXES = (".csv", ".parquet")
_COLUMNS = ("path", "pid", "camid", "split")
_SPLITS = ("train", "query", "gallery", "test", "")
_LONGEST_HEADER = 2**16


def table_in(folder: str | os.PathLike) -> Path | None:
    """The table of people that lies in a folder; None without one.

    Any `.parquet` file is taken for one, and a `.csv` file with the columns path and pid.

    Raises DatasetLayoutError where there are several.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "colours.csv").write_text("person,colour\\nann,red\\n")
    >>> _ = (folder / "mine.csv").write_text("path,pid\\na.jpg,ann\\n")
    >>> table_in(folder).name
    'mine.csv'
    """
    folder = Path(folder)
    found = [folder / name for name in sorted(os.listdir(folder)) if not is_clutter(name)]
    found = [path for path in found if path.is_file() and _may_be_table(path)]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DatasetLayoutError(
            f"{folder} holds several tables: {names}. Name one, such as folder:{found[0].name}"
        )
    return found[0] if found else None


def _may_be_table(path):
    if path.suffix.lower() != ".csv":
        return path.suffix.lower() == ".parquet"
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        header = [name.strip() for name in file.readline(_LONGEST_HEADER).split(",")]
    return {"path", "pid"} <= set(header)


def read_people_table(
    path: str | os.PathLike,
) -> tuple[dict[str, list[Sample]], bool, dict[int, str]]:
    """Reads a table with the columns `path` and `pid` and, if there are any, `camid` and `split`.

    Args:
        path: a `.csv` file (UTF-8, with a header line, separated by commas) or a `.parquet` file
            (needs pyarrow). A row's path is relative to the table's folder; its pid and camid are
            any text; its split is train, query, gallery, test (query and gallery are made of it),
            or empty in every row. Other columns are ignored.

    Returns:
        `(parts, has_cameras, names)`: split ("" where the table has none) -> `Sample`s, people
        numbered from 1 and cameras from 0 in the natural order of their texts; pid -> its text.

    Raises:
        NotFoundError: there is no such file.
        FileError: it is damaged, lacks a column, or a row is wrong: it is named by its number.
        MissingPackageError: Parquet without pyarrow.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "a.jpg").touch()
    >>> _ = (folder / "mine.csv").write_text("path,pid,camid\\na.jpg,ann,door\\n")
    >>> parts, has_cameras, names = read_people_table(folder / "mine.csv")
    >>> [(sample.pid, sample.camid) for sample in parts[""]], has_cameras, names
    ([(1, 0)], True, {1: 'ann'})
    """
    path = Path(os.path.abspath(path))
    check_regular_file(path)
    rows = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path)
    if not rows:
        raise FileError(path, "has no rows")
    seen = {}
    for number, row in rows:
        for column in ("path", "pid"):
            if not row[column]:
                raise FileError(path, f"row {number}: it has no {column}")
        if row["split"] not in _SPLITS:
            wrong = f"row {number}: split must be train, query, gallery or test"
            raise FileError(path, f"{wrong}. Received: {row['split']!r}")
        file = os.path.normpath(path.parent / row["path"])
        if file in seen:
            raise FileError(path, f"row {number}: {row['path']} stands in row {seen[file]} too")
        seen[file] = number
        row["path"] = file
        if not os.path.exists(file):
            raise FileError(path, f"row {number}: there is no image {file}")
    return _samples(path, rows)


def _samples(path, rows):
    for column, rule in (("split", "a split"), ("camid", "a camid")):
        given = {bool(row[column]) for _, row in rows}
        if len(given) > 1:
            number = next(n for n, row in rows if not row[column])
            raise FileError(path, f"row {number}: it has no {column}, but others have {rule}")
    pids = numbered({row["path"]: row["pid"] for _, row in rows}, first=1)
    has_cameras = bool(rows[0][1]["camid"])
    camids = numbered({row["path"]: row["camid"] for _, row in rows})
    parts = {}
    for _, row in rows:
        sample = Sample(row["path"], pids[row["path"]], camids[row["path"]])
        parts.setdefault(row["split"], []).append(sample)
    return parts, has_cameras, {pids[row["path"]]: row["pid"] for _, row in rows}


def _read_csv(path):
    """(line number, row) of each row, all columns as text."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            _check_columns(path, reader.fieldnames or ())
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    found = f"{len(row.get(None, ())) + len(row)} or fewer"
                    wanted = len(reader.fieldnames)
                    raise FileError(
                        path,
                        f"row {reader.line_num}: it must have {wanted} values. Received: {found}",
                    )
                rows.append((reader.line_num, _texts(row)))
            return rows
    except UnicodeDecodeError:
        raise FileError(path, "is not in UTF-8") from None
    except csv.Error as error:
        raise FileError(path, f"is no CSV: {error}") from None


def _read_parquet(path):
    with optional_package(f"Reading {path} needs pyarrow", "pip install pyarrow"):
        import pyarrow.parquet
    try:
        table = pyarrow.parquet.read_table(path)
        rows = table.to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise FileError(path, f"is no Parquet file: {error}") from None
    _check_columns(path, table.column_names)
    return [(number, _texts(row)) for number, row in enumerate(rows, start=1)]


def _check_columns(path, names):
    missing = [name for name in ("path", "pid") if name not in names]
    if missing:
        found = ", ".join(map(str, names)) or "none"
        raise FileError(path, f"must have the columns path and pid. Received: {found}")
    if len(set(names)) < len(names):
        raise FileError(path, f"has a column twice. Received: {', '.join(map(str, names))}")


def _texts(row):
    """The four columns as text; what is missing is empty."""
    values = {name: row.get(name) for name in _COLUMNS}
    return {name: "" if value is None else str(value).strip() for name, value in values.items()}
