"""Export of a trained run, or of a model's file, with the images of its datasets."""

from pathlib import Path
from typing import Any

from osnet_tf.data import load_datasets, merge_datasets
from osnet_tf.evaluation import calibrations_of
from osnet_tf.export.config import ExportConfig
from osnet_tf.export.exporter import export_model
from osnet_tf.metrics import calibration_path
from osnet_tf.runs import source_of
from osnet_tf.types import PathLike
from osnet_tf.weights import load_embedder


def export_run(
    run_dir: PathLike | None = None,
    output_dir: PathLike | None = None,
    config: ExportConfig | None = None,
    *,
    model: PathLike | None = None,
    dataset: str | None = None,
    data_dir: PathLike | None = None,
    split_identities: float | None = None,
    show_progress: bool = False,
) -> dict[str, Any]:
    """Exports a run's embedder, or a `.keras` file, compared on a dataset's own crops.

    Thresholds are those that `train/evaluate.py` measured with these very weights, if it did. Of a
    run that recognises classes or attributes, it is the embedder that is exported, not the
    predictor; nothing is ranked then.

    Args:
        run_dir: Directory of a run, or None with `model`.
        output_dir: Folder of the files; `saved_models/NAME` by default, NAME being the run's or
            the file's.
        config: An `ExportConfig`; its defaults if None.
        model: Path of a `.keras` file.
        dataset: Name of the dataset, or several, "a,b", whose images are taken together; a run's
            own by default, else the demo people.
        data_dir: Folder of the datasets; a run's own, or "data", by default.
        split_identities: As in `osnet_tf.data.load_datasets`, for a dataset without a split of its
            own; a run's own, or 0.5, by default.
        show_progress: A progress bar on stderr.

    Returns, raises: as `export_model`, `osnet_tf.runs.source_of` and `osnet_tf.data.load_datasets`.
    """
    source = source_of(
        run_dir=run_dir,
        model=model,
        datasets=(dataset,) if dataset else (),
        data_dir=data_dir,
        default_dataset="demo",
    )
    if split_identities is None:
        split_identities = source.split_identities
    loaded = load_datasets(
        ",".join(source.datasets),
        source.data_dir,
        split_identities=split_identities,
        seed=source.seed,
    )
    embedder = load_embedder(source.model)
    return export_model(
        embedder,
        output_dir or default_folder(run_dir or source.model),
        merge_datasets(loaded),
        config,
        thresholds=calibrations_of(embedder, calibration_path(source.model)),
        show_progress=show_progress,
    )


def default_folder(source):
    """Where the export of a run's directory, or of a `.keras` file, goes.

    >>> default_folder("runs/mine").as_posix(), default_folder("x/net.keras").as_posix()
    ('saved_models/mine', 'saved_models/net')
    """
    source = Path(source).resolve()
    return Path("saved_models") / (source.stem if source.suffix == ".keras" else source.name)
