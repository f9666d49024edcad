"""The measures written out the long way: float64, plain loops, sorts of (distance, index)."""

import math

import numpy as np


def distance(a, b, metric="euclidean"):
    """Distance of two vectors by a plain float64 loop; cosine of a zero vector: 1."""
    a = [float(v) for v in np.asarray(a, np.float32)]
    b = [float(v) for v in np.asarray(b, np.float32)]
    if metric == "cosine":
        na, nb = math.sqrt(sum(v * v for v in a)), math.sqrt(sum(v * v for v in b))
        if na == 0 or nb == 0:
            return 1.0
        # 1 - cos, written so that it keeps its digits where the cosine is close to 1.
        return sum((x / na - y / nb) ** 2 for x, y in zip(a, b, strict=True)) / 2
    squared = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    return squared if metric == "sqeuclidean" else math.sqrt(squared)


def hits_of_query(i, query, gallery, q_pids, g_pids, q_camids, g_camids, metric, aware=True):
    """Ranks (from 1) of the matches of query i, by sorting (distance, gallery index)."""
    rows = []
    for j in range(len(gallery)):
        if aware and g_pids[j] == q_pids[i] and g_camids[j] == q_camids[i]:
            continue
        rows.append((distance(query[i], gallery[j], metric), j))
    rows.sort()
    return [rank for rank, (_, j) in enumerate(rows, 1) if g_pids[j] == q_pids[i]]


def evaluate(query, gallery, q_pids, g_pids, q_camids, g_camids, *, metric, max_rank, aware=True):
    """A dict of every measure, or None if no query has a match."""
    all_hits = [
        hits_of_query(i, query, gallery, q_pids, g_pids, q_camids, g_camids, metric, aware)
        for i in range(len(query))
    ]
    return measures(all_hits, max_rank)


def measures(all_hits, max_rank):
    """The measures of lists of match ranks, one list a query."""
    valid = [hits for hits in all_hits if hits]
    if not valid:
        return None
    precisions, trapezoids, penalties = [], [], []
    for hits in valid:
        precision = trapezoid = 0.0
        for count, position in enumerate(hits, 1):
            precision += count / position
            before = 1.0 if position == 1 else (count - 1) / (position - 1)
            trapezoid += (before + count / position) / 2
        precisions.append(precision / len(hits))
        trapezoids.append(trapezoid / len(hits))
        penalties.append(len(hits) / hits[-1])
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    return {
        "cmc": [mean([h[0] <= k for h in valid]) for k in range(1, max_rank + 1)],
        "mAP": mean(precisions),
        "mAP_trapezoid": mean(trapezoids),
        "mINP": mean(penalties),
        "num_valid_queries": len(valid),
        "num_unmatched_queries": len(all_hits) - len(valid),
        "first_match": [hits[0] if hits else math.nan for hits in all_hits],
    }
