"""Folders of classes: one's own, CIFAR's official files, ImageNet and its devkit."""

import pickle
import struct

import numpy as np
import pytest
import scipy.io
from PIL import Image

from osnet_tf.data import DatasetLayoutError, DatasetNotFoundError, load_dataset
from osnet_tf.data import cifar as cifar_module
from osnet_tf.data import imagenet as imagenet_module
from osnet_tf.data.classes import ClassSample, read_class_folders
from osnet_tf.errors import FileError


def touch(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()


def test_labels_follow_the_names_of_the_classes_folders(tmp_path):
    touch(
        tmp_path,
        *("train/dog/2.png", "train/dog/1.JPEG", "train/cat/1.webp", "train/dog/readme.txt"),
        *("val/dog/1.png", "val/__MACOSX/._1.png", "train/.DS_Store"),
    )
    dataset = load_dataset("classes", tmp_path)
    assert dataset.classes == ("cat", "dog")
    at = str(tmp_path)
    assert dataset.train == (
        ClassSample(f"{at}/train/cat/1.webp", 0),
        ClassSample(f"{at}/train/dog/1.JPEG", 1),
        ClassSample(f"{at}/train/dog/2.png", 1),
    )
    assert dataset.test == (ClassSample(f"{at}/val/dog/1.png", 1),)
    assert load_dataset(f"classes:{tmp_path.name}", tmp_path.parent).train == dataset.train


def test_what_is_missing_or_too_much_is_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match="must hold the folders train and test"):
        read_class_folders(tmp_path)
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    with pytest.raises(DatasetLayoutError, match="train holds no folder of a class"):
        read_class_folders(tmp_path)
    touch(tmp_path, "train/cat/1.png", "test/dog/1.png")
    with pytest.raises(DatasetLayoutError, match=r"test/dog is a class that .*/train lacks"):
        read_class_folders(tmp_path)
    touch(tmp_path, "train/dog/readme.txt")
    with pytest.raises(DatasetLayoutError, match="train/dog holds no image"):
        read_class_folders(tmp_path)


def python2_pickle(value):
    """A pickle as Python 2 and its NumPy wrote CIFAR's: bytes are its `str`."""
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value):
    if isinstance(value, dict):
        items = b"".join(_opcodes(key) + _opcodes(entry) for key, entry in value.items())
        return b"}(" + items + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(_opcodes, value)) + b"e"
    if isinstance(value, bytes):
        return b"T" + struct.pack("<i", len(value)) + value
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    dtype = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ" + b"\xff" * 4 + b"J"
    dtype += b"\xff" * 4 + b"K\x00tb"
    made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    shape = b"(" + b"".join(map(_opcodes, value.shape)) + b"t"
    return made + b"(K\x01" + shape + dtype + b"\x89" + _opcodes(value.tobytes()) + b"tb"


def write_cifar(folder, names, counts, labels_key, meta_key, files, meta):
    """Official files, small: image k of a file has the planes k, k + 1, k + 2, but for a pixel."""
    folder.mkdir()
    for file, count in zip(files, counts, strict=True):
        planes = np.arange(count)[:, None] + np.repeat(np.arange(3), 1024)
        data = planes.astype(np.uint8)
        data[:, 2048 + 32 * 4 + 7] = 255  # blue, row 4, column 7
        labels = [image % len(names) for image in range(count)]
        (folder / file).write_bytes(python2_pickle({b"data": data, labels_key: labels}))
    named = {meta_key: [name.encode() for name in names]}
    (folder / meta).write_bytes(python2_pickle(named))


@pytest.fixture
def cifar10(tmp_path, monkeypatch):
    files = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    names = ["airplane", "automobile", "bird", "cat", "deer"]
    names += ["dog", "frog", "horse", "ship", "truck"]
    write_cifar(
        tmp_path / "cifar-10-batches-py", names, (2, 3, 2, 2, 2, 3), b"labels", b"label_names",
        files, "batches.meta",
    )  # fmt: skip
    first = tmp_path / "cifar-10-batches-py" / "data_batch_1"
    rows = np.zeros((10, 3072), np.uint8)
    batch = {b"data": rows, b"labels": list(range(10))}  # every class has an image
    first.write_bytes(python2_pickle(batch))
    monkeypatch.setattr(cifar_module, "_COUNTS", (19, 3))
    return tmp_path


def test_cifar_becomes_pictures_once(cifar10):
    dataset = load_dataset("cifar10", cifar10)
    assert (dataset.classes[0], dataset.classes[-1]) == ("airplane", "truck")
    assert [sample.label for sample in dataset.test] == [0, 1, 2]
    pixels = np.asarray(Image.open(cifar10 / "cifar10/test/bird/00002.png"))
    assert pixels.shape == (32, 32, 3)
    assert pixels[0, 0].tolist() == [2, 3, 4]
    assert pixels[4, 7].tolist() == [2, 3, 255]
    # Numbers go on from file to file: the third of the second batch comes after ten and two
    assert (cifar10 / "cifar10/train/bird/00012.png").exists()
    made = {path: path.stat().st_mtime_ns for path in (cifar10 / "cifar10").rglob("*.png")}
    assert len(made) == 22
    assert load_dataset("cifar10", cifar10) == dataset
    assert {path: path.stat().st_mtime_ns for path in made} == made


def test_cifars_counts_and_place(cifar10, monkeypatch, tmp_path):
    monkeypatch.setattr(cifar_module, "_COUNTS", (50_000, 10_000))
    with pytest.raises(DatasetLayoutError, match=r"50,000 training.* Received: 19, 3 and 10"):
        load_dataset("cifar10", cifar10)
    with pytest.raises(DatasetNotFoundError, match=r"(?s)cifar100 was not found.*cifar-100-python"):
        load_dataset("cifar100", tmp_path)


