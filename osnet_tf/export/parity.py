"""Does an artefact do what the Keras model does? On real images, in figures, with limits."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from osnet_tf.data.decoding import naming_bad_images
from osnet_tf.data.pipeline import image_dataset
from osnet_tf.embedding import inference_function
from osnet_tf.errors import MissingPackageError
from osnet_tf.evaluation import EvaluationConfig, evaluate_features
from osnet_tf.export.exported import Agreement
from osnet_tf.export.formats import get_format, in_batches
from osnet_tf.models import model_size

#: By which distance images are ranked, as the public code does.
METRIC = "euclidean"
_CHUNK = 256


class Comparison(NamedTuple):
    """What `compare` found.

    Attributes:
        rank1, mAP: Of the Keras model, fractions in [0, 1], or None where nothing is ranked.
        agreements: `Agreement` of each file.
        embeddings: Those of the Keras model, float32 `(num_images, dim)`.
    """

    rank1: float | None
    mAP: float | None
    agreements: list
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


def smallest_cosine(a: ArrayLike, b: ArrayLike) -> float:
    """The smallest of `cosines`.

    >>> smallest_cosine(np.eye(2), np.array([[1.0, 0.0], [0.0, 2.0]]))
    1.0
    """
    return float(np.min(cosines(a, b)))


def compare(embedder, files, dataset, *, evaluate=True, num_threads=2, progress=None):
    """Embeds the same images with the Keras model and with each exported file, and compares.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns.
        files: List of `(path, Artefact)` of it.
        dataset: What `choose_images` returned.
        evaluate: Whether Rank-1 and mAP are computed.
        num_threads: Threads of LiteRT and ONNX Runtime.
        progress: Called with the number of images of each finished batch; may be None.

    Returns:
        `Comparison`.

    Raises:
        ImageError: an image cannot be read; the message names it.
        MissingPackageError: a file's runtime is not installed.
    """
    paths = [sample.path for sample in (*dataset.query, *dataset.gallery)]
    keras_model, size = inference_function(embedder), embedder.output_shape[-1]
    runs = [_Guarded(path, artefact, num_threads) for path, artefact in files]
    expected, found = [], [[] for _ in files]
    with naming_bad_images(paths):
        for batch in image_dataset(paths, model_size(embedder), _CHUNK):
            images = batch.numpy()
            expected.append(keras_model(images).numpy())
            for run, parts in zip(runs, found, strict=True):
                parts.append(run(images, size))
            if progress is not None:
                progress(len(images))
    expected = np.concatenate(expected)
    rank1, mean = _ranks(expected, dataset, evaluate)
    agreements = []
    for run, parts in zip(runs, found, strict=True):
        embeddings = np.concatenate(parts)
        agreement = np.nan_to_num(cosines(expected, embeddings), nan=0.0)
        own_rank1, own_mean = _ranks(embeddings, dataset, evaluate)
        agreements.append(
            Agreement(
                cosine_min=float(agreement.min()),
                cosine_mean=float(agreement.mean()),
                rank1=own_rank1,
                mAP=own_mean,
                map_change=100 * (own_mean - mean) if evaluate else None,
                error=run.error,
            )
        )
    return Comparison(rank1, mean, agreements, expected)


def problems(agreement, tolerance):
    """What is wrong with an exported file, given its `Agreement`.

    Returns:
        A list of sentences, empty if the file is within its `Tolerance`.

    >>> from osnet_tf.export.config import Tolerance
    >>> agreement = Agreement(cosine_min=0.95, cosine_mean=0.99, map_change=-0.25)
    >>> problems(agreement, Tolerance(min_cosine=0.9, max_map_drop=0.2))
    ['loses 0.250 points of mAP, of which 0.2 are allowed (0.050 too many)']
    """
    if agreement.error:
        return [f"does not run: {agreement.error}"]
    found = []
    cosine, change = agreement.cosine_min, agreement.map_change
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


def thresholds_of(embeddings, dataset, fingerprint):
    """`Calibration`s of the cosine distance, one for each usual false-positive rate.

    Args:
        embeddings: `(num_query + num_gallery, dim)`, those of the queries first.
        dataset: A `ReidDataset` with query and gallery in the same order.
        fingerprint: That of the model.
    """
    found = evaluate_features(embeddings, dataset, EvaluationConfig(), metrics=("cosine",))
    verified = found.verifications["cosine"]
    return [verified.calibration(fpr, dataset.name, fingerprint) for fpr in verified.fprs]


def _ranks(embeddings, dataset, evaluate):
    """Rank-1 and mAP."""
    if not evaluate:
        return None, None
    if not np.isfinite(embeddings).all():  # ranking refuses them: such a file has no rank
        return 0.0, 0.0
    scores = evaluate_features(embeddings, dataset, metrics=(METRIC,)).scores[METRIC]
    return scores.rank1, scores.mAP


class _Guarded:
    """A file whose failure to run is a finding about it, and no end of the comparison."""

    def __init__(self, path, artefact, num_threads):
        self.batch_size, self.error, self.run = artefact.batch_size, None, None
        try:
            self.run = get_format(artefact.format).open(path, num_threads)
        except MissingPackageError:
            raise
        except Exception as error:  # each runtime has exceptions of its own
            self._failed(error)

    def __call__(self, images, size):
        if self.error is None:
            try:
                return in_batches(self.run, images, self.batch_size)
            except Exception as error:
                self._failed(error)
        return np.full((len(images), size), np.nan, "float32")

    def _failed(self, error):
        self.error = (str(error).strip().splitlines() or [type(error).__name__])[0]
