"""Pictures of a model and a dataset as files: what `train/visualize.py` writes."""

import os
from pathlib import Path

import numpy as np

from osnet_tf.checks import check_choice, check_int
from osnet_tf.data import ReidDataset, images_below, load_dataset
from osnet_tf.data.decoding import naming_bad_images
from osnet_tf.data.pillow_images import read_rgb
from osnet_tf.data.pipeline import image_dataset
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation.evaluating import embed_dataset
from osnet_tf.evaluation.feature_cache import FeatureCache
from osnet_tf.evaluation.measures import evaluate_features
from osnet_tf.evaluation.source import evaluation_dir
from osnet_tf.files import as_file_name, table_writer, whole_file
from osnet_tf.models import model_size
from osnet_tf.progress_bar import progress_bar
from osnet_tf.runs import RunDir, make_folder, source_of
from osnet_tf.visualize import gate_pictures
from osnet_tf.visualize.activation import activation_maps, similarity_maps
from osnet_tf.visualize.canvas import Cell, cell_sheet, in_columns
from osnet_tf.visualize.gates import all_gate_values, gated_blocks
from osnet_tf.visualize.maps import enlarged, heat, overlay
from osnet_tf.visualize.people_map import draw_people, require_scikit_learn, tsne
from osnet_tf.visualize.ranked import DIFFERENT, SAME, rank_queries, ranked_sheet, worst_queries
from osnet_tf.visualize.training import draw_training
from osnet_tf.weights import load_embedder

PICTURES = ("ranked", "activation", "similarity", "gates", "map", "curves")


def write_pictures(
    what,
    *,
    run_dir=None,
    model=None,
    dataset=None,
    data_dir=None,
    images=(),
    output_dir=None,
    count=8,
    worst=0,
    k=10,
    metric="euclidean",
    block="conv4_1",
    clusters=4,
    seed=0,
    batch_size=256,
    show_progress=False,
):
    """Draws a model's answers, or what goes on inside it, into PNG files.

    Args:
        what: "ranked": queries and what they found. "activation": where the last feature map is
            active. "similarity": which parts make two images alike. "gates": what the gates of a
            block open for each image, of all blocks over the dataset's queries, and images whose
            gates are alike. "map": the gallery by t-SNE. "curves": a run's training.
        run_dir, model, data_dir: As in `osnet_tf.runs.source_of`.
        dataset: Name of a dataset; the run's own by default.
        images: Image files or folders, in place of the dataset's queries, for "activation", "gates"
            and "similarity" (there pairs, one after the other).
        output_dir: Folder to write to; by default where evaluations of the model go, whose kept
            embeddings are used.
        count: How many queries, images or pairs; for "map" how many people, 0 for all.
        worst: Draw this many of the queries that were answered worst; 0: `count` at random.
        k: Gallery images of a query.
        metric: "euclidean" or "cosine".
        block: A block of the model, for "gates".
        clusters: Of images with like gates; 0 for none.
        seed: Decides which queries and people, clusters and t-SNE.
        batch_size: Images in a batch.
        show_progress: Progress bars on stderr.

    Returns:
        List of the files that were written, as Paths.

    Raises:
        ArgumentError: something unknown, out of its range, or that does not go together.
        OSNetError: as `source_of`, `load_dataset` and `load_embedder`.
        MissingPackageError: Matplotlib, or for "map" and clusters scikit-learn, is missing.
        ImageError: an image cannot be read.
        WriteError: a file cannot be written.
    """
    check_choice(PICTURES, do=what)
    check_choice(("euclidean", "cosine"), metric=metric)
    check_int(count=count if what != "map" else count + 1, k=k, batch_size=batch_size)
    check_int(minimum=0, worst=worst, clusters=clusters, seed=seed)
    if what == "curves":
        return _curves(run_dir, output_dir)
    if what == "map" or (what == "gates" and clusters):
        require_scikit_learn()
    if images and what in ("ranked", "map"):
        raise ArgumentError(f"A dataset is needed, not images, for {what!r}", argument="images")
    # Images need no dataset; the name that stands in for one is never loaded
    names = [dataset] if dataset else (["images"] if images else [])
    source = source_of(run_dir=run_dir, model=model, datasets=names, data_dir=data_dir)
    loaded = None if images else _people(source)
    embedder = load_embedder(source.model)
    folder = Path(output_dir or evaluation_dir(source.model, run_dir))
    make_folder(folder)
    case = _Case(embedder, loaded, folder, batch_size, show_progress)
    if what == "ranked":
        return case.ranked(worst or count, bool(worst), k, metric, seed)
    if what == "map":
        return case.people(count, seed)
    paths = _files(images) if images else None
    if what == "activation":
        return case.activation(paths or case.some_queries(count, seed))
    if what == "similarity":
        return case.similarity(paths, worst or count, bool(worst), metric, seed)
    return case.gates(paths, count, block, clusters, seed)


