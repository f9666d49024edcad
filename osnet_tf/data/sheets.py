"""A contact sheet: what a dataset's images look like, at one glance."""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from osnet_tf.checks import check_int
from osnet_tf.data.attributes import AttributeDataset
from osnet_tf.data.classes import ClassDataset
from osnet_tf.data.pillow_images import read_rgb
from osnet_tf.errors import ArgumentError
from osnet_tf.visualize.canvas import font, short_name, text_width

GAP = 2
_GREY = (128, 128, 128)
_TEXT = 12  # height of a line


def contact_sheet(
    dataset: Any, *, rows: int = 8, columns: int = 8, seed: int = 0, height: int = 128
) -> Image.Image:
    """Draws some of a dataset's images, a row for each person, class or attribute.

    A person's images stand by camera, each camera in columns of its own, as many as there is room
    for. (Do not publish a sheet of a borrowed dataset.)

    Args:
        dataset: a `ReidDataset`, `AttributeDataset` or `ClassDataset`; its files are read.
        rows: how many people, classes or attributes, >= 1; chosen at random.
        columns: how many images of each, >= 1.
        seed: int >= 0, decides which.
        height: of an image on the sheet, in pixels; its width follows from the first one.

    Returns:
        An RGB image with a line of text above each column (its camera) and at the left of each row.
        A place without an image is grey.

    Raises:
        ArgumentError: a number is out of its range; there are no images.
        ImageError: an image cannot be read.

    >>> import tempfile
    >>> from osnet_tf.data import generate_demo
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     people = generate_demo(folder, train_identities=3, test_identities=1, size=(32, 16))
    ...     sheet = contact_sheet(people, rows=2, columns=4, height=32)
    >>> sheet.height  # two images and a line of text
    82
    """
    check_int(rows=rows, columns=columns, height=height)
    check_int(minimum=0, seed=seed)
    named, heads = _groups(dataset, columns)
    if not named:
        raise ArgumentError(f"{dataset.name} has no images")
    chosen = np.random.default_rng(seed).permutation(len(named))[:rows]
    shown = [(short_name(named[number][0]), named[number][1]) for number in sorted(chosen)]
    first = next(path for _, places in shown for path in places if path)
    size = _scaled(read_rgb(first), height)
    left = 4 + max(int(text_width(name)) for name, _ in shown)
    across = max(len(places) for _, places in shown)
    sheet = Image.new(
        "RGB",
        (left + across * (size[0] + GAP), _TEXT + 4 + len(shown) * (size[1] + GAP) - GAP),
        _GREY,
    )
    draw = ImageDraw.Draw(sheet)
    for number, head in enumerate(heads or ()):
        draw.text((left + number * (size[0] + GAP), 1), head, "white", font=font())
    for row, (name, places) in enumerate(shown):
        top = _TEXT + 4 + row * (size[1] + GAP)
        draw.text((2, top), name, "white", font=font())
        for column, path in enumerate(places):
            if path:
                picture = Image.fromarray(read_rgb(path)).resize(size, Image.Resampling.BILINEAR)
                sheet.paste(picture, (left + column * (size[0] + GAP), top))
    return sheet


def _groups(dataset, columns):
    """([(name, paths or None by column)], texts above the columns or None)."""
    if isinstance(dataset, ClassDataset):
        samples = [*dataset.train, *dataset.test]
        groups = {name: [] for name in dataset.classes}
        for sample in samples:
            groups[dataset.classes[sample.label]].append(sample.path)
    elif isinstance(dataset, AttributeDataset):
        groups = {
            name: [s.path for s in (*dataset.train, *dataset.test) if s.attributes[number]]
            for number, name in enumerate(dataset.attributes)
        }
    else:
        return _people(dataset, columns)
    return [(name, paths[:columns]) for name, paths in groups.items() if paths], None


def _people(dataset, columns):
    samples = {*dataset.train, *dataset.val, *dataset.query, *dataset.gallery}
    cameras = sorted({sample.camid for sample in samples}) if dataset.has_cameras else [0]
    of_each = max(1, columns // max(len(cameras), 1))
    people = {}
    for sample in sorted(samples):
        if sample.pid > 0:
            camid = sample.camid if dataset.has_cameras else 0
            people.setdefault(sample.pid, {}).setdefault(camid, []).append(sample.path)
    if not dataset.has_cameras:
        of_each = columns
    rows = []
    for pid, found in sorted(people.items()):
        places = []
        for camid in cameras:
            paths = found.get(camid, [])[:of_each]
            places += [*paths, *[None] * (of_each - len(paths))]
        rows.append((dataset.name_of(pid), places))
    texts = [f"c{camid + 1}" if dataset.has_cameras else "" for camid in cameras]
    return rows, [text for text in texts for _ in range(of_each)]


def _scaled(pixels, height):
    return max(1, round(pixels.shape[1] * height / pixels.shape[0])), height
