import csv

import numpy as np
import pytest

from osnet_tf.metrics import average_splits, per_query, rank, write_per_query


def some_result(seed, **options):
    rng = np.random.default_rng(seed)
    query, gallery = rng.standard_normal((6, 3)), rng.standard_normal((20, 3))
    return rank(query, gallery, np.arange(6), np.arange(20) % 5, [0] * 6, [1] * 20, **options)


def test_average_and_standard_deviation():
    results = [some_result(seed) for seed in range(4)]
    average = average_splits(results)
    values = [result.mAP for result in results]
    mean = sum(values) / 4
    assert average.num_splits == 4
    assert average.mAP == pytest.approx(mean)
    assert average.mAP_std == pytest.approx((sum((v - mean) ** 2 for v in values) / 3) ** 0.5)
    assert average.mINP == pytest.approx(np.mean([result.mINP for result in results]))
    np.testing.assert_allclose(average.cmc, np.mean([r.cmc for r in results], axis=0))
    np.testing.assert_allclose(average.cmc_std, np.std([r.cmc for r in results], axis=0, ddof=1))


def test_one_split_has_no_deviation():
    average = average_splits([some_result(0)])
    assert np.isnan(average.mAP_std)
    assert np.isnan(average.cmc_std).all()


def test_splits_must_fit():
    with pytest.raises(ValueError, match=r"Received: 0 results, max_rank=\[\]"):
        average_splits([])
    with pytest.raises(ValueError, match=r"max_rank=\[5, 50\]"):
        average_splits([some_result(0), some_result(1, max_rank=5)])


def test_results_of_each_query_are_written_and_read_back(tmp_path):
    result = some_result(2)
    assert result.num_unmatched_queries == 1  # person 5 is not in the gallery
    path = tmp_path / "per_query.csv"
    write_per_query(path, result, path=[f"{i}, é.jpg" for i in range(6)], pid=np.arange(6))
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [f"{i}, é.jpg" for i in range(6)]
    assert [row["pid"] for row in rows] == list("012345")
    for name in ("first_match", "average_precision", "inverse_negative_penalty"):
        read = [float(row[name] or "nan") for row in rows]
        np.testing.assert_array_equal(read, getattr(result, name))
    assert rows[0]["first_match"] == str(int(result.first_match[0]))


def test_parquet_holds_the_same_with_nulls(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    result = some_result(2)
    path = tmp_path / "per_query.parquet"
    write_per_query(path, result, path=[f"{i}.jpg" for i in range(6)], pid=np.arange(6))
    table = parquet.read_table(path).to_pydict()
    assert list(table) == list(per_query(result, path=[""] * 6, pid=np.arange(6)))
    assert table["path"][3] == "3.jpg"
    assert table["pid"] == list(range(6))
    assert table["first_match"][5] is None
    assert table["average_precision"][:5] == list(result.average_precision[:5])
    assert [p.name for p in tmp_path.iterdir()] == ["per_query.parquet"]


def test_other_kinds_of_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.csv or \.parquet\. Received: path=.*x\.xlsx"):
        write_per_query(tmp_path / "x.xlsx", some_result(0))


def test_columns_must_fit():
    with pytest.raises(ValueError, match=r"Column 'pid' .* 6 values.*Received: 2 values"):
        per_query(some_result(0), pid=[1, 2])
    with pytest.raises(ValueError, match="Column 'first_match' must have a name of its own"):
        per_query(some_result(0), first_match=np.zeros(6))
