"""Reports about a dataset, written into a folder: numbers, what is wrong, what it looks like."""

import os
from pathlib import Path

from osnet_tf.data.registry import load_dataset
from osnet_tf.data.sheets import contact_sheet
from osnet_tf.data.statistics import Statistics, dataset_statistics
from osnet_tf.files import as_file_name, whole_file, write_json
from osnet_tf.runs import make_folder
from osnet_tf.visualize.datasets import draw_statistics


def write_statistics(
    name: str, data_dir: str | os.PathLike, output_dir: str | os.PathLike, **split
) -> tuple[Statistics, list[Path]]:
    """Counts a dataset into `NAME_stats.png` and `NAME_stats.json`.

    Args:
        name, data_dir, **split: as for `osnet_tf.data.load_dataset`, whose errors it raises.
        output_dir: folder to write to; made if need be.

    Returns:
        (the numbers, what was written).

    Raises, besides: MissingPackageError without Matplotlib; WriteError.
    """
    found = dataset_statistics(load_dataset(name, data_dir, **split))
    picture, numbers = (_path(output_dir, name, end) for end in ("stats.png", "stats.json"))
    draw_statistics(picture, found)
    write_json(numbers, found.to_dict())
    return found, [picture, numbers]


def write_inspection(
    name: str,
    data_dir: str | os.PathLike,
    output_dir: str | os.PathLike,
    *,
    show_progress: bool = False,
    **split,
):
    """Inspects a dataset into `NAME_validation.json`.

    Args:
        name, data_dir, **split: as for `osnet_tf.data.inspection.inspect_dataset`.
        output_dir: folder to write to; made if need be.
        show_progress: a progress bar on stderr.

    Returns:
        (the `Inspection`, what was written).
    """
    from osnet_tf.data.inspection import inspect_dataset  # needs TensorFlow

    found = inspect_dataset(name, data_dir, show_progress=show_progress, **split)
    report = _path(output_dir, name, "validation.json")
    write_json(report, found.to_dict())
    return found, [report]


def write_preview(
    name: str,
    data_dir: str | os.PathLike,
    output_dir: str | os.PathLike,
    *,
    rows: int = 8,
    columns: int = 8,
    seed: int = 0,
    **split,
) -> list[Path]:
    """Draws a dataset's contact sheet into `NAME_preview.png`.

    Args:
        name, data_dir, **split: as for `osnet_tf.data.load_dataset`.
        output_dir: folder to write to; made if need be.
        rows, columns, seed: as for `osnet_tf.data.contact_sheet`; the seed is the split's too.

    Returns:
        What was written.
    """
    dataset = load_dataset(name, data_dir, seed=seed, **split)
    sheet = contact_sheet(dataset, rows=rows, columns=columns, seed=seed)
    picture = _path(output_dir, name, "preview.png")
    with whole_file(picture) as new:
        sheet.save(new)
    return [picture]


def _path(output_dir, name, end):
    make_folder(output_dir)
    return Path(output_dir) / f"{as_file_name(name)}_{end}"
