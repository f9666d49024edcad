"""Files to datasets: decoding against Pillow, the plan followed to the letter, plain errors."""

import io
import itertools
import os
import pathlib
import struct
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from osnet_tf.data.augmentation import Augmentation, apply, draw
from osnet_tf.data.decoding import check_images, decode
from osnet_tf.data.pipeline import (
    DecodedImages,
    ImageError,
    find_bad_image,
    image_dataset,
    naming_bad_images,
    training_dataset,
)
from osnet_tf.preprocessing import resize

MARKET = pathlib.Path(__file__).parents[2].parent / "shared/data/market1501/Market-1501-v15.09.15"
EVERYTHING = Augmentation(
    flip=True, brightness=0.2, contrast=0.15, saturation=0.1, pad=3, erase=0.5
)
SIZE = (24, 12)


def photograph(seed, size=(32, 16)):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (8, 4, 3), dtype=np.uint8))
    return small.resize(size[::-1], Image.Resampling.BICUBIC)


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Thirty files of three kinds and several sizes: kept, enlarged and shrunk."""
    folder = tmp_path_factory.mktemp("images")
    names = []
    for number in range(30):
        size = [(32, 16), SIZE, (16, 8), (40, 10)][number % 4]
        names.append(folder / f"{number:02d}.{['jpg', 'png', 'bmp'][number % 3]}")
        photograph(number, size).save(names[-1])
    return names


@pytest.fixture(scope="module")
def images(paths):
    return DecodedImages(paths, SIZE)


@pytest.fixture(scope="module")
def plan():
    return np.random.default_rng(0).integers(0, 30, (6, 8))


LABELS = np.arange(30) * 3 + 1
TARGETS = {"identity": LABELS}


def collect(dataset):
    return [(batch.numpy(), targets["identity"].numpy()) for batch, targets in dataset]


def assert_same(first, second):
    assert len(first) == len(second) > 0
    for (images, labels), (other_images, other_labels) in zip(first, second, strict=True):
        np.testing.assert_array_equal(images, other_images)
        np.testing.assert_array_equal(labels, other_labels)


# Decoding


MODES = {
    "JPEG": ["RGB", "L", "CMYK"],
    "PNG": ["RGB", "L", "RGBA", "LA", "P"],
    "BMP": ["RGB", "L", "RGBA", "P"],
}


def test_decoding_equals_pillow_eagerly_and_in_a_dataset():
    files = [encoded(photograph(1).convert(mode), kind) for kind in MODES for mode in MODES[kind]]
    expected = [np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files]
    np.testing.assert_array_equal([decode(file) for file in files], expected)
    np.testing.assert_array_equal(
        list(tf.data.Dataset.from_tensor_slices(files).map(decode)), expected
    )


def test_every_kind_of_jpeg_equals_pillow():
    for quality, subsampling, progressive in itertools.product((20, 95), (0, 1, 2), (False, True)):
        options = {"quality": quality, "subsampling": subsampling, "progressive": progressive}
        contents = encoded(photograph(2, (37, 21)), "JPEG", **options)
        expected = np.asarray(Image.open(io.BytesIO(contents)))
        np.testing.assert_array_equal(decode(contents), expected, err_msg=str(options))


def test_other_kinds_are_read_as_pillow_reads_them_whatever_their_names(tmp_path):
    """Beside a JPEG, by content: WebP, TIFF of many kinds, GIF, PNM, and a BMP of 1 bit."""
    image = photograph(11, SIZE)
    animated = {"save_all": True, "append_images": [photograph(12, SIZE)]}
    cases = [
        ("JPEG", "RGB", {}),
        ("WEBP", "RGB", {"lossless": True, **animated}),
        ("WEBP", "RGBA", {"quality": 50}),
        *(("TIFF", mode, {"compression": "tiff_lzw"}) for mode in ("1", "L", "P", "RGBA", "CMYK")),
        ("TIFF", "RGB", {"compression": "tiff_deflate", **animated}),
        ("GIF", "P", animated),
        ("PPM", "RGB", {}),
        ("PPM", "1", {}),
        ("BMP", "1", {}),
    ]
    files = [encoded(image.convert(mode), kind, **options) for kind, mode, options in cases]
    paths = [tmp_path / f"{number:02d}.jpg" for number in range(len(cases))]
    for path, contents in zip(paths, files, strict=True):
        path.write_bytes(contents)
    expected = [np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files]
    assert len({array.tobytes() for array in expected}) >= 6
    check_images(paths)
    np.testing.assert_array_equal(DecodedImages(paths, SIZE).pixels, expected)
    ((batch, _),) = training_dataset(
        DecodedImages(paths, SIZE, budget=0),
        {"identity": np.arange(len(paths))},
        [np.arange(len(paths))[::-1]],
    )
    np.testing.assert_array_equal(batch, expected[::-1])


def test_sixteen_bits_keep_the_high_byte_in_every_kind(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, SIZE, dtype=np.uint16)
    for name in ("a.png", "b.tif", "c.pgm"):
        Image.fromarray(values).save(tmp_path / name)
    found = DecodedImages(sorted(tmp_path.iterdir()), SIZE).pixels
    np.testing.assert_array_equal(found, np.stack([np.stack([values >> 8] * 3, -1)] * 3))


def test_a_short_bmp_palette_is_looked_up():
    image = photograph(3).quantize(5)
    contents = encoded(image, "BMP")
    np.testing.assert_array_equal(decode(contents), np.asarray(image.convert("RGB")))


def test_exif_rotation_is_ignored():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = photograph(4)
    plain, rotated = encoded(image, "JPEG"), encoded(image, "JPEG", exif=exif)
    np.testing.assert_array_equal(decode(rotated), decode(plain))


@pytest.mark.skipif(not MARKET.is_dir(), reason="Market-1501 is not there")
def test_decoding_market1501_equals_pillow():
    names = sorted((MARKET / "query").glob("*.jpg"))[::100]
    decoded = DecodedImages(names, (128, 64)).pixels
    np.testing.assert_array_equal(decoded, [np.asarray(Image.open(name)) for name in names])


# The store of images


def test_images_are_decoded_and_resized_in_order(paths, images):
    expected = [resize(np.asarray(Image.open(path)), SIZE) for path in paths]
    np.testing.assert_array_equal(images.pixels, expected)
    assert images.pixels.dtype == tf.uint8
    assert len(images) == 30
    assert images.size == SIZE
    assert images.paths == [str(path) for path in paths]


def test_the_budget_is_kept_to_the_byte(paths):
    need = 30 * SIZE[0] * SIZE[1] * 3
    assert DecodedImages(paths, SIZE, budget=need).pixels is not None
    assert DecodedImages(paths, SIZE, budget=need - 1).pixels is None


def test_progress_adds_up_to_all_images(paths):
    counts = []
    DecodedImages([*paths] * 20, SIZE, progress=counts.append)
    assert sum(counts) == 600
    assert len(counts) > 1


def test_invalid_store_arguments(paths):
    with pytest.raises(ValueError, match=r"size must be .* Received: size=\(0, 4\)"):
        DecodedImages(paths, (0, 4))
    with pytest.raises(ValueError, match=r"budget must be >= 0 bytes. Received: budget=-1"):
        DecodedImages(paths, SIZE, budget=-1)


# Training batches


def test_batches_and_labels_follow_the_plan(images, plan):
    batches = collect(training_dataset(images, TARGETS, plan))
    assert len(batches) == 6
    for (pixels, labels), indices in zip(batches, plan, strict=True):
        np.testing.assert_array_equal(pixels, images.pixels.numpy()[indices])
        np.testing.assert_array_equal(labels, LABELS[indices])


def test_targets_of_any_name_shape_and_kind(images, plan):
    ages, clothes = np.random.default_rng(0).random(30), np.arange(60).reshape(30, 2)
    [(_, targets), *_] = training_dataset(images, {"age": ages, "clothes": clothes}, plan)
    assert targets["age"].dtype == tf.float32
    np.testing.assert_array_equal(targets["age"], ages[plan[0]].astype("float32"))
    np.testing.assert_array_equal(targets["clothes"], clothes[plan[0]])


def test_element_spec_is_static(paths, images, plan):
    for store in (images, DecodedImages(paths, SIZE, budget=0)):
        assert training_dataset(store, TARGETS, plan).element_spec == (
            tf.TensorSpec((8, *SIZE, 3), tf.uint8),
            {"identity": tf.TensorSpec((8,), tf.int32)},
        )


def test_augmentation_is_what_was_drawn_for_the_position(images, plan):
    arguments = {"augmentation": EVERYTHING, "seed": 4, "epoch": 2}
    batches = collect(training_dataset(images, TARGETS, plan, **arguments))
    drawn = draw(EVERYTHING, plan.size, SIZE, seed=4, epoch=2)
    expected = apply(images.pixels.numpy()[plan.reshape(-1)], drawn)
    np.testing.assert_array_equal(np.concatenate([pixels for pixels, _ in batches]), expected)


def test_an_epoch_repeats_and_another_differs(images, plan):
    def epoch(seed, number):
        return collect(
            training_dataset(
                images, TARGETS, plan, augmentation=EVERYTHING, seed=seed, epoch=number
            )
        )

    first = epoch(1, 0)
    assert_same(first, epoch(1, 0))
    for other in (epoch(1, 1), epoch(2, 0)):
        for (pixels, labels), (other_pixels, other_labels) in zip(first, other, strict=True):
            assert (pixels != other_pixels).mean() > 0.1
            np.testing.assert_array_equal(labels, other_labels)


def test_batch_size_does_not_matter(images, plan):
    arguments = {"augmentation": EVERYTHING, "seed": 4, "epoch": 2}
    expected = collect(training_dataset(images, TARGETS, plan, **arguments))
    for shape in [(16, 3), (1, 48)]:
        other = collect(training_dataset(images, TARGETS, plan.reshape(shape), **arguments))
        for part in (0, 1):
            np.testing.assert_array_equal(
                np.concatenate([batch[part] for batch in other]),
                np.concatenate([batch[part] for batch in expected]),
            )


def test_entering_an_epoch_late_goes_on_alike(paths, images, plan):
    arguments = {"augmentation": EVERYTHING, "seed": 4, "epoch": 2}
    whole = collect(training_dataset(images, TARGETS, plan, **arguments))
    for store in (images, DecodedImages(paths, SIZE, budget=0)):
        for start in (1, 5):
            rest = collect(training_dataset(store, TARGETS, plan, start_step=start, **arguments))
            assert_same(rest, whole[start:])


def test_nothing_is_left_at_the_end(images, plan):
    assert collect(training_dataset(images, TARGETS, plan, start_step=6)) == []


def test_over_the_budget_gives_the_same_to_the_bit(paths, images, plan):
    over = DecodedImages(paths, SIZE, budget=0)
    for augmentation in (None, EVERYTHING):
        arguments = {"augmentation": augmentation, "seed": 1, "epoch": 3}
        assert_same(
            collect(training_dataset(over, TARGETS, plan, **arguments)),
            collect(training_dataset(images, TARGETS, plan, **arguments)),
        )


@pytest.mark.parametrize(
    ("labels", "batches", "options", "message"),
    [
        (LABELS[:-1], [[0]], {}, r"'identity' must .* of 30 images. Received: shape=\(29,\)"),
        (LABELS.astype(str), [[0]], {}, r"'identity' must be an array of numbers.*dtype=<U"),
        (LABELS, [0, 1], {}, r"batches must be .* \(steps, batch\).*Received: shape=\(2,\)"),
        (LABELS, [[0.0]], {}, r"batches must be .*dtype=float64"),
        (LABELS, [[0, 30]], {}, r"batches must index 30 images. Received: indices 0..30"),
        (LABELS, [[-1, 3]], {}, r"batches must index 30 images. Received: indices -1..3"),
        (LABELS, [[0]], {"start_step": 2}, r"start_step must be in 0..1. Received: start_step=2"),
        (LABELS, [[0]], {"seed": -1}, r"seed must be >= 0. Received: seed=-1"),
    ],
)
def test_invalid_plans(images, labels, batches, options, message):
    with pytest.raises(ValueError, match=message):
        training_dataset(images, {"identity": labels}, batches, **options)


def test_two_replicas_get_contiguous_halves(paths):
    """A real MirroredStrategy of two logical CPUs."""
    code = f"""
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from osnet_tf.data.pipeline import DecodedImages, training_dataset
from osnet_tf.data.augmentation import Augmentation
paths = {[str(path) for path in paths]}
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
everything = Augmentation(flip=True, pad=2, erase=0.5, brightness=0.2)
plan = np.random.default_rng(0).integers(0, 30, (3, 8))
for budget in (0, 2**30):
    images = DecodedImages(paths, {SIZE}, budget=budget)
    make = lambda: training_dataset(images, {{"n": np.arange(30)}}, plan, augmentation=everything)
    steps = 0
    for both, whole in zip(strategy.experimental_distribute_dataset(make()), make(), strict=True):
        for part, full in zip(tf.nest.flatten(both), tf.nest.flatten(whole), strict=True):
            halves = strategy.experimental_local_results(part)
            assert [len(half) for half in halves] == [4, 4]
            np.testing.assert_array_equal(np.concatenate(halves), full)
        steps += 1
    assert steps == 3
