"""Which images cannot be of one person: nobody is twice before one camera at one time."""

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.errors import ArgumentError
from osnet_tf.identities.pairs import check_count, starts


def cannot_link(
    camids: ArrayLike, times: ArrayLike | None = None, *, within_camera: bool = False
) -> np.ndarray:
    """Pairs that cannot be of one person, whatever they look like.

    Args:
        camids: `(n,)` integers or texts.
        times: real `(n,)`, when an image was taken, or `(n, 2)`, a tracklet's first and last time;
            each camera may have a clock of its own. Two by one camera whose times overlap, ends
            included, are two people. NaN: unknown, and overlaps nothing. None: all unknown.
        within_camera: whether any two by one camera are two people: where everybody passes each
            camera once at most, and whoever does is one tracklet.

    Returns:
        bool `(n (n - 1) / 2,)`, in the order of `pair_distances`.

    Raises ArgumentError for other shapes, more than 50,000 images, or an end before its start.

    >>> cannot_link([0, 0, 1], [[1, 5], [4, 9], [4, 9]])
    array([ True, False, False])
    >>> cannot_link(["door", "door", "yard"], within_camera=True)
    array([ True, False, False])
    """
    camids = np.asarray(camids)
    if camids.ndim != 1 or not len(camids) or camids.dtype.kind not in "iuU":
        raise ArgumentError(
            "camids must be (n,) integers or texts. "
            f"Received: shape={camids.shape}, dtype={camids.dtype}"
        )
    n = len(camids)
    check_count(n)
    first, last = check_times(times, n).T
    before = starts(n)
    out = np.zeros(n * (n - 1) // 2, bool)
    for camid in np.unique(camids):
        own = np.flatnonzero(camids == camid)
        for k, i in enumerate(own):
            later = own[k + 1 :]
            if not within_camera:
                later = later[(first[later] <= last[i]) & (first[i] <= last[later])]
            out[before[i] + later] = True
    return out


def check_times(times, n):
    """Returns float64 `(n, 2)`, first and last time of each; all NaN for None."""
    if times is None:
        return np.full((n, 2), np.nan)
    array = np.asarray(times)
    if array.dtype.kind not in "iuf" or array.shape not in ((n,), (n, 2)):
        raise ArgumentError(
            f"times must be real numbers of shape ({n},) or ({n}, 2). "
            f"Received: shape={array.shape}, dtype={array.dtype}"
        )
    array = array.astype(np.float64)
    array = np.stack([array, array], axis=1) if array.ndim == 1 else array
    wrong = np.flatnonzero(array[:, 1] < array[:, 0])
    if len(wrong):
        row = wrong[0]
        raise ArgumentError(
            f"times must not end before they start. Received: times[{row}]={array[row].tolist()}"
        )
    return array
