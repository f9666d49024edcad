"""What the page asks a gallery: who in it looks like a crop, and to keep a crop."""

import base64
import binascii
import hashlib
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np

from osnet_tf.checks import check_choice, check_int, is_int, refuse
from osnet_tf.data.image_files import kind_of
from osnet_tf.errors import ArgumentError
from osnet_tf.files import whole_file

#: Kinds of pictures that browsers show, by `kind_of`.
CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "WebP": "image/webp",
}
_CONDITIONS = {"any": None, "only": "camid == {}", "not": "camid != {}"}
_SHOWN = 10_000  # pictures of matches that may still be asked for
_HEAD = 32  # bytes that tell a picture's kind


class GalleryApi:
    """Answers the page's questions, each with what JSON can hold.

    Pictures are handed out by a name that a search has given them, so no file can be asked for that
    is none of the gallery's crops.

    Args:
        gallery: A `osnet_tf.search.Gallery`, opened with a fingerprint.
        folder: Where the pictures of added crops are kept; made with the first.
    """

    def __init__(self, gallery, folder):
        self._gallery, self._folder = gallery, Path(folder)
        self._shown, self._lock = OrderedDict(), threading.Lock()

    def about(self):
        """`count` of its crops, `metric` and `threshold` (or null) of the distances."""
        about = self._gallery.about
        return {
            "count": self._gallery.count(),
            "metric": about.metric,
            "threshold": about.threshold,
        }

    def search(self, asked):
        """The crops nearest to an embedding.

        Args:
            asked: Dict of `embedding`, a list of floats; `k`, 1 to 1000; `cameras`, "any", "only"
                or "not", and with the latter two `camid`.

        Returns:
            Dict of `matches`, nearest first, each of `key`, `pid`, `camid` (-1: unknown),
            `distance`, `same_person` (or null) and `picture`, its name for `picture`, "" without.

        Raises ArgumentError for anything else.
        """
        k, cameras = asked.get("k", 20), asked.get("cameras", "any")
        check_int(k=k)
        if k > 1000:
            refuse("k", "must be <= 1000", k)
        check_choice(_CONDITIONS, cameras=cameras)
        where = _CONDITIONS[cameras]
        if where is not None:
            where = where.format(_camera(asked))
        found = self._gallery.search(_embedding(asked), k=k, where=where)
        return {"matches": [self._match(match) for match in found]}

    def _match(self, match):
        name = ""
        if match.path:
            name = hashlib.sha256(match.path.encode()).hexdigest()
            with self._lock:
                self._shown[name] = match.path
                self._shown.move_to_end(name)
                while len(self._shown) > _SHOWN:
                    self._shown.popitem(last=False)
        return {
            "key": match.key,
            "pid": match.pid,
            "camid": match.camid,
            "distance": match.distance,
            "same_person": match.same_person,
            "picture": name,
        }

    def add(self, asked):
        """Keeps a crop; the same picture again replaces what was known of it.

        Args:
            asked: Dict of `embedding`; `picture`, the file in Base64; and `camid` (-1: unknown).

        Returns:
            What `about` does.

        Raises:
            ArgumentError: anything else, or no picture that browsers show.
            WriteError: the picture cannot be written.
        """
        embedding, camid = _embedding(asked), _camera(asked)
        try:
            content = base64.b64decode(asked.get("picture", ""), validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise ArgumentError("`picture` must be a file in Base64", argument="picture") from None
        kind = kind_of(content[:_HEAD])
        if kind not in CONTENT_TYPES:
            raise ArgumentError(
                f"A picture must be one of {', '.join(CONTENT_TYPES)}. Received: {kind}",
                argument="picture",
            )
        if embedding.shape != (self._gallery.about.dim,):
            refuse("embedding", f"must have {self._gallery.about.dim} values", embedding.shape)
        digest = hashlib.sha256(content).hexdigest()
        path = self._folder.absolute() / f"{digest}.{kind.lower()}"
        self._folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as new:
            Path(new).write_bytes(content)
        self._gallery.add(embedding[None], keys=[digest], paths=[str(path)], camid=camid)
        return self.about()

    def picture(self, name):
        """`(content, content type)` of a match's picture; None for another name, or where the file
        is gone or is no picture that browsers show."""
        with self._lock:
            path = self._shown.get(name)
        if path is None or not Path(path).is_file():
            return None
        content = Path(path).read_bytes()
        kind = CONTENT_TYPES.get(kind_of(content[:_HEAD]))
        return kind and (content, kind)


def _embedding(asked):
    values = asked.get("embedding")
    try:
        vector = np.array(values, np.float32)
    except (TypeError, ValueError, OverflowError):
        vector = np.zeros(0)
    if vector.ndim != 1 or not vector.size or not np.isfinite(vector).all():
        raise ArgumentError("`embedding` must be a list of finite numbers", argument="embedding")
    return vector


def _camera(asked):
    camid = asked.get("camid", -1)
    if not is_int(camid) or not -1 <= camid < 2**31:
        refuse("camid", "must be an integer >= -1", camid)
    return camid
