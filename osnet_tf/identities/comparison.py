"""Average link and DBSCAN on the same distances of a dataset's test people."""

import time
from typing import NamedTuple

import numpy as np

from osnet_tf.checks import optional_package
from osnet_tf.errors import ArgumentError
from osnet_tf.identities.constraints import cannot_link
from osnet_tf.identities.dendrogram import Dendrogram
from osnet_tf.identities.images import Source
from osnet_tf.identities.measures import IdentityScores, score_identities
from osnet_tf.identities.pairs import pair_distances, starts
from osnet_tf.identities.tracklets import join_tracklets
from osnet_tf.identities.views import views_of_names

MIN_SAMPLES = (2, 4, 8)
STEPS = 12


class Compared(NamedTuple):
    """One way of clustering the test people.

    Attributes:
        name: Which.
        threshold: The distance that was chosen on the training people.
        scores: `IdentityScores` on the test people at that threshold.
        best_f1: The highest pairwise F1 that any threshold has on the test people: what a perfect
            choice would have given.
        seconds: Of the clustering, without the distances.
    """

    name: str
    threshold: float
    scores: IdentityScores
    best_f1: float
    seconds: float


def compare_clusterings(model, dataset, *, show_progress=False):
    """Clusters the query and gallery people of a dataset, without junk and distractors.

    Every setting is chosen on the training people, by pairwise F1: the threshold of average link
    (and for comparison those at two of their false-positive rates), and of DBSCAN (Ester et al.
    1996; scikit-learn's) its radius, of 12 up to that threshold, and `min_samples`, 2, 4 or 8. What
    DBSCAN calls noise are identities of one image. Where names of files tell frames (Market-1501,
    DukeMTMC-reID), also with "not twice in a frame of a camera", and for tracklets as a perfect
    tracker gives them: a person's images in one sequence of one camera.

    Args:
        model: A `.keras` file of an embedder.
        dataset: A `ReidDataset`.
        show_progress: A progress bar on stderr while images are embedded.

    Yields:
        `Compared`.

    Raises:
        MissingPackageError: scikit-learn is not installed.
        OSNetError: as `identify_images`.
    """
    _require_sklearn()
    source = Source(model, show_progress=show_progress)
    train, test = source.train_people(dataset), source.test_people(dataset)
    views = [views_of_names([s.path for s in part.samples]) for part in (train, test)]
    for kind, rerank in (("cosine", False), ("re-ranked", True)):
        yield from _ways(kind, rerank, train, test, views[1])
    if all(view.times is not None for view in views):
        yield from _tracklet_ways(train, test, views)


def _ways(kind, rerank, train, test, views):
    """The `Compared` of one distance."""
    pairs = pair_distances(train.features, rerank=rerank)
    threshold, _ = Dendrogram(pairs).best_threshold(train.pids)
    chosen = {"": threshold}
    if not rerank:
        chosen |= {f", FPR {fpr:g}": _at_fpr(pairs, train.pids, fpr) for fpr in (1e-3, 1e-4)}
    settings = [
        (step * threshold / STEPS, samples)
        for step in range(1, STEPS + 1)
        for samples in MIN_SAMPLES
    ]
    f1 = [score.f1 for score in _dbscan_scores(_graph(pairs, threshold), settings, train.pids)]
    setting = int(np.argmax(f1))
    pairs = pair_distances(test.features, rerank=rerank)
    start = time.perf_counter()
    graph = _graph(pairs, threshold)
    run_dbscan(graph, *settings[setting])
    seconds = time.perf_counter() - start
    scores = list(_dbscan_scores(graph, settings, test.pids))
    yield Compared(
        f"DBSCAN, {kind}, min_samples={settings[setting][1]}",
        settings[setting][0],
        scores[setting],
        max(score.f1 for score in scores),
        seconds,
    )
    yield from _average_link(f"average link, {kind}", pairs, chosen, test.pids)
    if views.times is not None:
        forbidden = cannot_link(views.camids, views.times)
        name = f"average link, {kind}, not twice in a frame"
        yield from _average_link(name, pairs, {"": threshold}, test.pids, forbidden)


