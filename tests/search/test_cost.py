"""What the table of searching costs tells is measured: exact galleries miss nothing."""

import pytest

from osnet_tf.errors import OSNetError
from osnet_tf.report import search_table
from osnet_tf.search import cost


def test_an_exact_search():
    row = cost.measure_search("SQLite, exact", 3000)
    assert row.recall == 1
    assert row.count == 3000
    assert 0 < row.fastest <= row.milliseconds
    raw = 3000 * 512 * 4 / 2**20  # of float32, which is on the disk and in memory
    assert raw < row.disk_mebibytes < 1.5 * raw
    assert raw < row.mebibytes < 20 * raw
    assert "3000" in search_table([row])


def test_a_process_that_fails_is_told(monkeypatch):
    monkeypatch.setattr(cost.sys, "executable", "/bin/false")
    with pytest.raises(OSNetError, match="SQLite, exact with 10 crops has failed"):
        cost.measure_search("SQLite, exact", 10)
