"""Every format of a model at once, compared with it."""

import dataclasses
import functools
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from osnet_tf.architecture import fingerprint
from osnet_tf.data.calibration_sample import calibration_paths
from osnet_tf.data.decoding import naming_bad_images
from osnet_tf.data.pipeline import image_dataset
from osnet_tf.errors import ArgumentError, OSNetError
from osnet_tf.export.clients import client_texts, sidecar_names, sidecars
from osnet_tf.export.comparison_images import as_people, choose_images
from osnet_tf.export.config import ExportConfig
from osnet_tf.export.exported import Exported, stored_files
from osnet_tf.export.folder import export_folder, own_names
from osnet_tf.export.formats import Graph, get_format
from osnet_tf.export.frozen import freeze, with_unit_length
from osnet_tf.export.input_spec import PIXELS
from osnet_tf.export.latency import KERAS, latencies, save_keras_graph
from osnet_tf.export.manifest import manifest
from osnet_tf.export.model_json import NAME
from osnet_tf.export.parity import compare, problems, thresholds_of
from osnet_tf.export.report import REPORTS, write_reports
from osnet_tf.export.report_page import html_page
from osnet_tf.files import write_json
from osnet_tf.metrics import Calibration
from osnet_tf.models import model_size
from osnet_tf.progress_bar import progress_bar
from osnet_tf.runs import provenance
from osnet_tf.types import PathLike
from osnet_tf.visualize.figure import require_matplotlib


class ExportMismatchError(OSNetError, ValueError):
    """Exported models differ from the Keras model by more than is allowed.

    Attributes:
        report: The dict that `export_model` would have returned.
    """

    def __init__(self, message: str, report: dict[str, Any]) -> None:
        super().__init__(message)
        self.report = report


def export_model(
    embedder: Any,
    output_dir: PathLike,
    dataset: Any,
    config: ExportConfig | None = None,
    *,
    thresholds: Sequence[Calibration] = (),
    show_progress: bool = False,
) -> dict[str, Any]:
    """Writes a model in several formats, compares each with it on real images, and reports.

    Into `output_dir` come `1/` (a SavedModel), `model.tflite`, `model_fp16.tflite`,
    `model_dynamic.tflite`, `model_int8.tflite`, `model.onnx`, `model_openvino_model/`, as far as
    `config` names them, with `model.json`, `report.json`, `report.md` and `report.html`. They take
    the place of an earlier export all at once; its files that are not written again are gone.
    Everything else stays.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        output_dir: Folder of the files; its name is the model's name. Made if need be.
        dataset: A `ReidDataset`: training images calibrate int8, query and gallery compare. Or an
            `AttributeDataset` or `ClassDataset`, whose test images compare, without ranking.
        config: An `ExportConfig`; its defaults if None.
        thresholds: `Calibration`s of the model, for `model.json`. Without any, those of the cosine
            distance are measured on the test set where it is evaluated in full.
        show_progress: A progress bar on stderr.

    Returns:
        The dict that `report.json` holds: name, architecture, dataset, evaluation, num_images,
        tolerances, `keras` (the model itself: rank1, mAP, latency) and `artefacts`, a list of
        `Exported.row()`.

    Raises:
        ExportMismatchError: a file is beyond its tolerance; the message says which one and by
            how much. All files are there nevertheless, the reports too.
        ExportFolderError: `output_dir` holds what would be lost; see `export_folder`.
        MissingPackageError: a format's package is not installed.
        ArgumentError: an invalid argument, a model that takes images of any size, thresholds of
            another model, or a dataset without the images that are needed.
        InUseError: another process exports into `output_dir`.
        WriteError: `output_dir` cannot be written; an earlier export there is as it was.
    """
    config = config or ExportConfig()
    check_can_export(output_dir, config)
    model_size(embedder)
    dataset = as_people(dataset)
    chosen, evaluation = choose_images(dataset, config.evaluate)
    paths = _calibration_paths(dataset, config)
    own = fingerprint(embedder)
    _check_thresholds(thresholds, own)
    output_dir = Path(os.path.abspath(output_dir))
    with export_folder(output_dir, written_names(config)) as folder:
        exact = with_unit_length(embedder) if config.l2_normalize else embedder
        texts = client_texts(config)
        frozen_for = functools.cache(
            lambda takes: dataclasses.replace(freeze(exact, takes), fingerprint=own, texts=texts)
        )
        frozen = frozen_for(PIXELS)
        _write(frozen_for, folder, paths, config, show_progress)
        found = _compare(exact, folder, chosen, config, evaluation, show_progress)
        times = _latencies(exact, folder, found.agreements, config)
        exported = [
            _exported(folder, artefact, agreement, times, config)
            for artefact, agreement in zip(config.artefacts, found.agreements, strict=True)
        ]
        if not thresholds and evaluation == "full":
            thresholds = thresholds_of(found.embeddings, chosen, own)
        report = {
            "name": output_dir.name,
            "output_dir": str(output_dir),
            "architecture": str(frozen.architecture or frozen.name),
            "dataset": dataset.name,
            "evaluation": evaluation,
            "num_query": len(chosen.query),
            "num_gallery": len(chosen.gallery),
            "num_images": len(chosen.query) + len(chosen.gallery),
            "l2_normalized": config.l2_normalize,
            "tolerances": {
                artefact.precision: config.tolerance(artefact.precision)._asdict()
                for artefact in config.artefacts
            },
            "keras": {"rank1": found.rank1, "mAP": found.mAP, "latency": times.get(KERAS)},
            "artefacts": [one.row() for one in exported],
            **provenance(),
        }
        write_reports(folder, report, html_page(report))
        for name, content in sidecars(frozen, config).items():
            write_json(folder / name, content)
        record = manifest(
            frozen,
            output_dir.name,
            [one.entry() for one in exported],
            reports=[
                file
                for name in (*sidecar_names(config), *REPORTS)
                for file in stored_files(folder / name)
            ],
            thresholds=thresholds,
            l2_normalize=config.l2_normalize,
        )
        write_json(folder / NAME, record)
    beyond = [
        f"{output_dir / one.artefact.name} {problem}"
        for one in exported
        for problem in one.problems
    ]
    if beyond:
        raise ExportMismatchError("\n".join(beyond), report)
    return report


