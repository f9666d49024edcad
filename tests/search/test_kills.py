"""A few kills of each kind of gallery; `python -m tests.kills --what=search` has more."""

import numpy as np

from tests.kills import search


def test_nothing_that_was_told_is_lost(tmp_path):
    lines = list(search.kill(4 if search.HAS_MILVUS else 2, np.random.default_rng(0), tmp_path))
    assert not all(line.endswith("it had ended") for line in lines)
