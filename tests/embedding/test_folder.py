"""The embeddings of a folder as a file, and the command that writes it."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from osnet_tf.data import ImageError
from osnet_tf.data.file_names import person_and_camera
from osnet_tf.embedding import embed_folder
from osnet_tf.errors import FileError, WriteError
from tests.conftest import ROOT
from tests.embedding.pictures import NAMES, assert_close, damage


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
        assert_close(written["embedding"], expected)
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
    assert_close(np.array(table["embedding"].to_pylist(), "float32"), expected)


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
    with pytest.raises(ImageError, match=r"images holds files that are no images: 1 of \.txt$"):
        embed_folder(model_file, root, output, strict=True)
    (root / "notes.txt").unlink()
    damage(paths)
    with pytest.raises(ImageError, match=r"000451_03\.PNG is truncated"):
        embed_folder(model_file, root, output, strict=True)
    for path in paths[:4]:
        open(path, "wb").close()
    with pytest.raises(ImageError, match=r"None of the 4 images below .* is empty \(0 bytes\)"):
        embed_folder(model_file, root, output)
    assert not output.exists()


def test_embed_folder_refuses_what_it_could_not_write(model_file, folder, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow, which is optional, is not installed")
    (folder[0] / "caf\udce9.png").touch()
    with pytest.raises(FileError, match=r"^caf\\udce9\.png is no UTF-8, as a \.parquet file"):
        embed_folder(model_file, folder[0], tmp_path / "out.parquet")
    (tmp_path / "out.npz").mkdir()
    with pytest.raises(WriteError, match=r"out\.npz cannot be written: it is a folder"):
        embed_folder(model_file, folder[0], tmp_path / "out.npz")


def test_the_command(model_file, folder, expected, tmp_path):
    damage(folder[1])
    ugly = folder[0] / "z\x1b[2J\udce9.png"
    shutil.copy(folder[1][0], ugly)
    shutil.copy(folder[1][1], folder[0] / "a\x1b[2J.gif")
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
        "out.npz: 4 images, 512 values each",
        "left out, because they are no images: 1 of .txt",
        "left out, because they cannot be read: 2",
        "  images/0002_c1s1_000451_03.PNG is truncated or corrupt",
        r"  images/a\x1b[2J.gif is truncated or corrupt",
    ]
    assert "embedding" in done.stderr  # the progress bar
    with np.load(tmp_path / "out.npz") as written:
        assert written["path"].tolist() == [*NAMES[:1], *NAMES[2:4], ugly.name]
        unit = expected / np.linalg.norm(expected, axis=1, keepdims=True)
        assert_close(written["embedding"], unit[[0, 2, 3, 0]])