def check_can_export(output_dir: PathLike, config: ExportConfig | None = None) -> None:
    """Looks, before any work, whether an export could be written.

    Args:
        output_dir, config: As for `export_model`.

    Raises:
        MissingPackageError: a package is not installed.
        ExportFolderError: `output_dir` holds what would be lost.
        WriteError: it is no folder.
    """
    config = config or ExportConfig()
    require_matplotlib()
    for artefact in config.artefacts:
        get_format(artefact.format).require()
    own_names(Path(os.path.abspath(output_dir)), written_names(config))


def written_names(config):
    """Names of all that an export writes into its folder.

    >>> written_names(ExportConfig(formats="onnx"))
    ['model.onnx', 'report.json', 'report.md', 'report.html', 'model.json']
    """
    files = (artefact.name for artefact in config.artefacts)
    return [*files, *sidecar_names(config), *REPORTS, NAME]


def _check_thresholds(thresholds, own):
    for calibration in thresholds:
        if calibration.fingerprint not in ("", own):
            raise ArgumentError(
                "`thresholds` must be measured with the model that is exported. "
                f"Received: one of fingerprint {calibration.fingerprint}; the model's is {own}"
            )


def _calibration_paths(dataset, config):
    """Of the images that int8 is calibrated with; none where nothing is int8."""
    if all(artefact.precision != "int8" for artefact in config.artefacts):
        return []
    return calibration_paths(dataset, config.calibration_images, config.seed)


def _write(frozen_for, folder, paths, config, show_progress):
    """Writes the files that are wanted; int8 is calibrated with the images of these paths."""
    crops = functools.cache(lambda: _read_images(paths, frozen_for(PIXELS).size))
    with progress_bar(show_progress, len(config.artefacts), "exporting", unit="files") as count:
        for artefact in config.artefacts:
            write = get_format(artefact.format).write
            write(frozen_for(artefact.takes), folder / artefact.name, artefact, crops)
            if count is not None:
                count(1)


def _read_images(paths, size):
    with naming_bad_images(paths):
        batches = [batch.numpy() for batch in image_dataset(paths, size, 256)]
    return np.concatenate(batches)


def _compare(embedder, folder, chosen, config, evaluation, show_progress):
    total = len(chosen.query) + len(chosen.gallery)
    with progress_bar(show_progress, total, "comparing") as count:
        return compare(
            embedder,
            [(folder / artefact.name, artefact) for artefact in config.artefacts],
            chosen,
            evaluate=evaluation != "none",
            num_threads=os.cpu_count(),
            progress=count,
        )


def _latencies(embedder, folder, agreements, config):
    """Dict from a file's name, or KERAS, to milliseconds by number of threads."""
    if not config.latency_rounds:
        return {}
    with tempfile.TemporaryDirectory() as other:
        models = {KERAS: ("saved_model", save_keras_graph(embedder, Path(other) / "keras"), 1)}
        for artefact, agreement in zip(config.artefacts, agreements, strict=True):
            if not agreement.error:
                path = str(folder / artefact.name)
                models[artefact.name] = (artefact.format, path, artefact.batch_size or 1)
        return latencies(
            models,
            size=model_size(embedder),
            threads=config.threads,
            rounds=config.latency_rounds,
        )


def _exported(folder, artefact, agreement, times, config):
    path = folder / artefact.name
    runs = agreement.error is None
    return Exported(
        artefact,
        stored_files(path),
        graph=get_format(artefact.format).describe(path) if runs else Graph(),
        agreement=agreement,
        latency=times.get(artefact.name),
        problems=tuple(problems(agreement, config.tolerance(artefact.precision))),
    )
