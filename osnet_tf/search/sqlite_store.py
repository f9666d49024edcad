"""A gallery in one file of SQLite, searched exactly in memory: nothing else has to be installed.

What a finished `write` has written survives a killed process and a power cut; half a one is gone.
"""

import contextlib
import sqlite3
from pathlib import Path

import numpy as np

from osnet_tf.errors import FileError, InUseError, NotFoundError, WriteError
from osnet_tf.search.candidates import near_rows
from osnet_tf.search.conditions import to_sql
from osnet_tf.search.records import FIELDS, About, Crop

_ID = 0x4F534E47  # "OSNG": marks our files among SQLite's
_TYPES = {str: "TEXT", int: "INTEGER", float: "REAL"}
_NAMES = ", ".join(FIELDS)
_SCHEMA = (
    "CREATE TABLE about (json TEXT NOT NULL)",
    "CREATE TABLE crops (id INTEGER PRIMARY KEY, embedding BLOB NOT NULL, "
    + ", ".join(f"{name} {_TYPES[kind]} NOT NULL" for name, kind in FIELDS.items())
    + ", UNIQUE (key))",
    f"PRAGMA application_id = {_ID}",
)
_UPSERT = (
    f"INSERT INTO crops (embedding, {_NAMES}) VALUES (?{', ?' * len(FIELDS)}) "
    "ON CONFLICT (key) DO UPDATE SET embedding = excluded.embedding, "
    + ", ".join(f"{name} = excluded.{name}" for name in FIELDS)
)
_SOME = 500  # values in one statement, rows at a time


