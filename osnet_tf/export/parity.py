"""Does an artefact do what the Keras model does? On real images, in figures, with limits."""

from typing import NamedTuple

import numpy as np

from osnet_tf.data import ReidDataset
from osnet_tf.data.decoding import naming_bad_images
from osnet_tf.data.pipeline import image_dataset
from osnet_tf.embedding import inference_function
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation import EvaluationConfig, evaluate_features
from osnet_tf.export.config import EVALUATIONS
from osnet_tf.export.litert_graph import inspect_litert
from osnet_tf.export.onnx import onnx_operators
from osnet_tf.export.runners import in_batches, runner
from osnet_tf.models import model_size

#: "auto" evaluates test sets of up to so many images in full, larger ones on a sample.
FULL_UP_TO = 2000
#: Images of a sample.
SAMPLE = 1000
#: Query images that are embedded where nothing is evaluated.
UNEVALUATED = 100
#: By which distance images are ranked, as the public code does.
METRIC = "euclidean"
_CHUNK = 256


class Comparison(NamedTuple):
    """What `compare` found.

    Attributes:
        keras: Dict of the Keras model: `rank1`, `mAP`, fractions in [0, 1] or None.
        artefacts: A dict for each artefact: `rank1`, `mAP`; `cosine_min`, `cosine_mean`;
            `map_change` in percentage points or None; `error`, what its runtime said if it does
            not run, else None (its embeddings are NaN then, which counts as a cosine and an mAP of
            0); `operators`, a dict from operator to number, or None; and for LiteRT files
            `partitions` and `undelegated`, else None.
        embeddings: Those of the Keras model, float32 `(num_images, dim)`.
    """

    keras: dict
    artefacts: list
    embeddings: np.ndarray


