"""What is wrong with a dataset, and how to mend it."""

import hashlib
import os
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from osnet_tf.data.archives import is_archive, unpacked
from osnet_tf.data.attributes import AttributeDataset
from osnet_tf.data.classes import ClassDataset
from osnet_tf.data.dataset import DatasetNotFoundError
from osnet_tf.data.decoding import image_problem
from osnet_tf.data.image_files import is_clutter, is_image_name
from osnet_tf.data.places import place_of
from osnet_tf.data.registry import load_dataset
from osnet_tf.errors import OSNetError
from osnet_tf.progress_bar import progress_bar

_EXAMPLES = 5
_PART = 2**20


@dataclass(frozen=True)
class Finding:
    """One kind of thing that was found.

    Attributes:
        what: in words.
        count: how often.
        examples: the first of them, as texts.
        remedy: what a person can do about it.
        harmful: whether training or figures suffer; else it is as well to know.
    """

    what: str
    count: int
    examples: tuple[str, ...]
    remedy: str
    harmful: bool = True


@dataclass(frozen=True)
class Inspection:
    """What was found in a dataset.

    Attributes:
        dataset: its name.
        images: how many were looked at.
        findings: the harmful ones first.
    """

    dataset: str
    images: int
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing harmful was found."""
        return not any(finding.harmful for finding in self.findings)

    def to_dict(self) -> dict:
        """Everything as JSON can hold it."""
        return {**asdict(self), "is_sound": self.is_sound}

    def describe(self) -> str:
        """All findings for a person, each with examples and remedy."""
        lines = []
        for finding in self.findings:
            mark = "WRONG" if finding.harmful else "note "
            lines.append(f"{mark}  {finding.what}: {finding.count:,}")
            shown = [line for example in finding.examples for line in example.splitlines()]
            lines += [f"       {line}" for line in shown]
            if finding.count > len(finding.examples) > 0:
                lines.append(f"       and {finding.count - len(finding.examples):,} more")
            lines.append(f"       -> {finding.remedy}")
        wrong = sum(finding.harmful for finding in self.findings)
        verdict = f"{wrong} kinds of things are wrong" if wrong else "nothing is wrong"
        return "\n".join([*lines, f"{self.dataset}: {self.images:,} images looked at, {verdict}"])


def inspect_dataset(
    name: str,
    data_dir: str | os.PathLike,
    *,
    show_progress: bool = False,
    **options,
) -> Inspection:
    """Reads all of a dataset and finds what is wrong with it.

    Looked for are: a layout or counts that its reader refuses; images that cannot be read; the same
    file, byte for byte, under two people or classes, or in training and test; people in both;
    queries without a match; people of one camera or one image; images beside the dataset's own that
    it does not use; files of other kinds, and what operating systems leave behind.

    Args:
        name, data_dir, **options: as for `osnet_tf.data.load_dataset`.
        show_progress: a progress bar on stderr.

    Raises ArgumentError for an unknown name, DatasetNotFoundError where nothing lies at all.

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for file in (f"{name}/c{camera}_1.png" for name in "abde" for camera in (1, 2)):
    ...     (root / file).parent.mkdir(exist_ok=True)
    ...     Image.new("RGB", (4, 8), (0, ord(file[0]), ord(file[3]))).save(root / file)
    >>> inspect_dataset("folder", root).is_sound
    True
    >>> _ = (root / "b" / "c2_1.png").write_bytes((root / "a" / "c1_1.png").read_bytes())
    >>> [finding.what for finding in inspect_dataset("folder", root).findings]
    ['the same file under two people']
    """
    try:
        dataset = load_dataset(name, data_dir, **options)
    except DatasetNotFoundError:
        raise
    except OSNetError as error:
        if getattr(error, "argument", None):
            raise
        return _refused(name, data_dir, error, show_progress)
    entries = _entries(dataset)
    findings = [
        *_unreadable([path for path, _, _ in entries], show_progress),
        *_same_files(entries, _word(dataset)),
        *(() if hasattr(dataset, "attributes") else _people_in_both(dataset)),
        *_unused([path for path, _, _ in entries], data_dir),
    ]
    if hasattr(dataset, "query"):
        findings += [*_without_match(dataset), *_lonely(dataset)]
    findings.sort(key=lambda finding: not finding.harmful)
    return Inspection(dataset.name, len(entries), tuple(findings))


def _refused(name, data_dir, error, show_progress):
    """What can be said of a dataset that its reader refuses."""
    finding = Finding(
        "the reader refuses it",
        1,
        ("\n".join(filter(None, map(str.strip, str(error).splitlines()))),),
        "mend what it names, and look again: the rest is told only then",
    )
    try:
        places = _places(name, data_dir)
    except OSNetError:  # it may be what the reader refuses
        places = []
    paths = [path for place in places for path, kind in _files_below(place) if kind == "image"]
    return Inspection(name, len(paths), (finding, *_unreadable(paths, show_progress)))


def _places(name, data_dir):
    """Where a dataset that cannot be read may lie: what is called as it is, if anything is."""
    first, _, variant = name.partition(":")
    if first in ("classes", "folder"):
        return [place_of(data_dir, variant)]
    root = unpacked(data_dir) if is_archive(data_dir) else Path(os.path.abspath(data_dir))
    if not root.is_dir():
        return []
    begin = first.split("_")[0]
    named = [
        place
        for place in sorted(root.iterdir())
        if place.name.lower().replace("-", "").startswith(begin)
        and (place.is_dir() or is_archive(place))
    ]
    return [unpacked(place) if is_archive(place) else place for place in named] or [root]


def _word(dataset):
    if isinstance(dataset, ClassDataset):
        return "classes"
    return "other attributes" if isinstance(dataset, AttributeDataset) else "people"


def _entries(dataset):
    """(path, who or what is on it, whether it is trained on) of each image."""
    parts = ("train", "val", "query", "gallery", "test")
    return [
        (sample.path, _label(dataset, sample), part == "train")
        for part in parts
        for sample in getattr(dataset, part, ())
    ]


def _label(dataset, sample):
    if isinstance(dataset, ClassDataset):
        return dataset.classes[sample.label]
    return sample.attributes if isinstance(dataset, AttributeDataset) else sample.pid


def _finding(what, found, remedy, harmful=True):
    """A list of one `Finding`, or none where nothing was found."""
    examples = tuple(str(one) for one in found[:_EXAMPLES])
    return [Finding(what, len(found), examples, remedy, harmful)] if found else []


def _unreadable(paths, show_progress):
    found = []
    with progress_bar(show_progress, len(paths), "reading") as count:
        for path in paths:  # threads were no quicker
            problem = image_problem(path)
            if problem:
                found.append(f"{path} {problem}")
            if count:
                count(1)
    return _finding("images that cannot be read", found, "get them anew, or remove them")


def _same_files(entries, word):
    by_content = defaultdict(list)
    for entry in _of_equal_size(entries):
        try:
            by_content[_digest(entry[0])].append(entry)
        except OSError:  # told as unreadable
            continue
    groups = [sorted(same, key=lambda one: one[0]) for same in by_content.values()]
    groups = [same for same in groups if len({path for path, _, _ in same}) > 1]

    def differ(same, column):
        return len({entry[column] for entry in same}) > 1

    labels = [same for same in groups if differ(same, 1)]
    both = [same for same in groups if differ(same, 2)]
    plain = [same for same in groups if not differ(same, 1) and not differ(same, 2)]

    def text(same):
        return " = ".join(path for path, _, _ in same)

    return [
        *_finding(
            f"the same file under two {word}",
            list(map(text, labels)),
            "one of the labels is wrong: remove it",
        ),
        *_finding(
            "the same file in training and test",
            list(map(text, both)),
            "remove it from one of them: figures on images that were trained on mean nothing",
        ),
        *_finding(
            "the same file twice", list(map(text, plain)), "one of them is enough", harmful=False
        ),
    ]


def _of_equal_size(entries):
    """Entries whose file is as large as another's: only these can be the same. (Files without
    contents are told as unreadable.)"""
    by_size = defaultdict(list)
    for entry in entries:
        try:
            by_size[os.stat(entry[0]).st_size].append(entry)
        except OSError:
            continue
    by_size.pop(0, None)
    return [entry for alike in by_size.values() if len(alike) > 1 for entry in alike]


def _digest(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(_PART):
            digest.update(part)
    return digest.digest()


def _people_in_both(dataset):
    people = getattr(dataset, "people_in_both", [])
    return _finding(
        "people in training as well as in query or gallery",
        [_who(dataset, pid) for pid in people],
        "give them other ids if they are different people; else take them out of one of the two",
    )


def _who(dataset, pid):
    return dataset.names[pid] if dataset.names and pid in dataset.names else f"pid {pid}"


def _without_match(dataset):
    cameras = defaultdict(set)
    for sample in dataset.gallery:
        cameras[sample.pid].add(sample.camid)
    found = [
        sample.path
        for sample in dataset.query
        if not cameras[sample.pid] - ({sample.camid} if dataset.has_cameras else set())
    ]
    return _finding(
        "queries without a match: of their person another camera has no image in the gallery",
        found,
        "they count in no figure; add images of another camera, or leave them out",
        harmful=len(found) == len(dataset.query) > 0,
    )


def _lonely(dataset):
    cameras, images = defaultdict(set), defaultdict(int)
    for sample in dataset.train:
        cameras[sample.pid].add(sample.camid)
        images[sample.pid] += 1
    single = [_who(dataset, pid) for pid, count in sorted(images.items()) if count == 1]
    of_one = [_who(dataset, pid) for pid, seen in sorted(cameras.items()) if len(seen) == 1]
    several = dataset.has_cameras and len({s.camid for s in dataset.train}) > 1
    return [
        *_finding(
            "nobody to be told from the only person in training",
            [_who(dataset, pid) for pid in images] if len(images) == 1 else [],
            "training needs two people at the least: see whether a folder too many lies above them",
        ),
        *_finding(
            "people of a single training image",
            single,
            "nothing can be learnt of how they vary; P x K batches repeat the image",
            harmful=False,
        ),
        *_finding(
            "people whom one camera only has seen in training",
            of_one if several else [],
            "they teach nothing of how cameras differ",
            harmful=False,
        ),
    ]


def _unused(paths, data_dir):
    """Files beside the dataset's images: clutter, other kinds, and images that it does not use."""
    if not paths:
        return []
    used = set(paths)
    root = Path(os.path.commonpath([os.path.dirname(path) for path in paths]))
    data = Path(os.path.abspath(data_dir))
    if root != data and root in data.parents:  # a table may name images from anywhere
        return []
    found = defaultdict(list)
    for path, kind in _files_below(root):
        if path not in used:
            found[kind].append(path)
    return [
        *_finding(
            "images that the dataset does not use",
            found["image"],
            "junk and distractor lists of releases leave some out; of your own data, look why",
            harmful=False,
        ),
        *_finding(
            "files of other kinds", found["other"], "convert those that are images", harmful=False
        ),
        *_finding(
            "what operating systems leave behind (._*, Thumbs.db, __MACOSX)",
            found["clutter"],
            "it is passed over, and can be removed",
            harmful=False,
        ),
    ]


def _files_below(root):
    """(path, "image", "other" or "clutter") of each file below a folder, sorted."""
    for directory, folders, names in os.walk(root):
        folders.sort()
        inside = any(map(is_clutter, Path(directory).relative_to(root).parts))
        for name in sorted(names):
            path = os.path.join(directory, name)
            if inside or is_clutter(name):
                yield path, "clutter"
            else:
                yield path, "image" if is_image_name(name) else "other"