class SQLiteStore:
    """The store behind `Gallery` for a local file; see `osnet_tf.search.gallery` for its part.

    Args:
        path: The file.
        about: An `About` to begin a new one with; None if it must be there.
        timeout: Seconds that other processes' writing is waited for.

    Attributes:
        about: The `About` that it holds.

    Raises NotFoundError, FileError, WriteError or InUseError, which name the file.
    """

    def __init__(self, path, about=None, *, timeout=60.0):
        self._path = Path(path)
        if not self._path.parent.is_dir():
            raise NotFoundError(f"There is no folder {self._path.parent} for {self._path.name}")
        if self._path.is_dir():
            raise FileError(self._path, "is a folder, not a gallery")
        if about is None and not self._path.exists():
            raise NotFoundError(f"There is no gallery {self._path}: name a model to begin one")
        self._matrix = None
        with self._naming_errors():
            self._database = sqlite3.connect(
                self._path, timeout=timeout, isolation_level=None, check_same_thread=False
            )
        try:
            self.about = self._open(about)
        except BaseException:
            self._database.close()
            raise

    def _open(self, about):
        with self._naming_errors():
            self._database.execute("PRAGMA synchronous = FULL")
            if self._one("PRAGMA application_id") != _ID:
                if self._one("SELECT count(*) FROM sqlite_master"):
                    raise FileError(self._path, "is a database, but no gallery")
                if about is None:
                    raise FileError(self._path, "is empty: name a model to begin a gallery")
                # Pages that several embeddings of 2 KiB fill well, where 4 KiB would hold one
                self._database.execute("PRAGMA page_size = 16384")
                with self._transaction():
                    if self._one("PRAGMA application_id") != _ID:  # nobody was quicker
                        for statement in _SCHEMA:
                            self._database.execute(statement)
                        self._database.execute("INSERT INTO about VALUES (?)", [about.to_json()])
            text = self._one("SELECT json FROM about")
        try:
            return About.from_json(text)
        except (TypeError, ValueError) as error:
            raise FileError(self._path, f"is no gallery of this version: {error}") from None

    def write_about(self, about):
        """Replaces what is told about all embeddings."""
        with self._naming_errors(), self._transaction():
            self._database.execute("UPDATE about SET json = ?", [about.to_json()])
        self.about = about

    def write(self, crops, embeddings):
        """Adds crops, or replaces those of the same keys; when it returns they are on the disk."""
        blobs = (row.tobytes() for row in embeddings.astype("<f4"))
        with self._naming_errors(), self._transaction():
            self._database.executemany(
                _UPSERT, ((blob, *crop) for blob, crop in zip(blobs, crops, strict=True))
            )
        self._matrix = None

    def settle(self):
        """Nothing to do after the last of several writes."""

    def known(self, keys):
        """The set of those of some keys that it holds."""
        found = set()
        with self._naming_errors():
            for start in range(0, len(keys), _SOME):
                some = keys[start : start + _SOME]
                marks = ",".join("?" * len(some))
                rows = self._database.execute(f"SELECT key FROM crops WHERE key IN ({marks})", some)
                found.update(key for (key,) in rows)
        return found

    def count(self, condition=None):
        """Number of crops that meet a condition."""
        where, values = _where(condition)
        with self._naming_errors():
            return self._one(f"SELECT count(*) FROM crops{where}", values)

    def delete(self, condition):
        """Removes the crops that meet a condition; returns their number."""
        where, values = _where(condition)
        with self._naming_errors(), self._transaction():
            number = self._database.execute(f"DELETE FROM crops{where}", values).rowcount
        self._matrix = None
        return number

    def candidates(self, query, count, condition=None):
        """Crops among which the `count` nearest that meet a condition are.

        Returns:
            `(crops, embeddings)`: a list and float32 `(n, dim)`, in the order they were added in.
        """
        with self._naming_errors(), self._reading():
            ids, vectors, squares = self._in_memory()
            places = None
            if condition is not None:
                where, values = _where(condition)
                rows = self._database.execute(f"SELECT id FROM crops{where} ORDER BY id", values)
                places = np.searchsorted(ids, np.fromiter((row[0] for row in rows), np.int64))
            found = near_rows(query, vectors, squares, count, self.about.metric, places)
            crops = []
            for start in range(0, len(found), _SOME):
                some = ids[found[start : start + _SOME]].tolist()
                marks = ",".join("?" * len(some))
                crops += self._database.execute(
                    f"SELECT {_NAMES} FROM crops WHERE id IN ({marks}) ORDER BY id", some
                )
        return [Crop(*row) for row in crops], vectors[found]

    def close(self):
        """Lets go of the file."""
        self._database.close()
        self._matrix = None

    def _in_memory(self):
        """(ids, float32 embeddings, their squared lengths), read anew once the file has changed."""
        version = self._one("PRAGMA data_version")  # moves with other connections' writes
        if self._matrix is not None and self._matrix[0] == version:
            return self._matrix[1]
        self._matrix = None  # two of them need not fit the memory
        dim, total = self.about.dim, self._one("SELECT count(*) FROM crops")
        ids, vectors, at = np.empty(total, np.int64), np.empty((total, dim), np.float32), 0
        squares = np.empty(total)
        rows = self._database.execute("SELECT id, embedding FROM crops ORDER BY id")
        while some := rows.fetchmany(_SOME):
            content = b"".join(blob for _, blob in some)
            if len(content) != 4 * dim * len(some):
                raise FileError(self._path, f"holds embeddings of other than {dim} values")
            part = slice(at, at + len(some))
            ids[part] = [number for number, _ in some]
            vectors[part] = np.frombuffer(content, "<f4").reshape(len(some), dim)
            squares[part] = (vectors[part].astype(np.float64) ** 2).sum(axis=1)
            at += len(some)
        self._matrix = version, (ids, vectors, squares)
        return self._matrix[1]

    def _one(self, statement, values=()):
        row = self._database.execute(statement, values).fetchone()
        return None if row is None else row[0]

    @contextlib.contextmanager
    def _transaction(self):
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _reading(self):
        """What is read in the block belongs together, whoever writes meanwhile."""
        self._database.execute("BEGIN")
        try:
            self._one("SELECT 1 FROM about")  # from here on it stands still
            yield
        finally:
            self._database.execute("COMMIT")

    @contextlib.contextmanager
    def _naming_errors(self):
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise InUseError(f"{self._path} is being written by another process") from error
            raise WriteError(self._path, str(error)) from error
        except sqlite3.DatabaseError as error:
            raise FileError(self._path, f"is no whole gallery: {error}") from error


def _where(condition):
    if condition is None:
        return "", []
    text, values = to_sql(condition)
    return f" WHERE {text}", values
