"""Evaluation of a saved model on one or several datasets, with everything that is written."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from osnet_tf.architecture import fingerprint
from osnet_tf.checks import check_choice
from osnet_tf.data import ReidDataset, load_datasets
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation.averages import average_splits
from osnet_tf.evaluation.config import EvaluationConfig
from osnet_tf.evaluation.evaluating import embed_dataset, with_distractors
from osnet_tf.evaluation.feature_cache import FeatureCache
from osnet_tf.evaluation.measures import evaluate_features
from osnet_tf.evaluation.preconditions import check_can_evaluate
from osnet_tf.evaluation.recognition import evaluate_predictor
from osnet_tf.evaluation.written import write_evaluation
from osnet_tf.files import locked, table_writer, write_json
from osnet_tf.metrics import calibration_path, read_calibrations, write_calibrations
from osnet_tf.progress_bar import progress_bar
from osnet_tf.runs import RunDir, make_folder, provenance, source_of
from osnet_tf.types import PathLike
from osnet_tf.visualize.figure import require_matplotlib
from osnet_tf.weights import load_embedder
from osnet_tf.weights.keras_files import load_keras


def evaluate_source(
    config: EvaluationConfig | None = None,
    *,
    run_dir: PathLike | None = None,
    model: PathLike | None = None,
    datasets: Sequence[str] = (),
    data_dir: PathLike | None = None,
    split_identities: float | None = None,
    seed: int | None = None,
    output_dir: PathLike | None = None,
    per_query: str = "csv",
    report: bool = True,
    batch_size: int = 256,
    show_progress: bool = False,
) -> tuple[dict[str, Any], Path]:
    """Evaluates a run's model, or a `.keras` file, and writes figures, pictures and thresholds.

    Of a dataset of classes or attributes, the predictor is judged (see `evaluate_predictor`): the
    run's, or the file; and `results.json` is all that is written.

    `output_dir` is left with `results.json` (the figures of all datasets, means and deviations over
    several splits of one, the protocol, versions, commit, command and date) and for each dataset
    `NAME_cmc.png`, `NAME_DISTANCE_per_query.csv` (or `.parquet`), with verification `NAME_roc.png`
    and `NAME_distances.png`, and `NAME_report.html`, a page that shows all of it and the images
    that were hardest; and `features`, the embeddings, which the next evaluation of the same model
    finds there. The thresholds for "same person" are written beside the model, as
    `osnet_tf.evaluation.find_calibration` reads them, unless the embeddings were not the model's
    own (`flip_test`); those of others stay there.

    Args:
        config: An `EvaluationConfig`; its defaults if None.
        run_dir, model, data_dir: As in `osnet_tf.runs.source_of`.
        datasets: Names of datasets; a run's own by default. A dataset other than the one trained on
            makes it a cross-domain evaluation.
        split_identities, seed: As in `osnet_tf.data.load_datasets`, for datasets without a split of
            their own; those that the run was trained with, or 0.5 and 0, by default.
        output_dir: Folder to write to; `evaluation` in the run's directory, or `NAME_evaluation`
            beside the file, by default.
        per_query: "csv" or "parquet" (needs pyarrow).
        report: Whether to write the page; it holds small copies of images.
        batch_size: Images in a batch.
        show_progress: Progress bars on stderr.

    Returns:
        (the dict of `results.json`, `output_dir` as a Path). Its `datasets` maps names to what
        `Evaluation.to_dict` gives, and its `averages` are what `average_splits` gives.

    Raises:
        OSNetError: as `source_of`, `load_dataset`, `check_can_evaluate` of any of the datasets, and
            `load_embedder`, before anything is embedded or written.
        MissingPackageError: Matplotlib, or pyarrow for Parquet, is missing.
        FileError: the file of thresholds beside the model is damaged.
        InUseError: another evaluation writes to `output_dir`.
        WriteError: a file cannot be written; what lay there before is as it was.
    """
    config = (config or EvaluationConfig()).with_absolute_paths()
    check_choice(("csv", "parquet"), per_query=per_query)
    table_writer(f"per_query.{per_query}", (f".{per_query}",))  # is there a package that can?
    require_matplotlib()
    source = source_of(run_dir=run_dir, model=model, datasets=datasets, data_dir=data_dir)
    settings = RunDir(run_dir).read_settings() if run_dir else {}
    split = {
        "split_identities": (
            source.split_identities if split_identities is None else split_identities
        ),
        "seed": source.seed if seed is None else seed,
    }
    loaded = load_datasets(",".join(source.datasets), source.data_dir, **split)
    output_dir = Path(output_dir or evaluation_dir(source.model, run_dir))
    if not any(isinstance(dataset, ReidDataset) for dataset in loaded):
        model = RunDir(run_dir).predictor if run_dir else source.model
        options = {"batch_size": batch_size, "show_progress": show_progress}
        return _evaluate_predictor(model, loaded, config, output_dir, options), output_dir
    _check_datasets(loaded, config)
    embedder = load_embedder(source.model)
    calibrations = calibration_path(source.model)
    if calibrations.exists():
        read_calibrations(calibrations)  # a damaged one is better found now than in the end
    make_folder(output_dir)

    record = {"model": str(source.model), **provenance(), "protocol": config.to_dict()}
    record["datasets"], record["averages"], splits = {}, {}, {}
    cache = FeatureCache(output_dir / "features")
    own = fingerprint(embedder)
    with locked(output_dir, "evaluating"):
        for dataset in loaded:
            if config.distractors:
                dataset = with_distractors(dataset, config.distractors)
            features = embed_dataset(
                embedder,
                dataset,
                config,
                batch_size=batch_size,
                cache=cache,
                show_progress=show_progress,
            )
            found = evaluate_features(features, dataset, config, show_progress=show_progress)
            if _is_trained_on(dataset, settings, source.data_dir, split):
                found = dataclasses.replace(found, trained_on=True)
            record["datasets"][dataset.name] = found.to_dict()
            images = len(features) if report else 0
            with progress_bar(show_progress and report, images, "checking labels") as count:
                write_evaluation(
                    found,
                    features,
                    dataset,
                    config,
                    output_dir,
                    per_query=per_query,
                    about=record if report else None,
                    progress=count,
                )
            if not config.flip_test and found.verifications:
                measured = found.verifications.values()
                write_calibrations(
                    calibrations,
                    [v.calibration(fpr, dataset.name, own) for v in measured for fpr in v.fprs],
                )
            if dataset.split_of:
                splits.setdefault(dataset.split_of, []).append(found)
                record["averages"] = average_splits(splits)
            write_json(output_dir / "results.json", record)
    return record, output_dir


def evaluation_dir(model, run_dir=None):
    """Where evaluations of a run's model, or of a `.keras` file, go by default.

    >>> evaluation_dir(Path("models/a.keras")).as_posix()
    'models/a_evaluation'
    """
    if run_dir:
        return RunDir(run_dir).evaluation
    return Path(model).with_name(f"{Path(model).stem}_evaluation")


def _evaluate_predictor(path, datasets, config, output_dir, options):
    """The dict of `results.json`, written, of what recognises classes or attributes."""
    predictor = load_keras(path)
    make_folder(output_dir)
    record = {"model": str(path), **provenance(), "protocol": {"flip_test": config.flip_test}}
    with locked(output_dir, "evaluating"):
        record["datasets"] = {
            one.name: evaluate_predictor(predictor, one, flip_test=config.flip_test, **options)
            for one in datasets
        }
        record["averages"] = {}
        write_json(output_dir / "results.json", record)
    return record


def _check_datasets(datasets, config):
    for dataset in datasets:
        if not isinstance(dataset, ReidDataset):
            raise ArgumentError(
                "Datasets of people, and those of classes or attributes, are evaluated apart. "
                f"Received: {', '.join(one.name for one in datasets)}",
                argument="dataset",
            )
    names = [dataset.name for dataset in datasets]
    if len(set(names)) < len(names):
        raise ArgumentError(
            f"Each dataset is evaluated once. Received: {', '.join(names)}", argument="dataset"
        )
    for dataset in datasets:
        check_can_evaluate(dataset, config)


def _is_trained_on(dataset, settings, data_dir, split):
    """Whether a run was trained on the people of query: by combine_all, or in another split."""
    names = [name.strip() for name in settings.get("dataset", "").split(",")]
    if dataset.name in names:
        return bool(settings.get("combine_all"))
    whole = dataset.name.partition(":")[0]
    others = [name for name in names if name.partition(":")[0] == whole]
    if not (others and dataset.split_of):
        return False
    trained = {s.path for one in load_datasets(others, data_dir, **split) for s in one.train}
    return any(sample.path in trained for sample in dataset.query)
