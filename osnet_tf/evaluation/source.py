"""Evaluation of a saved model on one or several datasets, with everything that is written."""

import dataclasses
from pathlib import Path

from osnet_tf.data import load_dataset
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation.config import EvaluationConfig
from osnet_tf.evaluation.evaluating import evaluate
from osnet_tf.evaluation.feature_cache import FeatureCache
from osnet_tf.files import write_json
from osnet_tf.metrics import calibration_path, write_calibrations, write_per_query
from osnet_tf.runs import RunDir, provenance, source_of
from osnet_tf.visualize.curves import draw_cmc, draw_distances, draw_roc
from osnet_tf.weights import load_embedder


def evaluate_source(
    config=None,
    *,
    run_dir=None,
    model=None,
    datasets=(),
    data_dir=None,
    output_dir=None,
    per_query="csv",
    batch_size=256,
    show_progress=False,
):
    """Evaluates a run's model, or a `.keras` file, and writes figures, pictures and thresholds.

    `output_dir` is left with `results.json` (the figures of all datasets, the protocol, versions,
    commit, command and date) and for each dataset `NAME_cmc.png`, `NAME_DISTANCE_per_query.csv`
    (or `.parquet`) and, with verification, `NAME_roc.png` and `NAME_distances.png`; and `features`,
    the embeddings, which the next evaluation of the same model finds there. The thresholds
    for "same person" are written beside the model, as `osnet_tf.metrics.find_calibration` reads
    them, unless the embeddings were not the model's own (`flip_test`).

    Args:
        config: An `EvaluationConfig`; its defaults if None.
        run_dir, model, data_dir: As in `osnet_tf.runs.source_of`.
        datasets: Names of datasets; a run's own by default. A dataset other than the one trained on
            makes it a cross-domain evaluation.
        output_dir: Folder to write to; `evaluation` in the run's directory, or `NAME_evaluation`
            beside the file, by default.
        per_query: "csv" or "parquet" (needs pyarrow).
        batch_size: Images in a batch.
        show_progress: Progress bars on stderr.

    Returns:
        (the dict of `results.json`, `output_dir` as a Path). Its `datasets` maps names to what
        `Evaluation.to_dict` gives.

    Raises:
        ValueError, FileNotFoundError: as `source_of`, `load_dataset` and `evaluate`; nothing is
            written then but what earlier datasets have found.
    """
    config = (config or EvaluationConfig()).with_absolute_paths()
    if per_query not in ("csv", "parquet"):
        raise ArgumentError(
            f"per_query must be 'csv' or 'parquet'. Received: per_query={per_query!r}"
        )
    source = source_of(run_dir=run_dir, model=model, datasets=datasets, data_dir=data_dir)
    loaded = [load_dataset(name, source.data_dir) for name in source.datasets]
    embedder = load_embedder(source.model)
    if output_dir is None:
        output_dir = source.model.with_name(f"{source.model.stem}_evaluation")
        if run_dir:
            output_dir = RunDir(run_dir).evaluation
    output_dir = Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)

    record = {"model": str(source.model), **provenance(), "protocol": config.to_dict()}
    record["datasets"] = {}
    cache = FeatureCache(output_dir / "features")
    calibrations = []
    for dataset in loaded:
        found = evaluate(
            embedder,
            dataset,
            config,
            batch_size=batch_size,
            cache=cache,
            show_progress=show_progress,
        )
        if run_dir and _was_trained_on(dataset.name, RunDir(run_dir).read_settings()):
            found = dataclasses.replace(found, trained_on=True)
        record["datasets"][dataset.name] = found.to_dict()
        _write(found, dataset, output_dir, per_query)
        for verified in found.verifications.values():
            calibrations += [verified.calibration(fpr, dataset.name) for fpr in verified.fprs]
        write_json(output_dir / "results.json", record)
    if calibrations and not config.flip_test:
        write_calibrations(calibration_path(source.model), calibrations)
    return record, output_dir


def _was_trained_on(name, training):
    return training.get("combine_all") and training.get("dataset") == name


def _write(found, dataset, output_dir, per_query):
    name = dataset.name
    columns = {
        "path": [sample.path for sample in dataset.query],
        "pid": [sample.pid for sample in dataset.query],
        "camid": [sample.camid for sample in dataset.query],
    }
    for distance, ranking in found.rankings.items():
        path = output_dir / f"{name}_{distance}_per_query.{per_query}"
        write_per_query(path, ranking, **columns)
    draw_cmc(output_dir / f"{name}_cmc.png", found.rankings, title=name)
    if found.verifications:
        draw_roc(output_dir / f"{name}_roc.png", found.verifications, title=name)
        draw_distances(output_dir / f"{name}_distances.png", found.verifications, title=name)
