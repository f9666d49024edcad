"""Against every pair, every matching, and scikit-learn."""

from itertools import combinations, permutations

import numpy as np
import pytest

from osnet_tf.errors import ArgumentError
from osnet_tf.identities import score_identities


def every_pair(identities, pids):
    pairs = list(combinations(range(len(pids)), 2))
    told = {(i, j) for i, j in pairs if identities[i] == identities[j]}
    actual = {(i, j) for i, j in pairs if pids[i] == pids[j]}
    both = len(told & actual)
    return (
        both / len(told) if told else 1.0,
        both / len(actual) if actual else 1.0,
        2 * both / (len(told) + len(actual)) if told or actual else 1.0,
    )


def every_match(identities, pids):
    found, people = sorted(set(identities)), sorted(set(pids))
    people += [None] * len(found)
    best = 0
    for chosen in permutations(people, len(found)):
        match = dict(zip(found, chosen, strict=True))
        best = max(best, sum(match[a] == b for a, b in zip(identities, pids, strict=True)))
    return best / len(pids)


def cases():
    rng = np.random.default_rng(0)
    for _ in range(25):
        n = int(rng.integers(1, 9))
        yield rng.integers(0, 4, n).tolist(), rng.integers(0, 4, n).tolist()
    for n in (1, 2, 5):
        alone, together = list(range(n)), [0] * n
        yield from ((alone, alone), (alone, together), (together, alone), (together, together))


@pytest.mark.parametrize("case", [pytest.param(c, id=str(i)) for i, c in enumerate(cases())])
def test_by_brute_force(case):
    identities, pids = case
    scores = score_identities(identities, pids)
    assert (scores.precision, scores.recall, scores.f1) == pytest.approx(every_pair(*case))
    if len(set(identities)) <= 4:
        assert scores.idf1 == pytest.approx(every_match(*case))
    metrics = pytest.importorskip("sklearn.metrics")
    assert scores.ari == pytest.approx(metrics.adjusted_rand_score(pids, identities))
    assert (scores.num_images, scores.num_identities, scores.num_people) == (
        len(pids),
        len(set(identities)),
        len(set(pids)),
    )


def test_names_do_not_count():
    first = score_identities([0, 0, 1, 2, 2], [9, 9, 9, 4, 4])
    second = score_identities(["b", "b", "z", "a", "a"], ["x", "x", "x", "y", "y"])
    assert first == second
    assert first.idf1 == 0.8
    assert first.to_dict()["num_identities"] == 3


def test_large_sets_are_counted_exactly():
    """100,000 images of one person: 5e9 pairs, beyond 32 bits."""
    n = 100_000
    half = np.arange(n) >= n // 2
    scores = score_identities(half.astype(np.int32), np.zeros(n, np.int32))
    assert scores.recall == 2 * (n // 2) * (n // 2 - 1) / (n * (n - 1))
    assert scores.idf1 == 0.5


def test_arguments_that_are_refused():
    with pytest.raises(ArgumentError, match="must not be empty"):
        score_identities([], [])
    with pytest.raises(ArgumentError, match=r"pids must have shape \(2,\)"):
        score_identities([1, 2], [1])
    with pytest.raises(TypeError, match="identities must hold integers or strings"):
        score_identities([0.5], [1])
