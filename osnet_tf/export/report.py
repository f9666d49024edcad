"""The parity report in Markdown, and the sentences that its forms share."""

from pathlib import Path

from osnet_tf.files import whole_file, write_json
from osnet_tf.report import export_cells, export_compared_on

REPORTS = ("report.json", "report.md", "report.html")


def write_reports(folder, report, page):
    """Writes `report.json`, `report.md` and `report.html` into a folder.

    Args:
        folder: It exists.
        report: The dict that `osnet_tf.export.export_model` returns.
        page: The HTML page, as `osnet_tf.export.report_page.html_page` made it.
    """
    folder = Path(folder)
    write_json(folder / REPORTS[0], report)
    for name, text in zip(REPORTS[1:], (markdown(report), page), strict=True):
        with whole_file(folder / name) as new:
            new.write_text(text, encoding="utf-8")


def markdown(report):
    """The report in Markdown."""
    titles, rows = export_cells(report)
    lines = [
        f"# {report['name']}: the exported files beside the Keras model",
        "",
        verdict(report),
        "",
        *_bar_lines([titles, ["---", *["---:"] * (len(titles) - 1)], *rows]),
        "",
        *(sentence for note in notes(report) for sentence in (note, "")),
        "## Operators",
        "",
    ]
    for row in report["artefacts"]:
        if row["operators"]:
            lines.append(f"- `{row['path']}`: {operators(row)}")
    versions = ", ".join(f"{name} {value}" for name, value in report["versions"].items())
    lines += ["", f"Written {report['date']} with {versions}; commit {report['commit']}."]
    return "\n".join(lines) + "\n"


def verdict(report):
    """Whether every file is within its tolerance, in a sentence."""
    wrong = [row for row in report["artefacts"] if row["problems"]]
    if not wrong:
        return "Every file is within its tolerance."
    sentences = [f"{row['path']} {problem}" for row in wrong for problem in row["problems"]]
    return f"BEYOND TOLERANCE: {'; '.join(sentences)}."


def notes(report):
    """What one must know to read the table."""
    limits = "; ".join(
        f"{precision}: smallest cosine at least {limit['min_cosine']}, mAP at most "
        f"{limit['max_map_drop']} points lower"
        for precision, limit in report["tolerances"].items()
    )
    notes = [
        f"Compared {export_compared_on(report)}. cosine: between a file's embedding of an image "
        f"and the Keras model's, the smallest and the mean over {report['num_images']} images. "
        "Rank-1 and mAP by Euclidean distance, in percent; change in percentage points of mAP.",
        f"Tolerances. {limits}.",
    ]
    if report["evaluation"] == "sample":
        notes.append(
            "The sample has fewer people to confuse than the whole test set: its figures compare "
            "these files with each other and with nothing else."
        )
    if report["keras"]["latency"]:
        notes.append(
            "ms: for one image on this machine's CPU, the median of runs in which all files and "
            "the Keras model took turns; with a batch of n, the n-th part of its time. "
            '"x Keras": that beside the Keras model\'s graph in TensorFlow (grey in the plot).'
        )
    for row in report["artefacts"]:
        left = _left_out(row)
        if left:
            notes.append(f"{row['path']}: {left}.")
    return notes


def _left_out(row):
    """Which operators the delegate leaves alone; the one that takes the pixels in is no news."""
    if row["partitions"] in (None, 1):
        return ""
    left = ", ".join(f"{number} {name}" for name, number in row["undelegated"].items())
    return f"XNNPACK takes it in {row['partitions']} parts, because it leaves out {left}"


def delegation(row):
    """How many parts XNNPACK takes a file in, and what it leaves out."""
    if row["partitions"] is None:
        return ""
    left = ", ".join(f"{number} {name}" for name, number in row["undelegated"].items())
    parts = "1 part" if row["partitions"] == 1 else f"{row['partitions']} parts"
    return f" · {parts} in XNNPACK, left out: {left or 'none'}"


def operators(row):
    """The operators of a file with their numbers, the most frequent first."""
    ordered = sorted(row["operators"].items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {number}" for name, number in ordered)


def _bar_lines(rows):
    return [f"| {' | '.join(cells)} |" for cells in rows]
