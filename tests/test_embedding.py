"""Embeddings of files, folders and arrays, and the file that `train/embed.py` writes."""

import gc
import os
import subprocess
import sys
import weakref

import keras
import numpy as np
import pytest
from PIL import Image

from osnet_tf.data.decoding import ImageError
from osnet_tf.embedding import embed, embed_folder, embed_paths, person_and_camera
from osnet_tf.models import OSNet, add_classifier
from tests.conftest import ROOT, SHARED

SIZE = (32, 16)
NAMES = ["-1_c2s1_1_0.png", "0002_c1s1_000451_03.PNG", "b/0003_c6s2_7_1.png", "b/x.bmp", "z.png"]
QUERY = SHARED / "data" / "market1501" / "Market-1501-v15.09.15" / "query"
RECORDED = SHARED / "reference" / "query500_osnet_x0_25_market1501.npz"


@pytest.fixture(scope="module")
def embedder():
    """Its embeddings have both signs before the last ReLU, so they differ from image to image."""
    return OSNet("osnet_x0_25", input_shape=(*SIZE, 3))


@pytest.fixture(scope="module")
def pictures():
    """Of several sizes, among them the model's own, one smaller and one larger."""
    rng = np.random.default_rng(0)
    sizes = [(32, 16), (40, 20), (16, 8), (32, 16), (70, 90)]
    return [rng.integers(0, 256, (*size, 3), "uint8") for size in sizes]


@pytest.fixture
def folder(tmp_path, pictures):
    """Sorted by path: the pictures in their order."""
    names = NAMES
    root = tmp_path / "images"
    (root / "b").mkdir(parents=True)
    (root / ".hidden").mkdir()
    for name, picture in zip(names, pictures, strict=True):
        Image.fromarray(picture).save(root / name)
    for name in ("notes.txt", "b/Thumbs.db", "b/._x.png", ".hidden/y.png"):
        (root / name).write_bytes(b"no image")
    return root, [str(root / name) for name in names]


@pytest.fixture(scope="module")
def expected(embedder, pictures):
    """Independent of the code under test but for the resize rule, tested on its own."""
    from osnet_tf.preprocessing import resize

    batch = np.stack([resize(picture, SIZE).numpy() for picture in pictures])
    return embedder.predict(batch, verbose=0)


def close(found, expected):
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_folder_its_files_and_their_pixels_give_the_same(embedder, folder, pictures, expected):
    assert len(np.unique(expected.round(4), axis=0)) == len(pictures)
    root, paths = folder
    counted = []
    result = embed(embedder, root, batch_size=2, progress=counted.append)
    assert result.paths == tuple(paths)
    assert result.failed == ()
    assert counted == [2, 2, 1]
    close(result.embeddings, expected)
    again = embed(embedder, np.array(paths[::-1]), on_error="skip")
    assert again.paths == tuple(paths[::-1])
    close(again.embeddings, expected[::-1])
    close(embed_paths(embedder, paths), expected)
    close(embed(embedder, pictures, batch_size=2, progress=counted.append), expected)
    assert counted == [2, 2, 1] * 2


def test_arrays_of_any_kind(embedder, pictures, expected):
    same_size = np.stack([pictures[0], pictures[3]])
    close(embed(embedder, same_size), expected[[0, 3]])
    close(embed(embedder, keras.ops.convert_to_tensor(same_size)), expected[[0, 3]])
    close(embed(embedder, same_size.astype("int64")), expected[[0, 3]])
    close(embed(embedder, same_size.astype("float64") * 0.999 + 0.1), expected[[0, 3]])
    close(embed(embedder, pictures[1][None]), expected[[1]])
    close(embed(embedder, [same_size, pictures[1]]), expected[[0, 3, 1]])
    close(embed(embedder, [Image.fromarray(pictures[4])]), expected[[4]])
    close(embed(embedder, same_size[:0]), np.zeros((0, 512)))


def test_the_colour_order_is_what_it_is_said_to_be(embedder, folder, pictures, expected):
    swapped = [np.ascontiguousarray(picture[..., ::-1]) for picture in pictures]
    assert np.abs(embed(embedder, swapped) - expected).max() > 1e-3
    close(embed(embedder, swapped, bgr=True), expected)
    close(embed(embedder, swapped[0][None], bgr=True), expected[:1])
    with pytest.raises(ValueError, match=r"Files are always read as RGB.*bgr=True"):
        embed(embedder, folder[0], bgr=True)


def test_normalised_embeddings(embedder, folder, pictures, expected):
    unit = expected / np.sqrt((expected.astype("float64") ** 2).sum(1, keepdims=True))
    close(embed(embedder, pictures, normalize=True), unit)
    close(embed(embedder, folder[0], normalize=True).embeddings, unit)
    close(embed(embedder, folder[0], normalize=True, on_error="skip").embeddings, unit)


