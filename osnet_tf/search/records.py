"""What a gallery knows of each crop, and of itself."""

import dataclasses
import json
from typing import NamedTuple

from osnet_tf.checks import check_choice, check_int, check_number, is_int, is_number, refuse
from osnet_tf.errors import ArgumentError

#: Metrics of galleries.
METRICS = ("cosine", "euclidean")
_INT64 = 2**63


class Crop(NamedTuple):
    """A crop of a person: what a gallery holds of it besides its embedding.

    Attributes:
        key: What it is called; there is one of each. Of an image file, its absolute path.
        path: The image or video that it is from; "" if there is no file.
        pid: The person; -1 if unknown.
        camid: The camera; -1 if unknown.
        time: Seconds, from whatever beginning the user has; -1.0 if unknown.
        frame: Of a video, the number of the frame, from 0; -1 of an image.
        box: Of a video, "left,top,right,bottom" in pixels of the frame; "" of an image.

    >>> Crop("query/0002_c1s1_000451_03.jpg", pid=2, camid=0).time
    -1.0
    """

    key: str
    path: str = ""
    pid: int = -1
    camid: int = -1
    time: float = -1.0
    frame: int = -1
    box: str = ""


#: Field of a crop -> its type.
FIELDS = Crop.__annotations__


class Match(NamedTuple):
    """A crop that a search has found.

    Attributes:
        key, path, pid, camid, time, frame, box: Those of `Crop`.
        distance: To the query, in the gallery's metric; >= 0.
        same_person: Whether it is the threshold or nearer; None in a gallery without a threshold.

    >>> Match(*Crop("a.jpg"), distance=0.25, same_person=True).distance
    0.25
    """

    key: str
    path: str
    pid: int
    camid: int
    time: float
    frame: int
    box: str
    distance: float
    same_person: bool | None


def checked_crop(crop):
    """The crop with plain Python values; raises ArgumentError, which names it.

    >>> checked_crop(Crop("a.jpg", camid="left"))
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: `camid` of 'a.jpg' must be an integer of 64 bits. Received: \
camid='left'
    """
    values = {}
    for (name, kind), value in zip(FIELDS.items(), crop, strict=True):
        if kind is str:
            good, rule = _is_text(value), "must be text in UTF-8 of at most 4096 bytes"
        elif kind is int:
            good, rule = (
                is_int(value) and -_INT64 <= value < _INT64,
                "must be an integer of 64 bits",
            )
        else:
            good, rule = is_number(value), "must be a finite number"
        if not good:
            raise ArgumentError(
                f"`{name}` of {crop.key!r} {rule}. Received: {name}={value!r}", argument=name
            )
        values[name] = kind(value)
    if not values["key"]:
        refuse("key", "must not be empty", crop.key)
    return Crop(**values)


def _is_text(value):
    try:
        return isinstance(value, str) and len(value.encode()) <= 4096 and "\0" not in value
    except UnicodeEncodeError:
        return False


@dataclasses.dataclass(frozen=True)
class About:
    """What all embeddings of a gallery have in common; it is stored with them.

    Attributes:
        fingerprint: Of the model that made them: `osnet_tf.architecture.fingerprint`.
        dim: Values of each.
        metric: Of the distances between them: "cosine" or "euclidean".
        normalize: Whether each is stored at length 1.
        threshold: A distance up to which two crops count as one person; None if there is none.

    >>> About.from_json(About("ab12", 512).to_json())
    About(fingerprint='ab12', dim=512, metric='cosine', normalize=True, threshold=None)
    """

    fingerprint: str
    dim: int
    metric: str = "cosine"
    normalize: bool = True
    threshold: float | None = None

    def __post_init__(self):
        if not isinstance(self.fingerprint, str) or not self.fingerprint:
            refuse("fingerprint", "must be text", self.fingerprint)
        check_int(dim=self.dim)
        check_choice(METRICS, metric=self.metric)
        check_choice((True, False), normalize=self.normalize)
        if self.threshold is not None:
            check_number(0, threshold=self.threshold)

    def to_json(self):
        """As a line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text):
        """The same again; raises ValueError or TypeError for any other text."""
        return cls(**json.loads(text))
