"""Export of a trained run, or of a model's file, compared on a dataset's own crops."""

from pathlib import Path

from osnet_tf.data import load_dataset
from osnet_tf.evaluation import calibrations_of
from osnet_tf.export.export import export_model
from osnet_tf.metrics import calibration_path
from osnet_tf.runs import source_of
from osnet_tf.weights import load_embedder


def export_run(
    run_dir=None,
    output_dir=None,
    config=None,
    *,
    model=None,
    dataset=None,
    data_dir=None,
    show_progress=False,
):
    """Exports a run's model, or a `.keras` file.

    Thresholds are those that `train/evaluate.py` measured with these very weights, if it did.

    Args:
        run_dir: Directory of a run, or None with `model`.
        output_dir: Folder of the files; `saved_models/NAME` by default, NAME being the run's or
            the file's.
        config: An `ExportConfig`; its defaults if None.
        model: Path of a `.keras` file.
        dataset: Name of the dataset; a run's own by default, else the demo people.
        data_dir: Folder of the datasets; a run's own, or "data", by default.
        show_progress: A progress bar on stderr.

    Returns, raises: as `osnet_tf.export.export_model` and `osnet_tf.runs.source_of`.
    """
    source = source_of(
        run_dir=run_dir,
        model=model,
        datasets=(dataset,) if dataset else (),
        data_dir=data_dir,
        default_dataset="demo",
    )
    named_after = Path(run_dir).resolve().name if run_dir else source.model.stem
    embedder = load_embedder(source.model)
    return export_model(
        embedder,
        output_dir or Path("saved_models") / named_after,
        load_dataset(source.datasets[0], source.data_dir),
        config,
        thresholds=calibrations_of(embedder, calibration_path(source.model)),
        show_progress=show_progress,
    )
