"""A gallery: embeddings of crops on a disk or a server, searched by image or embedding.

Behind it is a store, one of `osnet_tf.search.stores`. A store holds crops and their embeddings, and
hands out candidates for the nearest; what is the same for all (the model's fingerprint, the exact
distances, re-ranking, the threshold) is here.
"""

import dataclasses
import os
import threading
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from osnet_tf.checks import check_int, check_number
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics import Reranker, pairwise_distances
from osnet_tf.metrics.distances import unit_rows
from osnet_tf.metrics.features import check_features
from osnet_tf.search.adding import Added, add_embeddings, add_files, is_files
from osnet_tf.search.conditions import parse_condition
from osnet_tf.search.embedder import Embedder, is_image, require
from osnet_tf.search.records import About, Match
from osnet_tf.search.stores import check_same, open_store
from osnet_tf.search.video import add_boxes
from osnet_tf.types import PathLike, Progress

#: Most matches of a search: Milvus has this limit.
MOST = 16_384
_RERANKED = 200  # nearest crops that re-ranking looks at, at least


class Gallery:
    """Embeddings of crops of people, to be searched; made by `Gallery.open`.

    Several threads may share one. It is a context manager that closes itself.

    Attributes:
        uri: Where it is.
        about: `osnet_tf.search.records.About`: the fingerprint of the model, the length and
            normalisation of the embeddings, the metric and the threshold.

    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> file = pathlib.Path(tempfile.mkdtemp(), "gallery.sqlite")
    >>> with Gallery.open(file, fingerprint="ab12", dim=2, threshold=0.1) as gallery:
    ...     added = gallery.add([[1, 0], [0, 1], [1, 1]], keys=["a", "b", "c"], camid=[0, 1, 2])
    ...     for match in gallery.search([2, 0], k=2, where="camid != 1"):
    ...         print(match.key, match.camid, round(match.distance, 3), match.same_person)
    a 0 0.0 True
    c 2 0.293 False
    """

    def __init__(self, uri: PathLike, store: Any, embedder: Any, fingerprint: str | None) -> None:
        self.uri = os.fspath(uri)
        self._store, self._embedder, self._fingerprint = store, embedder, fingerprint
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        uri: PathLike,
        model: Any | None = None,
        *,
        fingerprint: str | None = None,
        dim: int = 512,
        metric: str | None = None,
        normalize: bool | None = None,
        threshold: float | None = None,
        index: str | None = None,
        token: str = "",
    ) -> Self:
        """Opens a gallery, or begins one.

        Args:
            uri: `NAME.sqlite`: a file that is searched exactly in memory; nothing else has to be
                installed, and several processes may add to it. `NAME.db`: a file of Milvus Lite,
                for one process. `http://host:19530`, also `https`: a Milvus server. Both need
                `pip install 'osnet_tf[search]'`.
            model: A `.keras` file of an embedder, or a Keras model, for adding and searching
                images.
            fingerprint: In place of a model, where embeddings come from elsewhere: that of their
                model, `osnet_tf.architecture.fingerprint`, as an export's model.json has it.
                Without both, the gallery can be counted and deleted from.
            dim: Values of each embedding, of a new gallery without a model.
            metric: "cosine" or "euclidean", of a new gallery (default: "cosine").
            normalize: Whether a new one stores embeddings at length 1 (default: true).
            threshold: A distance >= 0 up to which two crops count as one person; it replaces the
                stored one. By default a new gallery takes the one that `train/evaluate.py` has
                measured beside the model's file at a false-positive rate of at most 1e-3.
            index: Of a new gallery in Milvus: "FLAT", exact and the default; or "HNSW" or
                "IVF_FLAT", which are quicker with many crops and miss some.
            token: Of a Milvus server that asks for one.

        Raises:
            ArgumentError: another kind of uri; a gallery of another model, metric or
                normalisation than were named; an argument outside these.
            NotFoundError: there is no such gallery, and no model to begin one with; or no such
                model, or server.
            FileError: a damaged file. InUseError: another process has the file.
            MissingPackageError: Milvus is not installed.
        """
        if model is not None and fingerprint is not None:
            raise ArgumentError("Give a model or a fingerprint, not both", argument="fingerprint")
        embedder = None if model is None else Embedder(model)
        if embedder is not None:
            fingerprint, dim = embedder.fingerprint, embedder.dim
        begun = None
        if fingerprint is not None:
            begun = About(fingerprint, dim, metric or "cosine", normalize is not False, threshold)
            if embedder is not None and threshold is None:
                measured = embedder.measured_threshold(begun.metric)
                begun = dataclasses.replace(begun, threshold=measured)
        store = open_store(uri, begun, index, token)
        try:
            check_same(uri, store.about, fingerprint, dim, metric, normalize)
            if threshold is not None and store.about.threshold != threshold:
                store.write_about(dataclasses.replace(store.about, threshold=threshold))
        except BaseException:
            store.close()
            raise
        return cls(uri, store, embedder, fingerprint)

    @property
    def about(self) -> About:
        """What all embeddings have in common."""
        return self._store.about

    def add(
        self,
        source: Any,
        *,
        keys: Sequence[str] | None = None,
        paths: Sequence[str] | None = None,
        pid: Any = None,
        camid: Any = None,
        time: Any = None,
        frame: Any = None,
        box: Any = None,
        shard: tuple[int, int] = (1, 1),
        batch_size: int = 256,
        progress: Progress | None = None,
    ) -> Added:
        """Adds images or embeddings. What it returns as added survives a killed process.

        Args:
            source: One of

                - a folder: all images below it, by their names; or a sequence of image files. The
                  key of each is its absolute path. Files that are in the gallery already are left
                  as they are, so what was killed goes on where it was when it is done again;
                - an array or sequence `(n, dim)` of real numbers: embeddings by the gallery's
                  model. A key that is in the gallery already gets the new one.
            keys: For embeddings, their n keys, all different. Of files: None.
            paths: For embeddings, n files that they are from; may be None.
            pid, camid, time, frame, box: Those of `osnet_tf.search.Crop`: one for all, or n of
                them. By default pid and camid of files are what their names tell
                (`osnet_tf.data.file_names.person_and_camera`), all else unknown.
            shard: `(i, n)` with 1 <= i <= n: of files, take every n-th from the i-th, so that n
                processes or hosts add a folder together.
            batch_size: Images that are embedded and written at a time, >= 1.
            progress: Called with the number of files or embeddings that are done, after each batch;
                may be None.

        Returns:
            `Added`.

        Raises:
            ArgumentError: an argument outside these; a file without a model; embeddings in a
                gallery that was opened without a model or fingerprint.
            NotFoundError: there is no such folder. ImageError: an embedding is not finite.
            WriteError, InUseError, StoreError: it cannot be written; what was written before stays.
        """
        fields = {"pid": pid, "camid": camid, "time": time, "frame": frame, "box": box}
        given = {name: value for name, value in fields.items() if value is not None}
        if is_files(source):
            if keys is not None or paths is not None:
                raise ArgumentError("Files have their own keys and paths", argument="keys")
            embedder = require(self._embedder)
            return add_files(
                self._write, self._known, embedder, source, given, shard, batch_size, progress
            )
        return add_embeddings(self._write, source, keys, paths, given, self.about.dim, progress)

    def add_video(
        self,
        video: PathLike,
        detections: PathLike,
        *,
        camid: int = -1,
        start: float = 0.0,
        fps: float | None = None,
        min_confidence: float | None = None,
        batch_size: int = 256,
        progress: Progress | None = None,
    ) -> Added:
        """Adds the people in a video: each box of a detector's file a crop.

        Each has the time and number of its frame and its box; its key is
        `PATH#frame=N&box=left,top,right,bottom`. Boxes that are in the gallery already are left as
        they are, so what was killed goes on where it was when it is done again.

        Args:
            video: A file, read through PyAV (`pip install 'osnet_tf[video]'`), or a folder of
                frames: see `osnet_tf.search.frames.video_frames`.
            detections: A file of boxes, such as MOTChallenge's `det.txt` and `gt.txt`: see
                `osnet_tf.search.detections.read_detections`. Its ids become pids.
            camid: The camera of all crops.
            start: The time of the video's beginning, in seconds.
            fps, min_confidence: As these functions have them.
            batch_size: Crops that are written at a time, >= 1.
            progress: Called with the number of boxes that are done, frame by frame; may be None.

        Returns:
            `Added`; failed are boxes without a pixel in their frame, and frames beyond the end.

        Raises:
            ArgumentError: an argument outside these; a gallery without a model.
            NotFoundError, FileError, ImageError, MissingPackageError: as these functions.
        """
        return add_boxes(
            self._write,
            self._known,
            require(self._embedder).model,
            video,
            detections,
            camid,
            start,
            fps,
            min_confidence,
            batch_size,
            progress,
        )

    def _write(self, crops, embeddings, last):
        """Writes checked crops and float32 embeddings; `last` of several calls builds an index."""
        self._check_model_is_known()
        if self.about.normalize:
            embeddings = unit_rows(embeddings.astype(np.float64)).astype(np.float32)
        with self._lock:
            if crops:
                self._store.write(crops, embeddings)
            if last:
                self._store.settle()

    def _known(self, keys):
        with self._lock:
            return self._store.known(keys)

    def search(
        self,
        query: Any,
        k: int = 20,
        *,
        where: str | None = None,
        threshold: float | None = None,
        rerank: bool = False,
    ) -> list[Match]:
        """The nearest crops.

        Args:
            query: An image, if the gallery has a model: a file, a `PIL.Image.Image`, an array
                `(height, width, 3)` of 0..255, RGB; or an embedding `(dim,)` by its model.
            k: How many at most, 1 <= k <= 16384.
            where: A condition on the crops, such as "camid != 3 and time > 60"; see
                `osnet_tf.search.conditions`. None for all.
            threshold: Only crops at most this far; None for all.
            rerank: Whether the nearest max(k, 200) are ordered by k-reciprocal re-ranking
                (`osnet_tf.metrics.Reranker`) among themselves, before the first k are taken.
                `distance` remains the plain one.

        Returns:
            A list of `Match`, nearest first. It is exact, and the same for every kind of gallery,
            but for what an index other than FLAT has missed; equal distances come in the order they
            were added in, in Milvus by key.

        Raises:
            ArgumentError: an argument outside these; an image without a model; an embedding in a
                gallery that was opened without a model or fingerprint.
            ImageError: the image cannot be read.
            StoreError, FileError: as the store.
        """
        check_int(k=k)
        check_number(1, MOST, k=k)
        if threshold is not None:
            check_number(0, threshold=threshold)
        condition = None if where is None else parse_condition(where)
        vector = self._embedding_of(query)
        with self._lock:
            wanted = max(k, _RERANKED) if rerank else k
            crops, vectors = self._store.candidates(vector[0], wanted, condition)
        if not crops:
            return []
        metric = self.about.metric
        distances = pairwise_distances(vector, vectors, metric=metric)[0]
        order = np.argsort(distances, kind="stable")
        if rerank and len(crops) > 1:
            pool = order[: max(k, _RERANKED)]
            k1 = min(20, len(pool))
            found = Reranker(vector, vectors[pool], k1=k1, k2=min(6, k1 + 1), metric=metric)
            order = pool[np.argsort(found.distances()[0], kind="stable")]
        if threshold is not None:
            order = order[distances[order] <= np.float32(threshold)]
        return [self._match(crops[at], float(distances[at])) for at in order[:k]]

    def _embedding_of(self, query):
        """float32 `(1, dim)`, at length 1 if the gallery's are."""
        if is_image(query):
            query = require(self._embedder).of_image(query)
        self._check_model_is_known()
        query = np.asarray(query)
        if query.shape != (self.about.dim,):
            raise ArgumentError(
                f"`query` must be an image, or an embedding of shape ({self.about.dim},). "
                f"Received: shape={query.shape}",
                argument="query",
            )
        vector = check_features(query[None], "query")
        if self.about.normalize:
            vector = unit_rows(vector.astype(np.float64)).astype(np.float32)
        return vector

    def _match(self, crop, distance):
        threshold = self.about.threshold
        same = None if threshold is None else bool(np.float32(distance) <= np.float32(threshold))
        return Match(*crop, distance=distance, same_person=same)

    def count(self, where: str | None = None) -> int:
        """Number of crops, or of those that meet a condition; see `search`."""
        condition = None if where is None else parse_condition(where)
        with self._lock:
            return self._store.count(condition)

    def delete(self, where: str) -> int:
        """Removes the crops that meet a condition (see `search`), or all for `where="all"`.

        Returns their number.
        """
        condition = None if where == "all" else parse_condition(where)
        with self._lock:
            return self._store.delete(condition)

    def close(self) -> None:
        """Lets go of the file or the server."""
        with self._lock:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_):
        self.close()

    def _check_model_is_known(self):
        if self._fingerprint is None:
            raise ArgumentError(
                f"Embeddings must be by the model of {self.uri}: open it with that model, or with "
                f"its fingerprint {self.about.fingerprint}",
                argument="model",
            )
