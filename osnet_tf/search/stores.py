"""Which store a gallery has, and whether it is the one that was meant.

A store has `about`, `write_about`, `write`, `settle`, `known`, `count`, `delete`, `candidates` and
`close`: see `osnet_tf.search.sqlite_store`.
"""

import os

from osnet_tf.checks import refuse
from osnet_tf.errors import ArgumentError
from osnet_tf.search.milvus_store import MilvusStore
from osnet_tf.search.sqlite_store import SQLiteStore


def open_store(uri, about, index, token):
    """The store at a uri; see `Gallery.open`.

    Args:
        uri, index, token: As there.
        about: An `About` to begin a new one with; None if it must be there.

    >>> open_store("people.npz", None, None, "")
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: A gallery is a file that ends in .sqlite or .db, or an address \
such as http://localhost:19530. Received: uri='people.npz'
    """
    text = os.fspath(uri)
    if text.startswith(("http://", "https://")) or text.endswith(".db"):
        return MilvusStore(text, about, index=index, token=token)
    if text.endswith(".sqlite"):
        if index is not None:
            refuse("index", "must be left out: a file of SQLite is always searched exactly", index)
        return SQLiteStore(text, about)
    raise ArgumentError(
        "A gallery is a file that ends in .sqlite or .db, or an address such as "
        f"http://localhost:19530. Received: uri={text!r}",
        argument="gallery",
    )


def check_same(uri, about, fingerprint, dim, metric, normalize):
    """Refuses to go on with a gallery that is another than was named."""
    if fingerprint not in (None, about.fingerprint):
        raise ArgumentError(
            f"{os.fspath(uri)} holds embeddings of another model, whose fingerprint is "
            f"{about.fingerprint:.16}. Received: a model of {fingerprint:.16}",
            argument="model",
        )
    named = {"metric": (metric, about.metric), "normalize": (normalize, about.normalize)}
    if fingerprint is not None:
        named["dim"] = (dim, about.dim)
    for name, (value, stored) in named.items():
        if value not in (None, stored):
            raise ArgumentError(
                f"{os.fspath(uri)} has {name}={stored!r}. Received: {name}={value!r}", argument=name
            )
