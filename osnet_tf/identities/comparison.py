"""Average link and DBSCAN on the same distances of a dataset's test people."""

import time
from typing import NamedTuple

import numpy as np

from osnet_tf.errors import MissingPackageError
from osnet_tf.identities.constraints import cannot_link
from osnet_tf.identities.dendrogram import Dendrogram
from osnet_tf.identities.images import Source
from osnet_tf.identities.measures import IdentityScores, score_identities
from osnet_tf.identities.pairs import pair_distances, starts
from osnet_tf.identities.tracklets import join_tracklets
from osnet_tf.identities.views import views_of_names
from osnet_tf.metrics import verify

MIN_SAMPLES = (2, 4, 8)
STEPS = 24


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


def compare_clusterings(model, dataset, *, progress=None, show_progress=False):
    """Clusters the query and gallery people of a dataset, without junk and distractors.

    Every setting is chosen on the training people, by pairwise F1: the threshold of average link
    (and for comparison two of their calibration, `verify`), and of DBSCAN (Ester et al. 1996;
    scikit-learn's) its radius, of 24, and `min_samples`, 2, 4 or 8. What DBSCAN calls noise are
    identities of one image. Where names of files tell frames (Market-1501, DukeMTMC-reID), also
    with "not twice in a frame of a camera", and for tracklets as a perfect tracker gives them: a
    person's images in one sequence of one camera.

    Args:
        model: A `.keras` file of an embedder.
        dataset: A `ReidDataset`.
        progress: Called with 1 after each; may be None.
        show_progress: A progress bar on stderr while images are embedded.

    Returns:
        List of `Compared`.

    Raises:
        MissingPackageError: scikit-learn is not installed.
        OSNetError: as `identify_images`.
    """
    _require_sklearn()
    source = Source(model, show_progress=show_progress)
    train, test = source.train_people(dataset), source.test_people(dataset)
    views = [views_of_names([s.path for s in part.samples], None) for part in (train, test)]
    rows = []

    def add(row):
        rows.append(row)
        if progress is not None:
            progress(1)

    for rerank in (False, True):
        kind = "re-ranked" if rerank else "cosine"
        pairs = [pair_distances(part.features, rerank=rerank) for part in (train, test)]
        add(_average_link(kind, pairs, train.pids, test.pids))
        radius = 1.5 * rows[-1].threshold
        if not rerank:
            for fpr, threshold in _calibrated(train):
                row = _average_link(kind, pairs, train.pids, test.pids, threshold=threshold)
                add(row._replace(name=f"{row.name}, FPR {fpr:g}"))
        add(_dbscan(kind, pairs, train.pids, test.pids, radius))
        if views[1].times is not None:
            forbidden = cannot_link(views[1].camids, views[1].times)
            row = _average_link(kind, pairs, train.pids, test.pids, forbidden)
            add(row._replace(name=f"{row.name}, not twice in a frame"))
        del pairs
    if all(view.times is not None for view in views):
        joined = [
            _true_tracklets(part, view) for part, view in zip((train, test), views, strict=True)
        ]
        pids = [_first(part.pids, one) for part, one in zip((train, test), joined, strict=True)]
        for forbidden in (None, cannot_link(joined[1].camids, joined[1].times)):
            pairs = [pair_distances(one.features) for one in joined]
            row = _average_link("cosine", pairs, *pids, forbidden, joined[1].members, test.pids)
            suffix = "" if forbidden is None else ", not two at a time"
            add(row._replace(name=f"{row.name}, {len(pids[1])} tracklets{suffix}"))
    return rows


def _calibrated(people):
    """`(rate, threshold)` of false positives among the people's cosine distances."""
    features, pids = people.features, people.pids
    camids = [sample.camid for sample in people.samples]
    options = {"fprs": (1e-3, 1e-4), "metric": "cosine"}
    found = verify(features, features, pids, pids, camids, camids, **options)
    return zip(found.fprs, map(float, found.thresholds), strict=True)


def _average_link(
    kind, pairs, train_pids, pids, forbidden=None, members=None, image_pids=None, threshold=None
):
    if threshold is None:
        threshold, _ = Dendrogram(pairs[0]).best_threshold(train_pids)
    start = time.perf_counter()
    tree = Dendrogram(pairs[1], forbidden)
    found = tree.cut(threshold)
    seconds = time.perf_counter() - start
    name = f"average link, {kind}"
    if members is None:
        return Compared(
            name, threshold, score_identities(found, pids), tree.best_threshold(pids)[1], seconds
        )
    best = score_identities(tree.cut(tree.best_threshold(pids)[0])[members], image_pids).f1
    return Compared(name, threshold, score_identities(found[members], image_pids), best, seconds)


def _dbscan(kind, pairs, train_pids, pids, radius):
    graphs = [_graph(one, radius) for one in pairs]
    settings = [
        (step * radius / STEPS, samples) for step in range(1, STEPS + 1) for samples in MIN_SAMPLES
    ]
    f1 = [score_identities(run_dbscan(graphs[0], *one), train_pids).f1 for one in settings]
    eps, samples = settings[int(np.argmax(f1))]
    start = time.perf_counter()
    found = run_dbscan(graphs[1], eps, samples)
    seconds = time.perf_counter() - start
    best = max(score_identities(run_dbscan(graphs[1], *one), pids).f1 for one in settings)
    name = f"DBSCAN, {kind}, min_samples={samples}"
    return Compared(name, eps, score_identities(found, pids), best, seconds)


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


def _first(values, joined):
    """The value of each tracklet's images, which have one."""
    out = np.empty(len(joined.features), values.dtype)
    out[joined.members] = values
    return out


def _require_sklearn():
    try:
        import sklearn.cluster  # noqa: F401
    except ImportError:
        raise MissingPackageError(
            "The comparison with DBSCAN needs scikit-learn, which is not installed: "
            "pip install scikit-learn"
        ) from None
