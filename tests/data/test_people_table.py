"""A table of paths and people, as CSV and as Parquet, and every row that is wrong."""

import pytest

from osnet_tf.data import load_dataset
from osnet_tf.errors import FileError

ROWS = [
    ("img/a1.jpg", "ann", "door", "train"),
    ("img/a2.jpg", "ann", "hall", "train"),
    ("img/b1.jpg", "bob, sr.", "door", "query"),
    ("img/b2.jpg", "bob, sr.", "hall", "gallery"),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "img").mkdir()
    for path, *_ in ROWS:
        (tmp_path / path).touch()
    return tmp_path


def write(folder, lines, name="mine.csv"):
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / name


def csv_lines(columns=("path", "pid", "camid", "split")):
    kept = [("path", "pid", "camid", "split").index(column) for column in columns]
    rows = [",".join(f'"{row[i]}"' for i in kept) for row in ROWS]
    return [",".join(columns), *rows]


def test_csv(folder):
    dataset = load_dataset("folder", write(folder, csv_lines()))
    found = {s.path[-6:]: (s.pid, s.camid) for s in (*dataset.train, *dataset.gallery)}
    assert found == {"a1.jpg": (1, 0), "a2.jpg": (1, 1), "b2.jpg": (2, 1)}
    assert [(s.pid, s.camid) for s in dataset.query] == [(2, 0)]
    assert dataset.has_cameras
    assert load_dataset("folder:mine.csv", folder).train == dataset.train


def test_parquet_is_the_same(folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    columns = dict(zip(("path", "pid", "camid", "split"), zip(*ROWS, strict=True), strict=True))
    parquet.write_table(pyarrow.table(columns), folder / "mine.parquet")
    assert load_dataset("folder", folder / "mine.parquet") == load_dataset(
        "folder", write(folder, csv_lines())
    )
    (folder / "mine.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(FileError, match=r"mine\.parquet is no Parquet file"):
        load_dataset("folder", folder / "mine.parquet")


def test_without_split_and_cameras(folder):
    dataset = load_dataset("folder", write(folder, csv_lines(("pid", "path"))))
    assert not dataset.has_cameras
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (2, 1, 1)


def test_a_byte_order_mark_and_more_columns(folder):
    lines = [line + ",more" for line in csv_lines()]
    lines[0] = "\ufeff" + lines[0]
    assert len(load_dataset("folder", write(folder, lines)).train) == 2


HEAD = "path,pid,camid,split"
GOOD = "img/a1.jpg,ann,door,train"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,person"], "must have the columns path and pid. Received: file, person"),
        (["path,pid,pid", "a,b,c"], "has a column twice"),
        ([HEAD], "has no rows"),
        ([HEAD, GOOD, "img/a2.jpg,,hall,train"], "row 3: it has no pid"),
        ([HEAD, GOOD, ",ann,hall,train"], "row 3: it has no path"),
        ([HEAD, GOOD, "img/a2.jpg,ann,,train"], "row 3: it has no camid, but others have"),
        ([HEAD, GOOD, "img/a2.jpg,ann,hall,"], "row 3: it has no split, but others have"),
        ([HEAD, GOOD, "img/a2.jpg,ann,hall,tset"], "row 3: split must be .* Received: 'tset'"),
        ([HEAD, GOOD, "img/gone.jpg,ann,hall,train"], r"row 3: there is no image .*gone\.jpg"),
        ([HEAD, GOOD, GOOD], r"row 3: img/a1\.jpg stands in row 2 too"),
        ([HEAD, GOOD, "img/./a1.jpg,bob,door,train"], "row 3: .* stands in row 2 too"),
        ([HEAD, GOOD, "img/a2.jpg,ann"], "row 3: it must have 4 values"),
        ([HEAD, GOOD + ",extra"], "row 2: it must have 4 values"),
        ([HEAD, '"unclosed'], "is no CSV"),
    ],
)
def test_what_is_wrong_is_named_with_its_row(folder, lines, message):
    with pytest.raises(FileError, match=rf"mine\.csv {message}"):
        load_dataset("folder", write(folder, lines))


def test_another_encoding(folder):
    (folder / "mine.csv").write_bytes("path,pid\nimg/a1.jpg,Zoé\n".encode("latin-1"))
    with pytest.raises(FileError, match=r"mine\.csv is not in UTF-8"):
        load_dataset("folder", folder / "mine.csv")
