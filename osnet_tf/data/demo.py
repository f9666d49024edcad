"""The demo set: generated people in Market-1501's layout, so everything runs without any download.

Nobody in it exists. Each person has a build, clothes, a bag and a palette shared with many others,
and is seen by four cameras with their own scene, light, view, occlusion and picture quality.
"""

import os

import numpy as np

from osnet_tf.data.dataset import (
    DatasetLayoutError,
    DatasetNotFoundError,
    ReidDataset,
    SplitCounts,
)
from osnet_tf.data.demo_cameras import CAMERAS, SUPERSAMPLING, take_picture
from osnet_tf.data.demo_people import random_person
from osnet_tf.data.demo_scenes import draw_scene
from osnet_tf.data.layouts import DISTRACTOR_PID, FOLDERS, JUNK_PID, read_market_layout
from osnet_tf.errors import ArgumentError, FileError, OSNetError, WriteError
from osnet_tf.files import read_json, whole_folder, write_json
from osnet_tf.runs import make_folder

# Raise it when the same arguments give other pictures.
GENERATOR_VERSION = 1
MANIFEST = "manifest.json"

_MANIFEST_KEYS = (
    "generator_version",
    "train_identities",
    "test_identities",
    "images_per_camera",
    "seed",
    "size",
)
_PERSON, _SCENE, _PICTURE, _SPLIT = range(4)  # what a random stream is for
_STRANGERS = 1_000_000  # numbers of people who have no pid: distractors and passers-by


def generate_demo(
    data_dir: str | os.PathLike,
    *,
    train_identities: int = 64,
    test_identities: int = 40,
    images_per_camera: int = 4,
    seed: int = 0,
    size: tuple[int, int] = (128, 64),
) -> ReidDataset:
    """Draws the demo set into `<data_dir>/demo/`, unless it is there already.

    Every person is seen `images_per_camera` times by each of four cameras. Of a test person, the
    first picture of each camera is a query and the others are gallery. The gallery also gets
    distractors (pid 0, one picture each of people seen once) and junk (pid -1, badly cut boxes),
    each as many as there are test people. Pids of train and test are mixed, as in Market-1501.

    Each picture depends on nothing but `seed`, `size`, who, which camera and which shot, so the
    people of a smaller set look the same in a larger one. The same arguments give the same bytes
    with the same versions of Pillow and NumPy on the same kind of machine. The files are written to
    a temporary folder beside the final one and renamed at the end, so an interrupted run leaves
    nothing that looks complete.

    Args:
        data_dir: the directory to write into; made if missing.
        train_identities: people to learn from, >= 1.
        test_identities: people to search for, >= 1.
        images_per_camera: pictures of each person by each camera, >= 2.
        seed: >= 0.
        size: (height, width) of the pictures, at least (32, 16).

    Returns:
        The `ReidDataset`, as `read_demo` reads it.

    Raises:
        ValueError: an argument is out of its range.
        DatasetLayoutError: `<data_dir>/demo/` exists and was made with other arguments or by
            another version, or is not a demo set. Nothing is ever deleted or overwritten: remove
            the folder yourself, or choose another `data_dir`.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as data_dir:
    ...     dataset = generate_demo(
    ...         data_dir, train_identities=3, test_identities=2, images_per_camera=2, size=(32, 16)
    ...     )
    >>> print(dataset.summary())
    demo     images  identities  cameras
    train        24           3        4
    query         8           2        4
    gallery      10           3        4
    (gallery: 2 images are distractors, counted as one identity)
    """
    for name, value, lowest in [
        ("train_identities", train_identities, 1),
        ("test_identities", test_identities, 1),
        ("images_per_camera", images_per_camera, 2),
        ("seed", seed, 0),
    ]:
        if type(value) is not int or value < lowest:
            raise ArgumentError(
                f"{name} must be an integer >= {lowest}. Received: {name}={value!r}"
            )
    size = tuple(size)
    if len(size) != 2 or any(type(v) is not int for v in size) or size[0] < 32 or size[1] < 16:
        raise ArgumentError(
            f"size must be (height, width), integers, at least (32, 16). Received: size={size}"
        )
    values = (GENERATOR_VERSION, train_identities, test_identities, images_per_camera, seed)
    manifest = dict(zip(_MANIFEST_KEYS, (*values, list(size)), strict=True))
    root = _root(data_dir)
    if not os.path.lexists(root):
        _generate(root, manifest)
    found = _read_manifest(root)
    wrong = [
        f"{key} is {found[key]}, not {manifest[key]}"
        for key in manifest
        if found[key] != manifest[key]
    ]
    if wrong:
        raise DatasetLayoutError(
            f"{root} holds another demo set: {'; '.join(wrong)}. Remove that folder to draw it "
            "anew, or choose another data_dir."
        )
    return read_demo(data_dir)


