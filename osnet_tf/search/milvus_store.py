"""A gallery in Milvus: Milvus Lite in a local file, or a server, by the same client.

Milvus Lite's file survives a killed process, not a power cut; one process at a time opens it.
"""

import contextlib
import hashlib
import os
import threading
from collections import Counter
from pathlib import Path

import numpy as np

from osnet_tf.checks import check_choice, optional_package
from osnet_tf.errors import FileError, InUseError, NotFoundError, OSNetError
from osnet_tf.search.conditions import to_milvus
from osnet_tf.search.records import FIELDS, About, Crop

_PEOPLE, _ABOUT = "osnet_people", "osnet_about"
_METRICS = {"cosine": "COSINE", "euclidean": "L2"}
_SOME = 500  # rows in one request
_OPENED, _LOCK = Counter(), threading.Lock()  # stores of this process for each local file
#: Index -> (its parameters, those of a search for k). FLAT is exact, the others are quicker.
INDEXES = {
    "FLAT": ({}, lambda k: {}),
    "HNSW": ({"M": 16, "efConstruction": 200}, lambda k: {"ef": max(128, 2 * k)}),
    "IVF_FLAT": ({"nlist": 1024}, lambda k: {"nprobe": 32}),
}


class MilvusStore:
    """The store behind `Gallery` for Milvus; see `osnet_tf.search.gallery` for its part.

    It has two collections, `osnet_people` and `osnet_about`. The primary key is a hash of the
    crop's key, which may hold any character.

    Args:
        uri: A file ending in `.db`, or `http://host:port`, with `/database` if need be.
        about: An `About` to begin a new one with; None if it must be there.
        token: Of a server that asks for one.
        index: The index of a new gallery, one of `INDEXES`; None: FLAT.

    Attributes:
        about: The `About` that it holds.
        index: The name of its index.

    Raises MissingPackageError, NotFoundError, FileError or InUseError, which name the gallery.
    """

    def __init__(self, uri, about=None, *, token="", index=None):
        check_choice((None, *INDEXES), index=index)
        self._uri, self._local = str(uri), "://" not in str(uri)
        if self._local and not Path(uri).parent.is_dir():
            raise NotFoundError(f"There is no folder {Path(uri).parent} for {Path(uri).name}")
        if self._local and about is None and not Path(uri).exists():
            raise NotFoundError(f"There is no gallery {uri}: name a model to begin one")
        self._client = self._connect(token)
        try:
            with self._naming_errors():
                self.about = self._open(about, index or "FLAT")
                self.index = self._client.describe_index(_PEOPLE, "embedding")["index_type"]
        except BaseException:
            self.close()
            raise

    def _connect(self, token):
        with optional_package(
            f"The gallery {self._uri} needs Milvus",
            "pip install 'osnet_tf[search]', or name a file that ends in .sqlite",
        ):
            from pymilvus import MilvusClient, MilvusException

            if self._local:
                import milvus_lite  # noqa: F401
        try:
            client = MilvusClient(self._uri, token=token)
            if self._local:
                with _LOCK:
                    _OPENED[os.path.abspath(self._uri)] += 1
            return client
        except MilvusException as error:
            if not self._local:
                raise NotFoundError(f"No Milvus answers at {self._uri}: {_said(error)}") from error
            raise InUseError(
                f"{self._uri} cannot be opened: another process has it open, or it is no file of "
                "Milvus Lite"
            ) from error

    def _open(self, about, index):
        client = self._client
        if about is None and not client.has_collection(_ABOUT):
            raise self._nothing_there()
        self._load(_ABOUT, {"json": str}, 2, "euclidean", "FLAT")
        rows = client.query(_ABOUT, filter='id == "about"', output_fields=["json"])
        if not rows:
            if about is None:
                raise self._nothing_there()
            self.write_about(about)
        else:
            try:
                about = About.from_json(rows[0]["json"])
            except (TypeError, ValueError) as error:
                problem = f"is no gallery of this version: {error}"
                raise FileError(self._uri, problem) from None
        self._load(_PEOPLE, FIELDS, about.dim, about.metric, index)
        return about

    def _nothing_there(self):
        return NotFoundError(f"There is no gallery in {self._uri}: name a model to begin one")

    def _load(self, name, fields, dim, metric, index):
        """Loads a collection; makes it, or what a killed process has not come to."""
        client = self._client
        if not client.has_collection(name):
            self._create(name, fields, dim)
        if not client.list_indexes(name):
            indexes = client.prepare_index_params()
            indexes.add_index(
                "embedding",
                index_type=index,
                metric_type=_METRICS[metric],
                params=INDEXES[index][0],
            )
            client.create_index(name, indexes, sync=False)  # there is nothing to wait for
        client.load_collection(name)

    def _create(self, name, fields, dim):
        from pymilvus import DataType

        kinds = {str: DataType.VARCHAR, int: DataType.INT64, float: DataType.DOUBLE}
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
        schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=dim)
        for field, kind in fields.items():
            longest = {"max_length": 4096} if kind is str else {}
            schema.add_field(field, kinds[kind], **longest)
        # What was added is found at once; Milvus Lite does so anyway, and knows no such levels
        level = {} if self._local else {"consistency_level": "Strong"}
        self._client.create_collection(name, schema=schema, **level)

    def write_about(self, about):
        """Replaces what is told about all embeddings."""
        row = {"id": "about", "json": about.to_json(), "embedding": [0.0, 0.0]}
        with self._naming_errors():
            self._client.upsert(_ABOUT, [row])
        self.about = about

    def write(self, crops, embeddings):
        """Adds crops, or replaces those of the same keys; when it returns Milvus has them."""
        rows = [
            {"id": _id(crop.key), "embedding": row, **crop._asdict()}
            for crop, row in zip(crops, embeddings, strict=True)
        ]
        with self._naming_errors():
            for start in range(0, len(rows), _SOME):
                self._client.upsert(_PEOPLE, rows[start : start + _SOME])

    def settle(self):
        """Builds the index of what the last writes have added, which makes searches quicker."""
        with self._naming_errors():
            self._client.flush(_PEOPLE)

    def known(self, keys):
        """The set of those of some keys that it holds."""
        found = set()
        with self._naming_errors():
            for start in range(0, len(keys), _SOME):
                ids = ", ".join(f'"{_id(key)}"' for key in keys[start : start + _SOME])
                rows = self._client.query(_PEOPLE, filter=f"id in [{ids}]", output_fields=["key"])
                found.update(row["key"] for row in rows)
        return found

    def count(self, condition=None):
        """Number of crops that meet a condition."""
        where = "" if condition is None else to_milvus(condition)
        with self._naming_errors():
            rows = self._client.query(_PEOPLE, filter=where, output_fields=["count(*)"])
        return int(rows[0]["count(*)"])

    def delete(self, condition):
        """Removes the crops that meet a condition; returns their number."""
        number = self.count(condition)
        where = 'id != ""' if condition is None else to_milvus(condition)
        with self._naming_errors():
            self._client.delete(_PEOPLE, filter=where)
        return number

    def candidates(self, query, count, condition=None):
        """Crops among which the `count` nearest that meet a condition are.

        Returns:
            `(crops, embeddings)`: a list and float32 `(n, dim)`, sorted by key. An index other than
            FLAT may have missed some.
        """
        with self._naming_errors():
            [hits] = self._client.search(
                _PEOPLE,
                data=[query],
                limit=count,
                search_params=self._search_params(count),
                filter="" if condition is None else to_milvus(condition),
                output_fields=[*FIELDS, "embedding"],
            )
        entities = sorted((hit["entity"] for hit in hits), key=lambda entity: entity["key"])
        crops = [Crop(*(entity[name] for name in FIELDS)) for entity in entities]
        vectors = np.array([entity["embedding"] for entity in entities], np.float32)
        return crops, vectors.reshape(len(crops), self.about.dim)

    def _search_params(self, count):
        known = INDEXES.get(self.index)  # another may have been made by hand
        return {"params": known[1](count)} if known else None

    def close(self):
        """Lets go of the file or the connection."""
        self._client.close()
        if not self._local:
            return
        from milvus_lite.server_manager import server_manager_instance

        path = os.path.abspath(self._uri)
        with _LOCK:  # else Milvus Lite keeps the file from other processes until this one ends
            _OPENED[path] -= 1
            if not _OPENED[path]:
                server_manager_instance.release_server(path)

    @contextlib.contextmanager
    def _naming_errors(self):
        from pymilvus import MilvusException

        try:
            yield
        except MilvusException as error:
            raise StoreError(f"{self._uri}: Milvus refuses: {_said(error)}") from error


class StoreError(OSNetError):
    """Milvus, or the connection to it, has failed; the message tells its words."""


def _id(key):
    return hashlib.sha256(key.encode()).hexdigest()


def _said(error):
    return str(error.message).strip().splitlines()[0] if error.message else type(error).__name__