def test_an_embedding_of_zeros_stays_and_new_weights_count_at_once(pictures):
    model = OSNet("osnet_x0_25", input_shape=(*SIZE, 3))
    assert embed(model, pictures).any()
    beta = next(v for v in model.variables if v.path == "fc_norm/beta")
    beta.assign(np.full(beta.shape, -1e6))  # all is cut off by the last ReLU
    np.testing.assert_array_equal(embed(model, pictures, normalize=True), np.zeros((5, 512)))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], r"no images to embed.*source=\[\]"),
        (["a.png", np.zeros((4, 2, 3), "uint8")], r"paths or arrays, not both.*1 paths and 1 oth"),
        (np.zeros((4, 2, 3), "uint8"), r"an array of shape \(n, height.*shape=\(4, 2, 3\)"),
        (np.zeros((1, 3, 4, 2), "uint8"), r"shape=\(1, 3, 4, 2\), dtype=uint8"),
        (np.zeros((1, 4, 0, 3), "uint8"), r"shape=\(1, 4, 0, 3\)"),
        ([np.zeros((4, 2, 3), bool)], r"dtype=bool"),
        ([np.full((4, 2, 3), 256)], r"values of 0\.\.255. Received: 256\.\.256"),
        ([np.full((4, 2, 3), -0.5)], r"values of 0\.\.255. Received: -0\.5"),
        ([np.full((4, 2, 3), np.nan)], r"values of 0\.\.255. Received: nan"),
        ([np.full((4, 2, 3), 0.7)], r"lie in 0\.\.1: multiply them by 255. .* maximum of 0\.7"),
    ],
)
def test_what_is_no_image(embedder, source, message):
    with pytest.raises(ValueError, match=message):
        embed(embedder, source)


def test_other_invalid_arguments(embedder, tmp_path, pictures):
    with pytest.raises(ValueError, match=r"'raise' or 'skip'. Received: on_error='ignore'"):
        embed(embedder, pictures, on_error="ignore")
    with pytest.raises(ValueError, match=r"`batch_size` must be >= 1"):
        embed(embedder, pictures, batch_size=0)
    with pytest.raises(ValueError, match=r"no images \(JPEG, PNG, BMP\) below .*"):
        embed(embedder, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no folder nowhere$"):
        embed(embedder, "nowhere")
    (tmp_path / "a.png").touch()
    with pytest.raises(FileNotFoundError, match=r"a\.png: it is a file, so give a list"):
        embed(embedder, tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"leave the classifier off.*with 2 outputs"):
        embed(add_classifier(embedder, 3), pictures)
    with pytest.raises(ValueError, match=r"fixed input size"):
        embed(OSNet("osnet_x0_25", input_shape=(None, None, 3)), pictures)


def damage(paths):
    """The second and the last of five: truncated, and gone."""
    with open(paths[1], "r+b") as file:
        file.truncate(100)
    os.remove(paths[4])


def test_unreadable_files_are_skipped_only_when_asked(embedder, folder, expected):
    _, paths = folder
    damage(paths)
    counted = []
    result = embed(embedder, paths, on_error="skip", batch_size=2, progress=counted.append)
    assert result.paths == (paths[0], paths[2], paths[3])
    close(result.embeddings, expected[[0, 2, 3]])
    assert result.failed == (
        (paths[1], "is truncated or corrupt"),
        (paths[4], "does not exist"),
    )
    assert counted == [3, 1, 1]  # all five, in the end
    with pytest.raises(ImageError, match=r"0002_c1s1_000451_03\.PNG is truncated"):
        embed(embedder, paths)
    nothing = embed(embedder, [paths[1], paths[4]], on_error="skip", normalize=True)
    assert nothing.paths == ()
    assert nothing.embeddings.shape == (0, 512)
    assert len(nothing.failed) == 2


def test_a_model_is_not_kept_alive():
    model = OSNet("osnet_x0_25", input_shape=(*SIZE, 3))
    embed(model, np.zeros((1, *SIZE, 3), "uint8"))
    alive = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/0002_c1s1_000451_03.jpg", (2, 0)),
        ("-1_c6s3_000451_03.jpg.jpg", (-1, 5)),
        ("0000_c3s1_000451_03.jpg", (0, 2)),
        ("0005_c2_f0046985.jpg", (5, 1)),
        ("0005_c0_f0046985.jpg", (-1, -1)),
        ("0002_c1s1/portrait.jpg", (-1, -1)),
        ("x0002_c1s1_1.jpg", (-1, -1)),
    ],
)
def test_person_and_camera(path, expected):
    assert person_and_camera(path) == expected