def read_demo(data_dir: str | os.PathLike) -> ReidDataset:
    """Reads the demo set in `<data_dir>/demo/`, whatever arguments it was drawn with.

    Args:
        data_dir: the directory that `generate_demo` was given.

    Returns:
        A `ReidDataset` named "demo". Each split is sorted by path.

    Raises:
        DatasetNotFoundError: there is no demo set.
        DatasetLayoutError: it is not complete, or was drawn by another version.

    Example:

    >>> read_demo("no/such/place")
    Traceback (most recent call last):
    ...
    osnet_tf.data.dataset.DatasetNotFoundError: There is no demo set. generate_demo(data_dir) \
draws one. Received: data_dir='no/such/place'
    """
    root = _root(data_dir)
    if not os.path.isdir(root):
        raise DatasetNotFoundError(
            "There is no demo set. generate_demo(data_dir) draws one. "
            f"Received: data_dir={os.fspath(data_dir)!r}"
        )
    manifest = _read_manifest(root)
    if manifest["generator_version"] != GENERATOR_VERSION:
        raise DatasetLayoutError(
            f"{root} was drawn by another version of the generator "
            f"({manifest['generator_version']}, not {GENERATOR_VERSION}). Remove that folder "
            "to draw it anew."
        )
    train, test = manifest["train_identities"], manifest["test_identities"]
    cameras, shots = len(CAMERAS), manifest["images_per_camera"]
    counts = {
        "train": SplitCounts(train * cameras * shots, train, cameras),
        "query": SplitCounts(test * cameras, test, cameras),
        "gallery": SplitCounts(test * (cameras * (shots - 1) + 1), test + 1, cameras),
    }
    return read_market_layout("demo", root, counts)


def load_demo(data_dir: str | os.PathLike) -> ReidDataset:
    """Reads the demo people, who are drawn on first use.

    With the default arguments of `generate_demo`: some 1,700 pictures, 7 MB, about a quarter of a
    minute. This is generation, not a download.

    Args:
        data_dir: the directory that holds `demo/`, or will.

    Returns:
        A `ReidDataset`, as `read_demo` gives it.

    Raises:
        DatasetLayoutError: see `read_demo`.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as data_dir:
    ...     drawn = generate_demo(data_dir, train_identities=1, test_identities=1, size=(32, 16))
    ...     load_demo(data_dir) == drawn
    True
    """
    if os.path.lexists(_root(data_dir)):
        return read_demo(data_dir)
    return generate_demo(data_dir)


def _root(data_dir: str | os.PathLike) -> str:
    return os.path.join(os.path.abspath(os.fspath(data_dir)), "demo")


def _read_manifest(root: str) -> dict:
    try:
        manifest = read_json(os.path.join(root, MANIFEST))
        if missing := [key for key in _MANIFEST_KEYS if key not in manifest]:
            raise FileError(os.path.join(root, MANIFEST), f"lacks {', '.join(missing)}")
    except OSNetError as error:
        raise DatasetLayoutError(
            f"{root} is not a complete demo set ({error}). Remove that folder to draw it anew, or "
            "choose another data_dir."
        ) from error
    return manifest


def _rng(*entropy: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def _generate(root: str, manifest: dict):
    """Draws the whole set; it is there when all of it is."""
    make_folder(os.path.dirname(root))
    try:
        with whole_folder(root) as new:
            for folder in FOLDERS.values():
                (new / folder).mkdir()
            for path, picture in _pictures(manifest):
                (new / path).write_bytes(picture)
            write_json(new / MANIFEST, manifest)
    except WriteError:
        # Another process may have finished first: then its set is read and checked
        if not os.path.isdir(root):
            raise


def _pictures(manifest: dict):
    """Yields (path inside the set, JPEG bytes)."""
    seed, size = manifest["seed"], tuple(manifest["size"])
    train, test = manifest["train_identities"], manifest["test_identities"]
    shots = manifest["images_per_camera"]
    large = (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING)
    scenes = [
        draw_scene(camera.scene, large, _rng(seed, _SCENE, camid))
        for camid, camera in enumerate(CAMERAS)
    ]
    passers_by = [random_person(_rng(seed, _PERSON, 2 * _STRANGERS + i)) for i in range(32)]

    def shoot(folder, pid, person, number, camid, shot, box, crop_error=1.0):
        rng = _rng(seed, _PICTURE, number, camid, shot)
        camera, scene = CAMERAS[camid], scenes[camid]
        picture = take_picture(person, camera, scene, passers_by, rng, size, crop_error)
        text = f"{pid:04d}" if pid >= 0 else str(pid)
        frame = number % _STRANGERS * shots + shot
        return f"{folder}/{text}_c{camid + 1}s1_{frame:06d}_{box:02d}.jpg", picture

    order = _rng(seed, _SPLIT).permutation(train + test)
    test_pids = {int(index) + 1 for index in order[:test]}
    for pid in range(1, train + test + 1):
        person = random_person(_rng(seed, _PERSON, pid))
        for camid in range(len(CAMERAS)):
            for shot in range(shots):
                if pid not in test_pids:
                    folder = FOLDERS["train"]
                else:
                    folder = FOLDERS["query"] if shot == 0 else FOLDERS["gallery"]
                yield shoot(folder, pid, person, pid, camid, shot, box=int(shot > 0))
    for index in range(test):
        camid = index % len(CAMERAS)
        number = _STRANGERS + index
        person = random_person(_rng(seed, _PERSON, number))
        yield shoot(FOLDERS["gallery"], DISTRACTOR_PID, person, number, camid, 0, box=2)
        yield shoot(FOLDERS["gallery"], JUNK_PID, person, number, camid, 1, box=3, crop_error=6.0)