class _Case:
    """A model, a dataset or None, and where their pictures go."""

    def __init__(self, embedder, dataset, folder, batch_size, show_progress):
        self._embedder, self._dataset, self._folder = embedder, dataset, folder
        self._batch_size, self._show_progress = batch_size, show_progress
        self._size = model_size(embedder)

    def ranked(self, number, worst, k, metric, seed):
        ranked = self._ranked(number, worst, k, metric, seed)
        sheet = ranked_sheet(ranked, has_cameras=self._dataset.has_cameras)
        return [self._save("ranked.png", sheet)]

    def activation(self, paths):
        pixels = self._pixels(paths)
        maps = activation_maps(self._embedder, pixels)
        cells = []
        for path, image, values in zip(paths, pixels, maps, strict=True):
            colours = heat(enlarged(values, self._size))
            over = overlay(image, values)
            cells.append([Cell(image, [os.path.basename(path)]), Cell(colours), Cell(over)])
        rows = [[cell for three in row for cell in three] for row in in_columns(cells, 3)]
        return [self._save("activation.png", cell_sheet(rows, size=_shown_size(self._size)))]

    def similarity(self, paths, number, worst, metric, seed):
        if paths is None:
            ranked = self._ranked(number, worst, 1, metric, seed)
            pairs = [(one.query.path, one.matches[0].sample.path) for one in ranked if one.matches]
            frames = [SAME if one.matches[0].same else DIFFERENT for one in ranked if one.matches]
        else:
            if len(paths) % 2:
                raise ArgumentError(
                    f"Pairs of images are compared. Received: {len(paths)} images",
                    argument="images",
                )
            pairs = list(zip(paths[::2], paths[1::2], strict=True))
            frames = [None] * len(pairs)
        first, second = (self._pixels(list(part)) for part in zip(*pairs, strict=True))
        one_map, other_map, cosines = similarity_maps(self._embedder, first, second)
        rows = []
        for i, (cosine, frame) in enumerate(zip(cosines, frames, strict=True)):
            # Grad-CAM's ReLU: what makes them alike. One scale for both
            maps = [np.maximum(values[i], 0) for values in (one_map, other_map)]
            rows.append(
                [
                    Cell(first[i], [f"cosine {cosine:.3f}"]),
                    Cell(overlay(first[i], maps[0])),
                    Cell(overlay(second[i], maps[1])),
                    Cell(second[i], ["nearest" if frame else ""], frame),
                ]
            )
        rows = [[cell for four in row for cell in four] for row in in_columns(rows, 2)]
        return [self._save("similarity.png", cell_sheet(rows, size=_shown_size(self._size)))]

    def gates(self, paths, count, block, clusters, seed):
        check_choice(gated_blocks(self._embedder), block=block)
        everything = paths or [sample.path for sample in self._dataset.query]
        if clusters > len(everything):
            raise ArgumentError(
                f"`clusters` must be <= the {len(everything)} images. Received: {clusters}",
                argument="clusters",
            )
        batches = image_dataset(everything, self._size, min(self._batch_size, 64))
        with (
            naming_bad_images(everything),
            progress_bar(self._show_progress, len(everything), "gates") as progress,
        ):
            values = all_gate_values(self._embedder, _counted(batches, progress))
        some = paths[:count] if paths else self.some_queries(count, seed)
        chosen = [everything.index(path) for path in some]
        gates, statistics, table = map(self._path, ("gates.png", "gate_means.png", "gates.csv"))
        gate_pictures.draw_gates(gates, self._pixels(some), values[block][chosen], block=block)
        gate_pictures.draw_gate_statistics(statistics, values)
        table_writer(table, (".csv",))(gate_pictures.gate_statistics(values))
        written = [gates, statistics, table]
        if clusters:
            members, middles = gate_pictures.gate_clusters(
                values[block], clusters=clusters, seed=seed
            )
            shown = [[read_rgb(everything[image]) for image in one] for one in members]
            written.append(self._path("gate_clusters.png"))
            gate_pictures.draw_gate_clusters(written[-1], shown, middles, block=block)
        return written

    def people(self, count, seed):
        features, dataset = self._features(), self._dataset
        pids = np.array([sample.pid for sample in dataset.gallery])
        if count:
            people = np.unique(pids[pids > 0])
            chosen = np.random.default_rng(seed).permutation(people)[:count]
            kept = np.flatnonzero(np.isin(pids, chosen))
        else:
            kept = np.arange(len(pids))
        plane = tsne(features[len(dataset.query) :][kept], seed=seed)
        camids = [dataset.gallery[i].camid for i in kept] if dataset.has_cameras else None
        path = self._path("map.png")
        draw_people(path, plane, pids[kept], camids=camids, names=dataset.names)
        return [path]

    def some_queries(self, count, seed):
        """Paths of some queries, in the dataset's order."""
        return [self._dataset.query[i].path for i in self._chosen(count, seed)]

    def _chosen(self, count, seed):
        return np.sort(np.random.default_rng(seed).permutation(len(self._dataset.query))[:count])

    def _ranked(self, number, worst, k, metric, seed):
        features, dataset = self._features(), self._dataset
        found = evaluate_features(features, dataset, metrics=(metric,))
        ranking = found.rankings[metric]
        chosen = worst_queries(ranking, number) if worst else self._chosen(number, seed)
        return rank_queries(features, dataset, ranking, chosen, k=k, metric=metric)

    def _features(self):
        return embed_dataset(
            self._embedder,
            self._dataset,
            batch_size=self._batch_size,
            cache=FeatureCache(self._folder / "features"),
            show_progress=self._show_progress,
        )

    def _pixels(self, paths):
        """What the model sees of some images, uint8 `(n, height, width, 3)`."""
        with naming_bad_images(paths):
            return np.concatenate(list(image_dataset(paths, self._size, 64).as_numpy_iterator()))

    def _path(self, end):
        name = as_file_name(self._dataset.name if self._dataset else "images")
        return self._folder / f"{name}_{end}"

    def _save(self, end, sheet):
        path = self._path(end)
        with whole_file(path) as new:
            sheet.save(new, "PNG")
        return path


