"""Rank-k, mAP and verification of an embedder on a dataset."""

from collections.abc import Sequence
from typing import Any

from osnet_tf.data import ReidDataset, Sample, images_below
from osnet_tf.embedding import embed_paths
from osnet_tf.evaluation.config import PLAIN, EvaluationConfig
from osnet_tf.evaluation.feature_cache import FeatureCache
from osnet_tf.evaluation.measures import METRICS, evaluate_features
from osnet_tf.evaluation.preconditions import check_can_evaluate
from osnet_tf.evaluation.results import Evaluation
from osnet_tf.progress_bar import progress_bar
from osnet_tf.types import PathLike


def evaluate(
    embedder: Any,
    dataset: ReidDataset,
    config: EvaluationConfig = PLAIN,
    *,
    metrics: Sequence[str] = METRICS,
    batch_size: int = 256,
    cache: FeatureCache | None = None,
    strategy: Any | None = None,
    show_progress: bool = False,
) -> Evaluation:
    """Evaluates an embedder, by default as the public code does: CMC and non-interpolated mAP,
    matches by the same camera removed.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns.
        dataset: A `ReidDataset` with query and gallery.
        config: An `EvaluationConfig`.
        metrics: Distances to rank by: "euclidean", "cosine".
        batch_size: Images in a batch.
        cache: A `FeatureCache`, to find or leave the embeddings in; may be None.
        strategy: A `tf.distribute.Strategy` on whose replicas each batch is spread; may be None.
        show_progress: Progress bars on stderr.

    Returns:
        An `Evaluation`: `scores` and `rankings` by the name of the distance, `verifications`.

    Raises:
        ArgumentError, ConfigError: as `check_can_evaluate`, before anything is embedded.
        ImageError: an unreadable image.
        NotFoundError: there is no such folder of distractors.

    Reference: Zheng et al., Scalable Person Re-identification: A Benchmark (ICCV 2015).
    """
    if config.distractors:
        dataset = with_distractors(dataset, config.distractors)
    check_can_evaluate(dataset, config)
    features = embed_dataset(
        embedder,
        dataset,
        config,
        batch_size=batch_size,
        cache=cache,
        strategy=strategy,
        show_progress=show_progress,
    )
    return evaluate_features(
        features, dataset, config, metrics=metrics, show_progress=show_progress
    )


def embed_dataset(
    embedder,
    dataset,
    config=PLAIN,
    *,
    batch_size=256,
    cache=None,
    strategy=None,
    show_progress=False,
):
    """The embeddings of a dataset's queries and then of its gallery.

    Args:
        embedder, batch_size, cache, strategy, show_progress: As in `evaluate`.
        dataset: A `ReidDataset`, its distractors in its gallery.
        config: An `EvaluationConfig`, of which `flip_test` counts.

    Returns:
        float32 `(num_query + num_gallery, dim)`.

    Raises ImageError: an unreadable image.
    """
    paths = [sample.path for sample in (*dataset.query, *dataset.gallery)]

    def embed():
        with progress_bar(show_progress, len(paths), f"embedding {dataset.name}") as count:
            return embed_paths(
                embedder,
                paths,
                batch_size=batch_size,
                flip_test=config.flip_test,
                progress=count,
                strategy=strategy,
            )

    if cache is None:
        return embed()
    return cache.get(dataset.name, embedder, paths, config.flip_test, embed)


def with_distractors(dataset: ReidDataset, folder: PathLike) -> ReidDataset:
    """The dataset with all images below a folder in its gallery, as distractors (pid 0).

    Market-1501's 500,000 are one such folder; any other images of people who are not in the dataset
    will do.
    """
    more = (Sample(path, pid=0, camid=0) for path in images_below(folder).paths)
    return dataset._replace(gallery=(*dataset.gallery, *more))
