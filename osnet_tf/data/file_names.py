"""What the names of image files tell: the person and the camera, in the field's grammars."""

import os
import re
from collections import defaultdict

#: person, camera, and what follows: Market-1501 (0002_c1s1_000451_03.jpg), DukeMTMC-reID
#: (0005_c2_f0046985.jpg), VeRi (0001_c002_00016450_0.jpg).
_PERSON_FIRST = re.compile(r"(-1|\d{1,18})_c(\d{1,9})(?!\d)", re.ASCII)
#: MSMT17 (0000_003_01_0303morning_0008_0.jpg): person, number, camera, date and time of day.
_MSMT17 = re.compile(r"(\d{1,9})_\d+_(\d{1,9})_\d{4}(?:morning|noon|afternoon)", re.ASCII)
#: Camera, sequence and frame of Market-1501; camera and frame of DukeMTMC-reID.
_FRAME = re.compile(r"_c\d{1,9}(?:s(\d{1,6})_(\d{1,9})|_f(\d{1,15}))(?!\d)", re.ASCII)
_MARKED = re.compile(r"(?:^|[_-])c(?:am(?:era)?)?[_-]?(\d+)(?!\d)", re.ASCII | re.IGNORECASE)
_PREFIX = re.compile(r"([A-Za-z0-9]{1,16})_")


def person_and_camera(path: str | os.PathLike) -> tuple[int, int]:
    """The pid and camid that the name of an image file tells.

    Args:
        path: A file that is named as in Market-1501 (`0002_c1s1_000451_03.jpg`), DukeMTMC-reID
            (`0005_c2_f0046985.jpg`), VeRi (`0001_c002_00016450_0.jpg`) or MSMT17
            (`0000_003_01_0303morning_0008_0.jpg`).

    Returns:
        `(pid, camid)`: pid -1 for junk and 0 for distractors, as Market-1501 has them; MSMT17,
        which has neither, counts its people from 0, so they are one higher here. camid from 0.
        `(-1, -1)` for any other name.

    >>> person_and_camera("query/0002_c1s1_000451_03.jpg")
    (2, 0)
    >>> person_and_camera("0000_003_14_0303morning_0008_0.jpg")
    (1, 13)
    >>> person_and_camera("holiday.jpg")
    (-1, -1)
    """
    name = os.path.basename(path)
    if match := _MSMT17.match(name):
        first = 1
    else:
        match, first = _PERSON_FIRST.match(name), 0
    if match is None or int(match[2]) < 1:
        return -1, -1
    return int(match[1]) + first, int(match[2]) - 1


def frame_of(path: str | os.PathLike) -> int:
    """The frame of its camera that the name of an image file tells, as a number that orders them.

    Args:
        path: A file that is named as in Market-1501, whose sequences count their frames anew, or
            in DukeMTMC-reID.

    Returns:
        int >= 0; a sequence's frames lie 10^9 above those of the one before. -1 for another name.

    >>> frame_of("query/0002_c1s1_000451_03.jpg"), frame_of("0005_c2_f0046985.jpg")
    (1000000451, 46985)
    >>> frame_of("holiday.jpg")
    -1
    """
    match = _FRAME.search(os.path.basename(path))
    if match is None:
        return -1
    return int(match[3]) if match[3] else int(match[1]) * 10**9 + int(match[2])


def tells_a_person(path: str | os.PathLike) -> bool:
    """Whether a name follows one of these grammars; junk counts.

    >>> tells_a_person("-1_c3s1_000001_01.jpg"), tells_a_person("holiday.jpg")
    (True, False)
    """
    name = os.path.basename(path)
    return name.startswith("-1_c") or person_and_camera(name) != (-1, -1)


def cameras_of(people: dict[str, list[str]]) -> dict[str, int] | None:
    """The cameras that the names of people's images tell, where they can be believed.

    A camera stands in the name as `c2`, `cam2` or `camera_2`, at its beginning or after a `_`, or
    is whatever comes before the first `_`. It is believed if every image's name tells one in the
    same way and some person was seen by two: else what looks like one is part of a numbering.

    Args:
        people: the paths of each person's images.

    Returns:
        Path -> camid, from zero in the order of the cameras' numbers or names; None without
        cameras.

    >>> cameras_of({"ann": ["c1_1.jpg", "c2_1.jpg"], "bob": ["c2_7.jpg"]})
    {'c1_1.jpg': 0, 'c2_1.jpg': 1, 'c2_7.jpg': 1}
    >>> cameras_of({"ann": ["ann_1.jpg", "ann_2.jpg"], "bob": ["bob_1.jpg"]}) is None
    True
    """
    paths = [path for images in people.values() for path in images]
    for grammar in (_MARKED.search, _PREFIX.match):
        found = {path: grammar(os.path.basename(path)) for path in paths}
        if not paths or not all(found.values()):
            continue
        cameras = {path: match[1] for path, match in found.items()}
        seen_by = [{cameras[path] for path in images} for images in people.values()]
        if any(len(several) > 1 for several in seen_by):
            return numbered(cameras)
    return None


def numbered(values: dict[str, str], first: int = 0) -> dict[str, int]:
    """Each of some texts as a number from `first`, in their natural order (c2 before c10).

    >>> numbered({"x": "cam10", "y": "cam2", "z": "cam10"})
    {'x': 1, 'y': 0, 'z': 1}
    """
    order = {text: n for n, text in enumerate(sorted(set(values.values()), key=natural), first)}
    return {key: order[text] for key, text in values.items()}


def natural(text: str):
    """A key that sorts numbers within texts by their value.

    >>> sorted(["p10", "p9", "p1"], key=natural)
    ['p1', 'p9', 'p10']
    """
    parts = re.split(r"(\d+)", text, flags=re.ASCII)
    return [(int(p), p) if i % 2 else (0, p) for i, p in enumerate(parts)], text


def by_person(samples):
    """Samples grouped by their pid: dict from pid to a list, in their order."""
    people = defaultdict(list)
    for sample in samples:
        people[sample.pid].append(sample)
    return dict(people)
