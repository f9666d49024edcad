"""Ranked sheets: each query, and what the gallery gave for it."""

from typing import NamedTuple

import numpy as np

from osnet_tf.checks import check_int
from osnet_tf.data.dataset import Sample
from osnet_tf.data.pillow_images import read_rgb
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics.distances import distance_blocks
from osnet_tf.visualize.canvas import INK, Cell, cell_sheet

SAME, DIFFERENT = (22, 150, 70), (214, 48, 38)  # green, red


class Match(NamedTuple):
    """A gallery image that a query found.

    Attributes:
        sample: The image.
        distance: From the query.
        same: Whether it is of the query's person.
    """

    sample: Sample
    distance: float
    same: bool


class RankedQuery(NamedTuple):
    """A query and the gallery images nearest to it.

    Attributes:
        query: The query's image.
        matches: `Match`es, the nearest first.
        average_precision: A fraction; NaN where no other camera has seen the person.
        name: What the dataset calls the person.
    """

    query: Sample
    matches: tuple[Match, ...]
    average_precision: float
    name: str


def worst_queries(ranking, count):
    """Which queries were answered worst.

    Args:
        ranking: A `RankingResult`.
        count: How many, >= 1; fewer if there are not as many with a match.

    Returns:
        int64 array of query numbers, the lowest average precision first, and among equal ones the
        latest first match. Queries without a match are left out.

    >>> from osnet_tf.metrics import rank
    >>> query, gallery = [[0.0], [9.0], [5.0]], [[1.0], [8.0], [2.0]]
    >>> ranking = rank(query, gallery, [1, 2, 1], [1, 2, 3], [0, 0, 0], [1, 1, 1])
    >>> worst_queries(ranking, 2)
    array([2, 0])
    """
    check_int(count=count)
    order = np.lexsort((-ranking.first_match, ranking.average_precision))  # NaN stands last
    return order[: min(count, ranking.num_valid_queries)]


def rank_queries(
    features, dataset, ranking, chosen, *, k=10, metric="euclidean", camera_aware=True
):
    """The k nearest gallery images of some queries, as an evaluation ranks them.

    Args:
        features: `(num_query + num_gallery, dim)`: those of the queries, then of the gallery.
        dataset: The `ReidDataset`.
        ranking: Its `RankingResult` by the same features, which knows the average precisions.
        chosen: Numbers of queries.
        k: How many, >= 1; fewer where the gallery is smaller.
        metric: "euclidean" or "cosine".
        camera_aware: Whether images of the query's person by the query's own camera are out, where
            the dataset has cameras.

    Returns:
        A list of `RankedQuery`, in the order of `chosen`.

    Raises ArgumentError if k is no integer >= 1, or the features do not fit the dataset.
    """
    check_int(k=k)
    number = len(dataset.query)
    if len(features) != number + len(dataset.gallery):
        raise ArgumentError(
            f"features must have a row for each of {number} queries and {len(dataset.gallery)} "
            f"gallery images. Received: shape={np.shape(features)}"
        )
    chosen = np.asarray(chosen, np.int64)
    if not len(chosen):
        return []
    pids = np.array([sample.pid for sample in dataset.gallery])
    cameras = np.array([sample.camid for sample in dataset.gallery])
    found = []
    blocks = distance_blocks(features[:number][chosen], features[number:], metric=metric)
    for rows, block in blocks:
        for query, distances in zip(chosen[rows], block, strict=True):
            sample = dataset.query[query]
            same = pids == sample.pid
            own = same & (cameras == sample.camid) & (camera_aware and dataset.has_cameras)
            order = np.argsort(distances, kind="stable")
            order = order[~own[order]][:k]
            matches = [Match(dataset.gallery[i], float(distances[i]), bool(same[i])) for i in order]
            precision = float(ranking.average_precision[query])
            name = dataset.name_of(sample.pid)
            found.append(RankedQuery(sample, tuple(matches), precision, name))
    return found


def ranked_sheet(ranked, *, has_cameras=True, size=(128, 64)):
    """Draws queries and what they found: a row for each query.

    The query stands first. The others follow by distance, green-framed where they are of the same
    person and red where not; beneath each stand its camera and its distance.

    Args:
        ranked: `RankedQuery`s, at least one; their files are read.
        has_cameras: Whether to write cameras; c1 is camid 0.
        size: `(height, width)` of each picture in pixels.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        ImageError: a file cannot be read.
        ArgumentError: no query.
    """
    rows = [
        [
            Cell(read_rgb(one.query.path), query_lines(one, has_cameras), INK),
            *(
                Cell(
                    read_rgb(match.sample.path),
                    [match_line(match, has_cameras)],
                    SAME if match.same else DIFFERENT,
                )
                for match in one.matches
            ),
        ]
        for one in ranked
    ]
    return cell_sheet(rows, size=size, first_apart=True)


def query_lines(ranked, has_cameras):
    """What stands beneath a query: the person and camera, and its average precision."""
    precision = ranked.average_precision
    return [
        f"{ranked.name}, {_camera(ranked.query)}" if has_cameras else ranked.name,
        "no match" if np.isnan(precision) else f"AP {precision:.1%}",
    ]


def match_line(match, has_cameras):
    """What stands beneath a match: its camera and its distance."""
    distance = f"{match.distance:.3g}"
    return f"{_camera(match.sample)}: {distance}" if has_cameras else distance


def _camera(sample):
    return f"c{sample.camid + 1}"