def _tracklet_ways(train, test, views):
    """The `Compared` of true tracklets; the scores are of their images."""
    joined = [_true_tracklets(*one) for one in zip((train, test), views, strict=True)]
    train_pids = _of_tracklets(train.pids, joined[0])
    threshold, _ = Dendrogram(pair_distances(joined[0].features)).best_threshold(train_pids)
    pairs = pair_distances(joined[1].features)
    name = f"average link, cosine, {len(joined[1].features)} tracklets"
    for suffix, forbidden in (
        ("", None),
        (", not two at a time", cannot_link(joined[1].camids, joined[1].times)),
    ):
        yield from _average_link(
            name + suffix, pairs, {"": threshold}, test.pids, forbidden, joined[1].members
        )


def _average_link(name, pairs, thresholds, pids, forbidden=None, members=slice(None)):
    """A `Compared` for each threshold; with `forbidden`, `pairs` are overwritten."""
    start = time.perf_counter()
    tree = Dendrogram(pairs, forbidden)
    seconds = time.perf_counter() - start
    own = np.empty(tree.num_images, pids.dtype)
    own[np.arange(tree.num_images)[members]] = pids
    best = score_identities(tree.cut(tree.best_threshold(own)[0])[members], pids).f1
    for suffix, threshold in thresholds.items():
        scores = score_identities(tree.cut(threshold)[members], pids)
        yield Compared(name + suffix, threshold, scores, best, seconds)


def _at_fpr(distances, pids, fpr):
    """The threshold at which so large a share of the pairs of different people is accepted."""
    first, second = np.triu_indices(len(pids), 1)
    different = distances[pids[first] != pids[second]]
    if not len(different):
        raise ArgumentError("A threshold is chosen on two people at least. Received: one")
    allowed = int(fpr * len(different))
    return float(np.nextafter(np.partition(different, allowed)[allowed], 0))


def _dbscan_scores(graph, settings, pids):
    for setting in settings:
        yield score_identities(run_dbscan(graph, *setting), pids)


def run_dbscan(graph, eps, min_samples):
    """Labels of scikit-learn's DBSCAN; each image of its noise gets one of its own."""
    from sklearn.cluster import DBSCAN

    labels = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit_predict(graph)
    noise = np.flatnonzero(labels < 0)
    labels[noise] = labels.max() + 1 + np.arange(len(noise))
    return labels


def _graph(distances, radius):
    """CSR `(n, n)` of the pairs within a radius, each row by distance, as scikit-learn wants it."""
    from scipy.sparse import coo_array
    from sklearn.neighbors import sort_graph_by_row_values

    n = round((1 + np.sqrt(1 + 8 * len(distances))) / 2)
    before = starts(n)
    at = np.flatnonzero(distances <= radius)
    i = np.searchsorted(before + np.arange(n) + 1, at, side="right") - 1
    j = at - before[i]
    rows, columns = np.concatenate([i, j, np.arange(n)]), np.concatenate([j, i, np.arange(n)])
    values = np.concatenate([distances[at], distances[at], np.zeros(n)])
    graph = coo_array((values, (rows, columns)), shape=(n, n)).tocsr()
    return sort_graph_by_row_values(graph, warn_when_not_sorted=False)


def _true_tracklets(people, views):
    names = [
        f"{pid} {camid} {int(frame) // 10**9}"
        for pid, camid, frame in zip(people.pids, views.camids, views.times, strict=True)
    ]
    return join_tracklets(people.features, names, views.camids, views.times)


def _of_tracklets(values, joined):
    """The value of each tracklet's images, which have one."""
    out = np.empty(len(joined.features), values.dtype)
    out[joined.members] = values
    return out


def _require_sklearn():
    with optional_package(
        "The comparison with DBSCAN needs scikit-learn", "pip install scikit-learn"
    ):
        import sklearn.cluster  # noqa: F401