@pytest.fixture(scope="module")
def model_file(embedder, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "embedder.keras"
    embedder.save(path)
    return path


def test_embed_folder_writes_every_column(model_file, folder, expected, tmp_path):
    output = tmp_path / "new" / "out.npz"
    result = embed_folder(model_file, folder[0], output)
    assert result.paths == tuple(folder[1])
    with np.load(output) as written:  # without pickle
        assert list(written) == ["path", "pid", "camid", "embedding"]
        assert written["path"].tolist() == NAMES
        assert written["pid"].tolist() == [-1, 2, 3, -1, -1]
        assert written["camid"].tolist() == [1, 0, 5, -1, -1]
        assert written["pid"].dtype == written["camid"].dtype == np.int64
        close(written["embedding"], expected)
    assert [path.name for path in output.parent.iterdir()] == ["out.npz"]


def test_embed_folder_writes_parquet(model_file, folder, expected, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow, which is optional, is not installed")
    import pyarrow.parquet

    output = tmp_path / "out.parquet"
    embed_folder(model_file, folder[0], output)
    table = pyarrow.parquet.read_table(output)
    assert table.column_names == ["path", "pid", "camid", "embedding"]
    assert table["path"].to_pylist() == NAMES
    assert table["pid"].to_pylist() == [-1, 2, 3, -1, -1]
    close(np.array(table["embedding"].to_pylist(), "float32"), expected)


def test_embed_folder_refuses_before_it_works(model_file, folder, tmp_path, monkeypatch):
    root, paths = folder
    output = tmp_path / "out.npz"
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r"out\.parquet needs pyarrow, which is not installed"):
        embed_folder("no.keras", root, tmp_path / "out.parquet")
    with pytest.raises(ValueError, match=r"must end in \.npz or \.parquet. .*out\.csv"):
        embed_folder("no.keras", root, tmp_path / "out.csv")
    with pytest.raises(FileNotFoundError, match=r"There is no model no\.keras"):
        embed_folder("no.keras", root, output)
    damage(paths)
    with pytest.raises(ImageError, match=r"000451_03\.PNG is truncated"):
        embed_folder(model_file, root, output, strict=True)
    for path in paths[:4]:
        open(path, "wb").close()
    with pytest.raises(ImageError, match=r"None of the 4 images below .* is empty \(0 bytes\)"):
        embed_folder(model_file, root, output)
    assert not output.exists()


def test_the_command(model_file, folder, expected, tmp_path):
    damage(folder[1])
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "train" / "embed.py", f"--model={model_file}"),
            *("--images=images", "--output=out.npz", "--normalize"),
        ],
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "out.npz: 3 images, 512 values each",
        "left out, because they cannot be read: 1",
        "  images/0002_c1s1_000451_03.PNG is truncated or corrupt",
    ]
    assert "embedding" in done.stderr  # the progress bar
    with np.load(tmp_path / "out.npz") as written:
        assert written["path"].tolist() == [NAMES[0], NAMES[2], NAMES[3]]
        unit = expected / np.linalg.norm(expected, axis=1, keepdims=True)
        close(written["embedding"], unit[[0, 2, 3]])


@pytest.fixture(scope="module")
def recorded():
    """The published Market-1501 weights, by name, and 100 of the 500 recorded query images."""
    for path in (QUERY, RECORDED, SHARED / "weights" / "osnet_x0_25_market1501.pth"):
        if not path.exists():
            pytest.skip(f"{path} is not there")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OSNET_TF_WEIGHTS", str(SHARED / "weights"))
        model = OSNet("osnet_x0_25", weights="market1501")
    with np.load(RECORDED) as file:
        return model, [QUERY / name for name in file["files"][::5]], file["embeddings"][::5]


def cosines(found, expected):
    found, expected = found.astype("float64"), expected.astype("float64")
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return (found * expected).sum(1) / lengths


def test_the_pixels_of_the_public_code_give_its_embeddings(recorded):
    """Pillow decodes and resizes, as it did for the record: what is left is the network's."""
    model, paths, expected = recorded
    images = [Image.open(path).resize((128, 256), Image.Resampling.BILINEAR) for path in paths]
    found = embed(model, np.stack(images), batch_size=50)
    assert len(found) == 100
    assert cosines(found, expected).min() > 0.999999
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_real_files_give_the_embeddings_of_the_public_code(recorded):
    """Decoding and the resize rule included."""
    model, paths, expected = recorded
    found = embed(model, paths, batch_size=50).embeddings
    assert cosines(found, expected).min() > 0.9999