def cosines(a, b):
    """Cosines between the rows of two `(n, dim)` arrays; two zero rows count as equal, one as 0.

    >>> cosines(np.eye(2), np.array([[1.0, 1.0], [0.0, 2.0]])).round(4).tolist()
    [0.7071, 1.0]
    """
    a, b = (np.asarray(x, "float64") for x in (a, b))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    both_zero = ~a.any(axis=1) & ~b.any(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.sum(a * b, axis=1) / norms
    return np.where(both_zero, 1.0, np.where(norms == 0, 0.0, found))


def smallest_cosine(a, b):
    """The smallest of `cosines`.

    >>> smallest_cosine(np.eye(2), np.array([[1.0, 0.0], [0.0, 2.0]]))
    1.0
    """
    return float(np.min(cosines(a, b)))


def choose_images(dataset, evaluation="auto"):
    """Which images the artefacts are compared on.

    Args:
        dataset: A `ReidDataset` with query and gallery.
        evaluation: "full", the whole test set; "sample", about 1000 images: people evenly spaced
            through the queries, with all their gallery images and an equal number of junk and
            distractors, which is easier than the whole set, so its figures compare artefacts
            and nothing else; "none", 100 query images and no ranking; "auto", "full" up to 2000
            images and else "sample".

    Returns:
        (a `ReidDataset` without train, its gallery empty for "none"; which evaluation it is).

    >>> from osnet_tf.data import Sample
    >>> people = [Sample(f"{i}", i, 0) for i in range(1, 301)]
    >>> small, evaluation = choose_images(ReidDataset("tiny", (), people, people), "none")
    >>> len(small.query), len(small.gallery), evaluation
    (100, 0, 'none')
    """
    if evaluation not in EVALUATIONS:
        raise ArgumentError(
            f"`evaluation` must be one of {', '.join(EVALUATIONS)}. "
            f"Received: evaluation={evaluation!r}"
        )
    number = len(dataset.query) + len(dataset.gallery)
    if evaluation == "auto":
        evaluation = "full" if number <= FULL_UP_TO else "sample"
    if evaluation == "none":
        return dataset._replace(train=(), query=_spaced(dataset.query, UNEVALUATED), gallery=()), (
            evaluation
        )
    if evaluation == "full" or number <= SAMPLE:
        return dataset._replace(train=()), "full"
    pids = sorted({sample.pid for sample in dataset.query})
    while True:
        kept = set(pids)
        query = tuple(s for s in dataset.query if s.pid in kept)
        matches = tuple(s for s in dataset.gallery if s.pid in kept)
        if len(query) + len(matches) <= SAMPLE // 2 or len(pids) == 1:
            break
        pids = list(_spaced(pids, max(1, len(pids) * 4 // 5)))
    others = tuple(s for s in dataset.gallery if s.pid not in kept)
    gallery = matches + tuple(_spaced(others, SAMPLE - len(query) - len(matches)))
    return ReidDataset(dataset.name, (), query, gallery), "sample"


def compare(embedder, artefacts, dataset, *, evaluate=True, num_threads=2, progress=None):
    """Embeds the same images with the Keras model and with each artefact, and compares.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns.
        artefacts: `Artefact`s of it.
        dataset: What `choose_images` returned.
        evaluate: Whether Rank-1 and mAP are computed.
        num_threads: Threads of LiteRT and ONNX Runtime.
        progress: Called with the number of images of each finished batch; may be None.

    Returns:
        `Comparison`.

    Raises:
        ImageError: an image cannot be read; the message names it.
        ImportError: an artefact's runtime is not installed.
    """
    paths = [sample.path for sample in (*dataset.query, *dataset.gallery)]
    keras_model, size = inference_function(embedder), embedder.output_shape[-1]
    runs = [_Guarded(artefact, num_threads) for artefact in artefacts]
    expected, found = [], [[] for _ in artefacts]
    with naming_bad_images(paths):
        for batch in image_dataset(paths, model_size(embedder), _CHUNK):
            images = batch.numpy()
            expected.append(keras_model(images).numpy())
            for run, parts in zip(runs, found, strict=True):
                parts.append(run(images, size))
            if progress is not None:
                progress(len(images))
    expected = np.concatenate(expected)
    reference = _ranks(expected, dataset, evaluate)
    rows = []
    for run, parts in zip(runs, found, strict=True):
        embeddings = np.concatenate(parts)
        agreement = np.nan_to_num(cosines(expected, embeddings), nan=0.0)
        ranks = _ranks(embeddings, dataset, evaluate)
        change = 100 * (ranks["mAP"] - reference["mAP"]) if evaluate else None
        rows.append(
            {
                "cosine_min": float(agreement.min()),
                "cosine_mean": float(agreement.mean()),
                **ranks,
                "map_change": change,
                "error": run.error,
                **_graph(run),
            }
        )
    return Comparison(reference, rows, expected)


def problems(row, tolerance):
    """What is wrong with an artefact, given its row of `compare`.

    Returns:
        A list of sentences, empty if the artefact is within its `Tolerance`.

    >>> from osnet_tf.export.config import Tolerance
    >>> row = {"cosine_min": 0.95, "map_change": -0.25, "error": None}
    >>> problems(row, Tolerance(min_cosine=0.9, max_map_drop=0.2))
    ['loses 0.250 points of mAP, of which 0.2 are allowed (0.050 too many)']
    """
    if row["error"]:
        return [f"does not run: {row['error']}"]
    found = []
    cosine, change = row["cosine_min"], row["map_change"]
    if not cosine >= tolerance.min_cosine:  # NaN too
        found.append(
            f"has a smallest cosine of {cosine:.6f} to the Keras model, at least "
            f"{tolerance.min_cosine} is asked for ({tolerance.min_cosine - cosine:.6f} too little)"
        )
    if change is not None and not -change <= tolerance.max_map_drop:
        found.append(
            f"loses {-change:.3f} points of mAP, of which {tolerance.max_map_drop} are allowed "
            f"({-change - tolerance.max_map_drop:.3f} too many)"
        )
    return found


def thresholds_of(embeddings, dataset):
    """`Calibration`s of the cosine distance, one for each usual false-positive rate.

    Args:
        embeddings: `(num_query + num_gallery, dim)`, those of the queries first.
        dataset: A `ReidDataset` with query and gallery in the same order.
    """
    found = evaluate_features(embeddings, dataset, EvaluationConfig(), metrics=("cosine",))
    verified = found.verifications["cosine"]
    return [verified.calibration(fpr, dataset.name) for fpr in verified.fprs]


def _ranks(embeddings, dataset, evaluate):
    # Ranking refuses what is not finite; an artefact that gives such has no rank
    if not evaluate:
        return {"rank1": None, "mAP": None}
    if not np.isfinite(embeddings).all():
        return {"rank1": 0.0, "mAP": 0.0}
    scores = evaluate_features(embeddings, dataset, metrics=(METRIC,)).scores[METRIC]
    return {"rank1": scores.rank1, "mAP": scores.mAP}


class _Guarded:
    """An artefact whose failure to run is a finding about it, and no end of the comparison."""

    def __init__(self, artefact, num_threads):
        self.artefact, self.error, self.run = artefact, None, None
        try:
            self.run = runner(artefact.format, artefact.path, num_threads)
        except ImportError:
            raise
        except Exception as error:  # each runtime has exceptions of its own
            self._failed(error)

    def __call__(self, images, size):
        if self.error is None:
            try:
                return in_batches(self.run, images, self.artefact.batch_size)
            except Exception as error:
                self._failed(error)
        return np.full((len(images), size), np.nan, "float32")

    def _failed(self, error):
        self.error = (str(error).strip().splitlines() or [type(error).__name__])[0]


def _graph(run):
    """The operators, and what a delegate makes of them."""
    artefact = run.artefact
    if run.error is None and artefact.format == "litert":
        graph = inspect_litert(artefact.path)
        return {
            "operators": dict(graph.operators),
            "partitions": graph.partitions,
            "undelegated": dict(graph.undelegated),
        }
    readable = run.error is None and artefact.format == "onnx"
    operators = onnx_operators(artefact.path) if readable else None
    return {"operators": operators, "partitions": None, "undelegated": None}


def _spaced(items, number):
    """`number` items, evenly spaced through them; all of them if there are fewer."""
    if len(items) <= number:
        return tuple(items)
    return tuple(items[i * len(items) // number] for i in range(number))
