import csv
import sys

import numpy as np
import pytest

from osnet_tf.files import table_writer

COLUMNS = {
    "path": ["a, é.jpg", "b.jpg"],
    "pid": np.array([3, -1]),
    "share": np.array([0.25, np.nan]),
}
VECTORS = np.arange(6, dtype="float32").reshape(2, 3)


def test_csv(tmp_path):
    path = tmp_path / "x.CSV"
    table_writer(path, (".csv",))(COLUMNS)
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["path", "pid", "share"], ["a, é.jpg", "3", "0.25"], ["b.jpg", "-1", ""]]
    with pytest.raises(ValueError, match="shorter"):
        table_writer(path, (".csv",))({"a": [1, 2], "b": [1]})
    assert path.read_text(encoding="utf-8").startswith("path")  # what lay there is there


def test_npz(tmp_path):
    table_writer(tmp_path / "x.npz", (".npz",))({**COLUMNS, "embedding": VECTORS})
    with np.load(tmp_path / "x.npz") as written:  # without pickle
        assert list(written) == [*COLUMNS, "embedding"]
        assert written["path"].tolist() == COLUMNS["path"]
        np.testing.assert_array_equal(written["share"], COLUMNS["share"])
        np.testing.assert_array_equal(written["embedding"], VECTORS, strict=True)
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def test_parquet(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table_writer(tmp_path / "x.parquet", (".parquet",))({**COLUMNS, "embedding": VECTORS})
    table = parquet.read_table(tmp_path / "x.parquet")
    assert table.to_pydict() == {
        "path": COLUMNS["path"],
        "pid": [3, -1],
        "share": [0.25, None],
        "embedding": VECTORS.tolist(),
    }
    assert table.schema.field("embedding").type.list_size == 3
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_what_cannot_be_written_is_refused_at_once(monkeypatch):
    message = r"`output` must end in \.npz or \.parquet\. Received: output='x\.csv'"
    with pytest.raises(ValueError, match=message):
        table_writer("x.csv", (".npz", ".parquet"), name="output")
    for module in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"x\.parquet needs pyarrow, which .*, or choose \.csv$"):
        table_writer("x.parquet", (".csv", ".parquet"))
