"""Who matches whom: person and camera ids of queries and gallery, checked and coded."""

from dataclasses import dataclass

import numpy as np

from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.features import check_labels, check_same_kind


@dataclass(frozen=True, eq=False)
class Labels:
    """Person and camera ids of queries and gallery, as codes, and who matches whom.

    Attributes:
        q_pids, g_pids: int64 codes in [0, number of pids).
        q_camids, g_camids: int64 codes. Without cameras every query has -1 and the gallery 0.
        num_shared: how many pids stand on both sides.
    """

    q_pids: np.ndarray
    g_pids: np.ndarray
    q_camids: np.ndarray
    g_camids: np.ndarray
    camera_aware: bool
    num_shared: int

    @classmethod
    def check(cls, num_query, num_gallery, q_pids, g_pids, q_camids, g_camids, camera_aware):
        """Checks the four arrays of labels and codes them."""
        q_codes, g_codes = _code(q_pids, g_pids, "pids", num_query, num_gallery)
        if camera_aware:
            if q_camids is None or g_camids is None:
                raise ArgumentError(
                    "q_camids and g_camids must be given, or camera_aware must be False. "
                    f"Received: q_camids={q_camids!r}, g_camids={g_camids!r}"
                    if q_camids is g_camids
                    else "q_camids and g_camids must both be given. Received: only one"
                )
            q_cams, g_cams = _code(q_camids, g_camids, "camids", num_query, num_gallery)
        else:
            q_cams, g_cams = np.full(num_query, -1), np.zeros(num_gallery, np.int64)
        shared = len(np.intersect1d(q_codes, g_codes))
        return cls(q_codes, g_codes, q_cams, g_cams, bool(camera_aware), shared)

    def groups(self):
        """`(order, starts)`: pid p's gallery rows are `order[starts[p]:starts[p + 1]]`."""
        order = np.argsort(self.g_pids, kind="stable")
        count = max(self.q_pids.max(), self.g_pids.max()) + 1
        return order, np.searchsorted(self.g_pids[order], np.arange(count + 1))

    def check_some_match(self):
        """Raises ArgumentError, with what to change, if no query has any match."""
        stride = max(self.q_camids.max(), self.g_camids.max()) + 2
        pairs = np.unique(self.g_pids * stride + self.g_camids)
        cameras_of = np.bincount(pairs // stride, minlength=self.q_pids.max() + 1)
        own = np.isin(self.q_pids * stride + self.q_camids, pairs) if self.camera_aware else 0
        if (cameras_of[self.q_pids] - own > 0).any():
            return
        num_pids = len(np.unique(self.q_pids))
        if self.num_shared == 0:
            raise ArgumentError(
                f"No query has a match: 0 of the {num_pids} query pids are shared with the "
                "gallery. Query and gallery must hold the same people: check that both come from "
                "the same dataset and that their pids were not numbered anew for each."
            )
        cameras = np.union1d(self.q_camids, self.g_camids)
        if len(cameras) == 1:
            found = "all camera ids are equal"
            change = "Give each image the id of its camera"
        else:
            found = "each of their gallery images is by the query's own camera"
            change = "Put images by other cameras into the gallery"
        raise ArgumentError(
            f"No query has a match: {self.num_shared} of the {num_pids} query pids are shared with "
            f"the gallery, but {found}, and images of a person by the query's own camera are taken "
            f"out. {change}, or pass camera_aware=False to keep them."
        )


def _code(q_labels, g_labels, name, num_query, num_gallery):
    """The labels of both sides as int64 codes of one common numbering."""
    q_labels = check_labels(q_labels, f"q_{name}", num_query)
    g_labels = check_labels(g_labels, f"g_{name}", num_gallery)
    check_same_kind(q_labels, g_labels, f"q_{name}", f"g_{name}")
    both = _one_type(q_labels), _one_type(g_labels)
    _, codes = np.unique(np.concatenate(both), return_inverse=True)
    return codes[:num_query], codes[num_query:]


def _one_type(labels):
    """Integers as int64, or as Python's where they exceed it: NumPy would join int64 and uint64 as
    floats, which above 2^53 are the same for different integers."""
    if labels.dtype.kind == "U":
        return labels
    large = labels.dtype.kind == "u" and labels.max() > np.iinfo(np.int64).max
    return labels.astype(object if large else np.int64)
