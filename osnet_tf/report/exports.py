"""Tables of exported files beside the Keras model."""

from collections.abc import Mapping
from typing import Any


def export_table(report: Mapping[str, Any]) -> str:
    """What `osnet_tf.export.export_model` returned, as a table: each file beside the Keras model.

    >>> keras = {"rank1": 0.5, "mAP": 0.25, "latency": None}
    >>> row = {"path": "model.onnx", "precision": "fp32", "batch_size": None, "bytes": 2**20}
    >>> row |= {"cosine_min": 1.0, "cosine_mean": 1.0, "rank1": 0.5, "mAP": 0.25}
    >>> row |= {"map_change": 0.0, "partitions": None, "problems": []}
    >>> report = {"dataset": "demo", "evaluation": "full", "num_query": 4, "num_gallery": 9}
    >>> lines = export_table({**report, "keras": keras, "artefacts": [row]}).splitlines()
    >>> lines[2].split()
    ['model.onnx', 'fp32', 'any', '1.00', '1.000000', '1.000000', '50.00', '25.00', '+0.000', '-', \
'ok']
    >>> lines[3]
    'on demo: 4 queries, 9 gallery images'
    """
    titles, rows = export_cells(report)
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    lines = []
    for cells in (titles, *rows):
        first = f"{cells[0]:<{widths[0]}}"
        rest = [f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True)]
        lines.append("  ".join([first, *rest]))
    return "\n".join([*lines, export_compared_on(report)])


def _export_name(row):
    return f"{row['path']}/ (SavedModel)" if row.get("format") == "saved_model" else row["path"]


def _export_columns(report):
    """The table's columns: a list of (title, function from a row to its text)."""
    threads = sorted(report["keras"]["latency"] or {}, key=int)
    found = [
        ("artefact", _export_name),
        ("precision", lambda row: row["precision"]),
        ("batch", lambda row: str(row["batch_size"] or "any")),
        ("MiB", lambda row: f"{row['bytes'] / 2**20:.2f}"),
        ("cosine min", lambda row: f"{row['cosine_min']:.6f}"),
        ("mean", lambda row: f"{row['cosine_mean']:.6f}"),
    ]
    if report["keras"]["mAP"] is not None:
        found += [
            ("Rank-1", lambda row: f"{100 * row['rank1']:.2f}"),
            ("mAP", lambda row: f"{100 * row['mAP']:.2f}"),
            ("change", lambda row: f"{row['map_change']:+.3f}"),
        ]
    for number in threads:
        plural = "" if int(number) == 1 else "s"
        found += [
            (f"ms, {number} thread{plural}", lambda row, n=number: _ms(row, n, 1)),
            ("x Keras", lambda row, n=number: _ms(row, n, report["keras"]["latency"][n])),
        ]
    found += [
        ("partitions", lambda row: "-" if row["partitions"] is None else str(row["partitions"])),
        ("verdict", lambda row: "BEYOND TOLERANCE" if row["problems"] else "ok"),
    ]
    return found


def export_cells(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Titles, the cells of the Keras model, and those of each artefact: lists of str."""
    found = _export_columns(report)
    keras = {
        **report["keras"],
        **{"path": "Keras model", "precision": "fp32", "batch_size": None, "bytes": 0},
        **{"cosine_min": 1.0, "cosine_mean": 1.0, "map_change": 0.0, "partitions": None},
        "problems": [],
    }
    first = ["-" if title in ("MiB", "verdict") else cell(keras) for title, cell in found]
    rows = [[cell(row) for _, cell in found] for row in report["artefacts"]]
    return [title for title, _ in found], [first, *rows]


def milliseconds_per_image(row: Mapping[str, Any], threads: Any) -> float:
    """Latency of an artefact for one image: of a batch of n, the n-th part."""
    return row["latency"][threads] / (row["batch_size"] or 1)


def _ms(row, threads, unit):
    if not row["latency"]:  # it does not run
        return "-"
    return f"{milliseconds_per_image(row, threads) / unit:.2f}"


def export_compared_on(report: Mapping[str, Any]) -> str:
    """What an export was compared on, in words."""
    if report["evaluation"] == "none":
        return f"on {report['num_images']} images of {report['dataset']}, nothing ranked"
    sample = "a sample: " if report["evaluation"] == "sample" else ""
    return (
        f"on {report['dataset']}: {sample}{report['num_query']} queries, "
        f"{report['num_gallery']} gallery images"
    )
