"""Images to identities: what `train/identities.py` does."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from osnet_tf.data import ReidDataset, images_below, load_dataset
from osnet_tf.data.image_files import ImageError
from osnet_tf.embedding import Embeddings, embed, embed_paths
from osnet_tf.errors import ArgumentError, NotFoundError
from osnet_tf.evaluation.feature_cache import FeatureCache
from osnet_tf.evaluation.thresholds import find_calibration
from osnet_tf.files import check_texts, table_writer
from osnet_tf.identities.clustering import identify
from osnet_tf.identities.dendrogram import Dendrogram
from osnet_tf.identities.measures import IdentityScores, score_identities
from osnet_tf.identities.pairs import pair_distances
from osnet_tf.identities.views import read_views, views_of_names
from osnet_tf.progress_bar import progress_bar
from osnet_tf.weights import load_embedder


class Identified(NamedTuple):
    """What `identify_images` returns.

    Attributes:
        paths: The images, as in the file that was written.
        identities: int64, one of each.
        threshold: The distance that clusters were joined up to.
        scores: `IdentityScores` where the people are known, else None.
        failed: `(path, reason)` of each file that cannot be read.
    """

    paths: list[str]
    identities: np.ndarray
    threshold: float
    scores: IdentityScores | None
    failed: tuple[tuple[str, str], ...]


def identify_images(
    model,
    output,
    *,
    images=None,
    dataset=None,
    data_dir="data",
    views=None,
    threshold=None,
    choose_on=None,
    fpr=1e-3,
    calibrated_on=None,
    metric="cosine",
    rerank=False,
    cannot_link="none",
    batch_size=256,
    show_progress=False,
):
    """Finds out which images show the same person, and writes a CSV of path and identity.

    Args:
        model: A `.keras` file of an embedder.
        output: The file to write.
        images: A folder; every image below it is one crop. Paths are relative to it.
        dataset: In its place, the name of a dataset whose query and gallery, without junk and
            distractors, are the crops. The people count only for the scores.
        data_dir: Folder of the datasets.
        views: A CSV file that tells cameras, times and tracklets, as `read_views`; by default the
            images' names do, as far as they can.
        threshold: The mean distance up to which clusters are joined.
        choose_on: Or the name of a dataset: the threshold by which its *training* people are
            clustered best (pairwise F1).
        fpr, calibrated_on: Or else that of `find_calibration`, measured on the dataset
            `calibrated_on`; not for re-ranked distances.
        metric, rerank: As in `pair_distances`.
        cannot_link: A rule of `Views.options`.
        batch_size: Images in a batch.
        show_progress: Progress bars on stderr.

    Returns:
        `Identified`.

    Raises:
        NotFoundError: there is no such model, folder, table or dataset, or no calibration.
        FileError: the table, or the file of calibrations, is damaged.
        ImageError: an image of a dataset, or each of a folder, cannot be read.
        WriteError: the output cannot be written.
        ArgumentError: arguments that are none of these or do not go together; no such calibration.

    >>> identify_images("x.keras", "out.csv", images="crops", dataset="demo")
    Traceback (most recent call last):
    osnet_tf.errors.ArgumentError: Give images or a dataset, one of them. Received: \
