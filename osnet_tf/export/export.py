"""Every format of a model at once, compared with it."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import keras
import numpy as np

from osnet_tf.data.calibration_sample import calibration_paths
from osnet_tf.data.decoding import naming_bad_images
from osnet_tf.data.pipeline import image_dataset
from osnet_tf.errors import OSNetError
from osnet_tf.export.config import ExportConfig
from osnet_tf.export.frozen import freeze
from osnet_tf.export.latency import KERAS, latencies, save_keras_graph
from osnet_tf.export.litert import export_litert
from osnet_tf.export.litert_runtime import LiteRTEmbedder
from osnet_tf.export.manifest import file_entry, manifest
from osnet_tf.export.model_json import NAME, read_manifest
from osnet_tf.export.onnx import export_onnx, require_onnx
from osnet_tf.export.parity import choose_images, compare, problems, thresholds_of
from osnet_tf.export.report import write_reports
from osnet_tf.export.report_page import html_page
from osnet_tf.export.runners import Artefact
from osnet_tf.export.saved_model import export_saved_model
from osnet_tf.files import write_json
from osnet_tf.models import model_size
from osnet_tf.progress_bar import progress_bar
from osnet_tf.runs import provenance
from osnet_tf.visualize.figure import require_matplotlib


class ExportMismatchError(OSNetError, ValueError):
    """Exported models differ from the Keras model by more than is allowed.

    Attributes:
        report: The dict that `export_model` would have returned.
    """

    def __init__(self, message, report):
        super().__init__(message)
        self.report = report


def export_model(
    embedder,
    output_dir,
    dataset,
    config=None,
    *,
    thresholds=(),
    show_progress=False,
):
    """Writes a model in several formats, compares each with it on real images, and reports.

    Into `output_dir` come `1/` (a SavedModel), `model.tflite`, `model_fp16.tflite`,
    `model_dynamic.tflite`, `model_int8.tflite`, `model.onnx`, as far as `config` names them, with
    `model.json`, `report.json`, `report.md` and `report.html`. Files of an earlier export that are
    not written again are removed, others are left alone.

    Args:
        embedder: A model as `osnet_tf.OSNet` returns, of a fixed input size.
        output_dir: Folder of the files; its name is the model's name. Made if need be.
        dataset: A `ReidDataset`: training images calibrate int8, query and gallery compare.
        config: An `ExportConfig`; its defaults if None.
        thresholds: `Calibration`s of the model, for `model.json`. Without any, those of the cosine
            distance are measured on the test set where it is evaluated in full.
        show_progress: A progress bar on stderr.

    Returns:
        The dict that `report.json` holds: name, dataset, evaluation, num_images, tolerances,
        `keras` (the model itself: rank1, mAP, latency) and `artefacts`, a list of dicts: path,
        format, precision, batch_size, bytes, what `compare` found, latency (milliseconds by number
        of threads), problems (empty: it is within its tolerance).

    Raises:
        ExportMismatchError: an artefact is beyond its tolerance; the message says which one and by
            how much. All files are there nevertheless, the reports too.
        ImportError: a format's package is not installed.
        ValueError: an invalid argument, or a model that takes images of any size.
    """
    config = config or ExportConfig()
    formats = config.listed("formats")
    require_matplotlib()  # all that is missing is missing before hours of work
    if "onnx" in formats:
        require_onnx()
    model_size(embedder)
    chosen, evaluation = choose_images(dataset, config.evaluate)
    if config.l2_normalize:
        embedder = with_unit_length(embedder)
    output_dir = Path(os.path.abspath(output_dir))
    output_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output_dir.parent, prefix=".export-") as folder:
        folder = Path(folder)
        artefacts = _write(embedder, folder, dataset, config, show_progress)
        total = len(chosen.query) + len(chosen.gallery)
        with progress_bar(show_progress, total, "comparing") as count:
            found = compare(
                embedder,
                artefacts,
                chosen,
                evaluate=evaluation != "none",
                num_threads=os.cpu_count(),
                progress=count,
            )
        runnable = [
            a for a, row in zip(artefacts, found.artefacts, strict=True) if not row["error"]
        ]
        times = _latencies(embedder, runnable, config.threads, config.latency_rounds)
        entries = [file_entry(artefact) for artefact in artefacts]
        for artefact, entry, row in zip(artefacts, entries, found.artefacts, strict=True):
            row["latency"] = times.get(artefact.name)
            row["problems"] = problems(row, config.tolerance(artefact.precision))
            entry["passed"] = not row["problems"]
        if not thresholds and evaluation == "full":
            thresholds = thresholds_of(found.embeddings, chosen)
        described = ("path", "format", "precision", "batch_size", "bytes")
        report = {
            "name": output_dir.name,
            "output_dir": str(output_dir),
            "preset": embedder.name,
            "dataset": dataset.name,
            "evaluation": evaluation,
            "num_query": len(chosen.query),
            "num_gallery": len(chosen.gallery),
            "num_images": total,
            "l2_normalized": config.l2_normalize,
            "tolerances": {a.precision: config.tolerance(a.precision)._asdict() for a in artefacts},
            "keras": {**found.keras, "latency": times.get(KERAS)},
            "artefacts": [
                {**{key: entry[key] for key in described}, **row}
                for entry, row in zip(entries, found.artefacts, strict=True)
            ],
            **provenance(),
        }
        record = manifest(
            embedder,
            output_dir.name,
            entries,
            thresholds=thresholds,
            l2_normalize=config.l2_normalize,
        )
        write_json(folder / NAME, record)
        write_reports(folder, report, html_page(report))
        _move(folder, output_dir)
    beyond = [
        f"{output_dir / row['path']} {problem}"
        for row in report["artefacts"]
        for problem in row["problems"]
    ]
    if beyond:
        raise ExportMismatchError("\n".join(beyond), report)
    return report


def with_unit_length(embedder):
    """The model with its embeddings divided by their Euclidean length."""
    # `layers.unit_length` takes care of gradients too, by comparisons that XNNPACK leaves out: one
    # partition would become three
    output = keras.layers.UnitNormalization(axis=-1, dtype="float32", name="unit_length")
    return keras.Model(embedder.input, output(embedder.output), name=embedder.name)


def _write(embedder, folder, dataset, config, show_progress):
    """Writes the files that are wanted; returns their `Artefact`s."""
    formats, artefacts = config.listed("formats"), []
    wanted = [*config.litert_files, *(f for f in formats if f != "tflite")]
    with progress_bar(show_progress, len(wanted), "exporting", unit="files") as count:
        frozen = freeze(embedder)
        if "saved_model" in formats:
            path = export_saved_model(embedder, folder / "1", frozen=frozen)
            artefacts.append(Artefact(path, "saved_model"))
            _count(count)
        for precision, batch_size in config.litert_files:
            artefacts.append(
                _write_litert(embedder, folder, dataset, config, precision, batch_size, frozen)
            )
            _count(count)
        if "onnx" in formats:
            path = export_onnx(embedder, folder / "model.onnx", frozen=frozen)
            artefacts.append(Artefact(path, "onnx"))
            _count(count)
    return artefacts


def _write_litert(embedder, folder, dataset, config, precision, batch_size, frozen):
    suffix = "" if precision == "fp32" else f"_{precision}"
    suffix += "" if batch_size == 1 else f"_b{batch_size}"
    options = {}
    if precision == "int8":
        options["calibration_images"] = _calibration_images(embedder, dataset, config)
        options["integer_io"] = config.integer_io
    path = export_litert(
        embedder,
        folder / f"model{suffix}.tflite",
        precision=precision,
        batch_size=batch_size,
        frozen=frozen,
        **options,
    )
    integers = precision == "int8" and config.integer_io
    output = LiteRTEmbedder(path).output if integers else None
    return Artefact(path, "litert", precision, batch_size, output)


def _calibration_images(embedder, dataset, config):
    paths = calibration_paths(dataset, config.calibration_images, config.seed)
    with naming_bad_images(paths):
        batches = [batch.numpy() for batch in image_dataset(paths, model_size(embedder), 256)]
    return np.concatenate(batches)


def _latencies(embedder, artefacts, threads, rounds):
    if not rounds:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        models = {KERAS: ("saved_model", save_keras_graph(embedder, Path(folder) / "keras"), 1)}
        models |= {a.name: (a.format, a.path, a.batch_size or 1) for a in artefacts}
        return latencies(models, size=model_size(embedder), threads=threads, rounds=rounds)


def _move(folder, output_dir):
    """Puts the new files in the place of those of an earlier export."""
    output_dir.mkdir(exist_ok=True)
    old = set()
    with contextlib.suppress(FileNotFoundError, ValueError):  # no export of ours lies there
        old = {Path(entry["path"]).name for entry in read_manifest(output_dir)["files"]}
    new = sorted(path.name for path in folder.iterdir())
    for name in sorted(old.union(new)):
        path = output_dir / name
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()
    # model.json comes last: where it is, everything is that it lists
    for name in sorted(new, key=lambda name: name == NAME):
        shutil.move(folder / name, output_dir / name)


def _count(count):
    if count is not None:
        count(1)