class Evil:
    def __reduce__(self):
        return (open, ("evil", "w"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a pickle", "no file of CIFAR's"),
        (pickle.dumps({b"data": Evil()}), "it asks for .*open"),
        (pickle.dumps([1, 2]), "no file of CIFAR's"),
        (pickle.dumps({b"data": np.zeros((2, 3), np.uint8), b"labels": [0, 1]}), r"\(2, 3\)"),
        (pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [99]}), r"0\.\.9"),
        (pickle.dumps({b"data": np.zeros((1, 3072)), b"labels": [0]}), "dtype=float64"),
    ],
)
def test_a_damaged_file_of_cifar_is_named_and_nothing_is_left(cifar10, content, words, monkeypatch):
    monkeypatch.chdir(cifar10)
    path = cifar10 / "cifar-10-batches-py" / "test_batch"
    path.write_bytes(content)
    with pytest.raises(DatasetLayoutError, match=f"{path}.*{words}"):
        load_dataset("cifar10", cifar10)
    assert not (cifar10 / "cifar10").exists()
    assert not (cifar10 / "evil").exists()


def test_cifar100_takes_the_fine_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar_module, "_COUNTS", (100, 1))
    names = [f"class_{number:02}" for number in range(100)]
    write_cifar(
        tmp_path / "cifar-100-python", names, (100, 1), b"fine_labels", b"fine_label_names",
        ["train", "test"], "meta",
    )  # fmt: skip
    dataset = load_dataset("cifar100", tmp_path)
    assert dataset.classes == tuple(names)
    assert [sample.label for sample in dataset.train] == list(range(100))


#: The devkit's own order is not that of the names.
WNIDS = ("n02119789", "n01440764", "n02100735")


@pytest.fixture
def imagenet(tmp_path, monkeypatch):
    for name, value in (("_CLASSES", 3), ("_TRAIN", 4), ("_VAL", 5)):
        monkeypatch.setattr(imagenet_module, name, value)
    root = tmp_path / "imagenet"
    touch(
        root,
        *(f"train/{wnid}/{wnid}_1.JPEG" for wnid in WNIDS),
        f"train/{WNIDS[0]}/{WNIDS[0]}_2.JPEG",
        *(f"val/ILSVRC2012_val_{number:08}.JPEG" for number in range(1, 6)),
    )
    devkit = root / "ILSVRC2012_devkit_t12" / "data"
    devkit.mkdir(parents=True)
    (devkit / "ILSVRC2012_validation_ground_truth.txt").write_text("2\n1\n3\n3\n2\n")
    rows = [(1, WNIDS[0], 0), (2, WNIDS[1], 0), (3, WNIDS[2], 0), (4, "n00001740", 3)]
    dtype = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("num_children", "O")]
    scipy.io.savemat(devkit / "meta.mat", {"synsets": np.array(rows, dtype)[:, None]})
    return tmp_path


def test_imagenets_validation_images_get_their_classes_by_the_devkit(imagenet):
    dataset = load_dataset("imagenet", imagenet)
    assert dataset.classes == ("n01440764", "n02100735", "n02119789")
    # 2 1 3 3 2 of the devkit are the names n01440764 n02119789 n02100735 n02100735 n01440764
    assert [sample.label for sample in dataset.test] == [0, 2, 1, 1, 0]
    assert [sample.label for sample in dataset.train] == [0, 1, 2, 2]


def test_imagenet_in_folders_and_without_training_images(imagenet):
    flat = load_dataset("imagenet", imagenet)
    root = imagenet / "imagenet"
    for path, label in flat.test:
        place = root / "sorted" / flat.classes[label]
        place.mkdir(parents=True, exist_ok=True)
        (place / path.rpartition("/")[2]).touch()
    (root / "val").rename(root / "flat")
    (root / "sorted").rename(root / "val")
    (root / "train").rename(root / "elsewhere")
    dataset = load_dataset("imagenet", root)
    assert dataset.train == ()
    assert dataset.classes == flat.classes
    assert sorted(sample.label for sample in dataset.test) == [0, 0, 1, 1, 2]


def test_what_is_wrong_with_imagenet_is_named(imagenet):
    root = imagenet / "imagenet"
    devkit = root / "ILSVRC2012_devkit_t12" / "data"
    touch(root, "train/n02100735/more.JPEG")
    with pytest.raises(DatasetLayoutError, match=r"train must hold 4 images. Received: 5"):
        load_dataset("imagenet", imagenet)
    (root / "train/n02100735/more.JPEG").unlink()
    touch(root, "train/n09999999/1.JPEG")
    with pytest.raises(DatasetLayoutError, match="must be of the same classes"):
        load_dataset("imagenet", imagenet)
    touch(root, "val/ILSVRC2012_val_00000006.JPEG")
    with pytest.raises(DatasetLayoutError, match=r"00000006.JPEG is not among the 5"):
        load_dataset("imagenet", imagenet)
    truth = devkit / "ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("2\n1\n3\n4\n2\n")
    with pytest.raises(DatasetLayoutError, match=r"a class on each line. Received: '4'"):
        load_dataset("imagenet", imagenet)
    (devkit / "meta.mat").write_bytes(b"no mat")
    with pytest.raises(FileError, match=r"meta.mat"):
        load_dataset("imagenet", imagenet)
    truth.unlink()
    with pytest.raises(DatasetNotFoundError, match="ImageNet's devkit was not found"):
        load_dataset("imagenet", imagenet)