def _curves(run_dir, output_dir):
    if not run_dir:
        raise ArgumentError("Give the run whose curves to draw", argument="run_dir")
    run = RunDir(run_dir)
    run.read_settings()
    path = Path(output_dir or run.path) / "metrics.png"
    make_folder(path.parent)
    draw_training(path, run.metrics_csv)
    return [path]


def _people(source):
    if len(source.datasets) > 1 or "," in source.datasets[0]:
        raise ArgumentError(
            f"One dataset is drawn at a time. Received: {', '.join(source.datasets)}",
            argument="dataset",
        )
    split = {"split_identities": source.split_identities, "seed": source.seed}
    found = load_dataset(source.datasets[0], source.data_dir, **split)
    if not isinstance(found, ReidDataset) or not found.query or not found.gallery:
        raise ArgumentError(
            f"A dataset of people with query and gallery is needed. Received: {found.name}",
            argument="dataset",
        )
    return found


def _files(images):
    """All image files of a list of files and folders."""
    return [
        path
        for one in map(os.fspath, images)
        for path in (images_below(one).paths if os.path.isdir(one) else [one])
    ]


def _shown_size(size):
    """Pictures 128 high, and as wide as the model's images are for it."""
    return 128, max(1, round(128 * size[1] / size[0]))


def _counted(batches, progress):
    for batch in batches:
        yield batch
        if progress is not None:
            progress(len(batch))