print("fine")
"""
    root = pathlib.Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert result.stdout == "fine\n", result.stderr[-3000:]


# Evaluation batches


def test_evaluation_keeps_order_and_a_short_last_batch(paths, images):
    batches = [batch.numpy() for batch in image_dataset(paths, SIZE, 8)]
    assert [len(batch) for batch in batches] == [8, 8, 8, 6]
    np.testing.assert_array_equal(np.concatenate(batches), images.pixels)


def test_no_images_to_evaluate():
    assert list(image_dataset([], SIZE, 8)) == []


def test_invalid_batch_size(paths):
    with pytest.raises(ValueError, match=r"batch_size must be >= 1. Received: batch_size=0"):
        image_dataset(paths, SIZE, 0)


# Bad files


def bad_files(folder):
    """Path and complaint of every kind of bad file."""
    jpeg, png, bmp = (encoded(photograph(9), kind) for kind in ("JPEG", "PNG", "BMP"))
    middle = len(png) // 2
    broken_png = png[:middle] + bytes(255 - byte for byte in png[middle : middle + 9])
    unknown = "is not a JPEG, PNG, BMP, WebP, TIFF, GIF or PNM"
    corrupt = "is truncated or corrupt"
    gif, tiff, webp = (encoded(photograph(9), kind) for kind in ("GIF", "TIFF", "WEBP"))
    huge = "has more than the 67108864 pixels"
    cases = {
        "empty.jpg": (b"", "is empty (0 bytes)"),
        "text.jpg": (b"<html>404 not found</html>", unknown),
        "short.jpg": (b"\xff", unknown),
        "truncated.gif": (gif[: len(gif) // 2], corrupt),
        "truncated.tiff": (tiff[:-400], corrupt),
        "truncated.webp": (webp[:-40], corrupt),
        "truncated.jpg": (jpeg[:-40], corrupt),
        "header.jpg": (jpeg[:20], corrupt),
        "truncated.png": (png[:middle], corrupt),
        "broken.png": (broken_png + png[middle + 9 :], corrupt),
        "truncated.bmp": (bmp[:-5], corrupt),
        "header.bmp": (bmp[:10], corrupt),
        "huge.png": (png[:16] + struct.pack(">2I", 2**14, 2**13) + png[24:], huge),
        "huge.jpg": (_resized_jpeg(jpeg, 2**14, 2**13), huge),
        "huge.bmp": (bmp[:18] + struct.pack("<2i", 2**14, -(2**13)) + bmp[26:], huge),
        "huge.gif": (gif[:6] + struct.pack("<2H", 2**14, 2**13) + gif[10:], "16384x8192 pixels"),
        "float.tiff": (
            encoded(photograph(9).convert("F"), "TIFF"),
            "float.tiff has pixels of mode 'F'",
        ),
    }
    for name, (contents, problem) in cases.items():
        (folder / name).write_bytes(contents)
        yield folder / name, problem
    (folder / "directory.jpg").mkdir()
    yield folder / "directory.jpg", "is a folder, not a regular file"
    os.mkfifo(folder / "pipe.jpg")
    yield folder / "pipe.jpg", "is a pipe, not a regular file"
    (folder / "link.jpg").symlink_to("/dev/zero")
    yield folder / "link.jpg", "is a device, not a regular file"
    (folder / "sparse.jpg").write_bytes(jpeg)
    os.truncate(folder / "sparse.jpg", 2**30)
    yield folder / "sparse.jpg", "is too large: 1073741824 bytes"
    yield folder / "missing.jpg", "does not exist"


def _resized_jpeg(jpeg, width, height):
    """The header of its frame says another size."""
    start = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:start] + struct.pack(">2H", height, width) + jpeg[start + 4 :]


def assert_plain(error, path, problem):
    message = str(error.value)
    assert message.startswith(f"{path} ")
    assert problem in message
    assert "\n" not in message
    assert error.value.__cause__ is None
    assert error.value.__context__ is None or error.value.__suppress_context__


def test_every_bad_file_is_named_while_decoding(tmp_path, paths):
    cases = list(bad_files(tmp_path))
    assert len(cases) == 22
    for path, problem in cases:
        with pytest.raises(ImageError) as error:
            DecodedImages([*paths[:5], path, *paths[5:]], SIZE)
        assert_plain(error, path, problem)


def test_bad_files_are_named_when_reading_later(tmp_path, paths):
    for path, problem in bad_files(tmp_path):
        if path.name.split(".")[0] not in ("truncated", "broken", "missing", "pipe"):
            continue
        names = [paths[0], path]
        with pytest.raises(ImageError) as error, naming_bad_images(names):
            list(image_dataset(names, SIZE, 2))
        assert_plain(error, path, problem)
        store = DecodedImages(names, SIZE, budget=0)
        with pytest.raises(ImageError) as error, naming_bad_images(store.paths):
            collect(training_dataset(store, {"identity": [0, 1]}, [[0, 0], [1, 0]]))
        assert_plain(error, path, problem)


def test_the_first_bad_file_in_order_is_named(tmp_path, paths):
    missing = [tmp_path / "b.jpg", tmp_path / "a.jpg"]
    assert find_bad_image([paths[0], *missing]) == f"{missing[0]} does not exist"
    assert find_bad_image(paths) is None


def test_other_errors_pass_unchanged(paths):
    with pytest.raises(tf.errors.ResourceExhaustedError), naming_bad_images(paths):
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
    with pytest.raises(KeyError), naming_bad_images(["/nowhere.jpg"]):
        raise KeyError("unrelated")


def test_names_outside_ascii(tmp_path):
    path = tmp_path / "bäume 人.png"
    photograph(5).save(path)
    assert DecodedImages([path], SIZE).pixels.shape == (1, *SIZE, 3)