images='crops', dataset='demo'
    """
    write = table_writer(output, (".csv",), name="output")
    if (images is None) == (dataset is None):
        raise ArgumentError(
            "Give images or a dataset, one of them. "
            f"Received: images={images!r}, dataset={dataset!r}"
        )
    if threshold is not None and choose_on is not None:
        raise ArgumentError(
            "Give a threshold, or a dataset to choose it on. "
            f"Received: threshold={threshold}, choose_on={choose_on!r}"
        )
    if not Path(model).exists():
        raise NotFoundError(f"There is no model {model}")
    if threshold is None and choose_on is None:
        if rerank:
            raise ArgumentError(
                "Re-ranked distances have no calibration: give a threshold, or a dataset whose "
                "training people choose it (choose_on)",
                argument="threshold",
            )
        calibration = find_calibration(model, metric=metric, fpr=fpr, dataset=calibrated_on)
        threshold = calibration.threshold
    source = Source(model, batch_size=batch_size, show_progress=show_progress)
    options = {"metric": metric, "rerank": rerank}
    if dataset is None:
        paths, features, failed = source.folder(images)
        names, known, pids = [Path(p).relative_to(images).as_posix() for p in paths], None, None
    else:
        people = source.test_people(load_people(dataset, data_dir))
        names, features, failed = [s.path for s in people.samples], people.features, ()
        known, pids = [s.camid for s in people.samples], people.pids
    check_texts(output, names)
    rules = (views_of_names(names, known) if views is None else read_views(views, names)).options(
        cannot_link
    )
    if choose_on is not None:
        people = source.train_people(load_people(choose_on, data_dir))
        threshold = choose_threshold(people.features, people.pids, **options)
    with progress_bar(show_progress, None, "clustering") as count:
        found = identify(features, threshold, progress=count, **rules, **options)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    write({"path": names, "identity": found})
    scores = None if pids is None else score_identities(found, pids)
    return Identified(names, found, float(threshold), scores, failed)


def choose_threshold(features, pids, *, metric="cosine", rerank=False):
    """The threshold by which images of known people are clustered best, by pairwise F1.

    >>> choose_threshold([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [4, 4, 2])
    0.5
    """
    distances = pair_distances(features, metric=metric, rerank=rerank)
    return Dendrogram(distances).best_threshold(pids)[0]


def load_people(name, data_dir):
    """A `ReidDataset` by its name; ArgumentError for one of anything but people."""
    dataset = load_dataset(name, data_dir)
    if not isinstance(dataset, ReidDataset):
        raise ArgumentError(f"{name} is no dataset of people", argument="dataset")
    return dataset


class People(NamedTuple):
    """Embedded images of known people: `Sample`s, float32 `(n, D)`, int64 `(n,)`."""

    samples: list
    features: np.ndarray
    pids: np.ndarray


class Source:
    """Embeds, and finds again what an evaluation of the same file has embedded.

    Args:
        model: A `.keras` file of an embedder.
        batch_size, show_progress: As in `identify_images`.
    """

    def __init__(self, model, *, batch_size=256, show_progress=False):
        model = Path(model)
        if not model.exists():
            raise NotFoundError(f"There is no model {model}")
        self._embedder = load_embedder(model)
        self._cache = FeatureCache(model.with_name(f"{model.stem}_evaluation") / "features")
        self._options = {"batch_size": batch_size}
        self._show = show_progress

    def folder(self, folder):
        """`(paths, features, failed)` of the images below a folder, without those that cannot be
        read."""
        paths = images_below(folder).paths
        found = Embeddings(tuple(paths), None)

        def embed_all():
            nonlocal found
            with progress_bar(self._show, len(paths), "embedding") as count:
                found = embed(
                    self._embedder, paths, on_error="skip", progress=count, **self._options
                )
            return found.embeddings

        # What is kept of a folder with an unreadable file has too few rows, and is not taken again
        name = os.path.abspath(folder)
        features = self._cache.get(name, self._embedder, paths, False, embed_all)
        if not found.paths:
            raise ImageError(f"None of the images below {folder} can be read")
        return found.paths, features, found.failed

    def test_people(self, dataset):
        """The `People` of query and gallery, without distractors."""
        return self._people(dataset.name, [*dataset.query, *dataset.gallery])

    def train_people(self, dataset):
        """The `People` of a dataset that models learn from."""
        return self._people(f"{dataset.name}_train", list(dataset.train))

    def _people(self, name, samples):
        if not any(sample.pid > 0 for sample in samples):
            raise ArgumentError(f"{name} has no people to cluster", argument="dataset")
        paths = [sample.path for sample in samples]

        def embed_all():
            with progress_bar(self._show, len(paths), f"embedding {name}") as count:
                return embed_paths(self._embedder, paths, progress=count, **self._options)

        features = self._cache.get(name, self._embedder, paths, False, embed_all)
        kept = [k for k, sample in enumerate(samples) if sample.pid > 0]
        samples = [samples[k] for k in kept]
        return People(samples, features[kept], np.array([s.pid for s in samples]))
