"""The parity report as one HTML file, with its plot inside."""

import html
import tempfile
from pathlib import Path

from osnet_tf.export.report import delegation, notes, operators, verdict
from osnet_tf.report import export_cells, export_compared_on, milliseconds_per_image
from osnet_tf.visualize.figure import require_matplotlib
from osnet_tf.visualize.page import page, table

_MARKERS = "osD^vP*X<>"


def html_page(report):
    """The report as one HTML file that needs nothing else, plot included."""
    escape = html.escape
    titles, rows = export_cells(report)
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = []
    for kind, cells in zip(["keras", *map(_css_class, report["artefacts"])], rows, strict=True):
        inner = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        body.append(f'<tr class="{kind}">{inner}</tr>')
    graphs = "".join(
        f"<details><summary>{escape(row['path'])}: {sum(row['operators'].values())} operators"
        f"{escape(delegation(row))}</summary><p>{escape(operators(row))}</p></details>"
        for row in report["artefacts"]
        if row["operators"]
    )
    versions = ", ".join(f"{name} {value}" for name, value in report["versions"].items())
    failed = any(row["problems"] for row in report["artefacts"])
    kind = "beyond" if failed else "passed"
    return page(
        title=f"{report['name']}: parity report",
        heading=report["name"],
        about=f"{report['architecture']} · {export_compared_on(report)}",
        body=f"""<p class="verdict {kind}">{escape(verdict(report))}</p>
<h2>The exported files beside the Keras model</h2>
{table(head, "".join(body))}
<h2>What a file costs and what it is worth</h2>
<div class="card plot">{plot_svg(report)}</div>
<h2>How to read this</h2>
<div class="notes">{"".join(f"<p>{escape(note)}</p>" for note in notes(report))}</div>
<h2>Operators</h2>
{graphs}""",
        written=f"Written {report['date']} with {versions}; commit {report['commit']}.",
    )


def plot_svg(report):
    """Size and, where it was measured, latency against mAP (or the smallest cosine), as SVG.

    Raises ImportError if matplotlib is not installed.
    """
    matplotlib = require_matplotlib()
    from matplotlib.figure import Figure

    threads = sorted(report["keras"]["latency"] or {}, key=int)[:1]
    panels = [("size (MiB)", lambda row: row["bytes"] / 2**20)]
    for number in threads:
        title = f"latency of one image, {number} thread{'' if int(number) == 1 else 's'} (ms)"
        panels.append((title, lambda row, n=number: milliseconds_per_image(row, n)))
    evaluated = report["keras"]["mAP"] is not None
    rows = [row for row in report["artefacts"] if not row["error"]]
    with matplotlib.rc_context({"svg.hashsalt": "osnet_tf", "font.size": 9}):
        figure = Figure(figsize=(5.2 * len(panels), 3.4), layout="constrained")
        all_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (title, value) in zip(all_axes, panels, strict=True):
            for index, row in enumerate(rows):
                axes.plot(
                    value(row),
                    100 * row["mAP"] if evaluated else row["cosine_min"],
                    linestyle="none",
                    marker=_MARKERS[index % len(_MARKERS)],
                    markersize=9,
                    alpha=0.75,
                    color=f"C{index % 10}",
                    label=row["path"] if row["format"] != "saved_model" else "SavedModel",
                )
            if evaluated:
                axes.axhline(100 * report["keras"]["mAP"], color="0.45", linewidth=1, zorder=0)
            axes.set_xlim(0, 1.12 * max(map(value, rows), default=1))
            axes.margins(y=0.25)
            axes.set_xlabel(title)
            axes.grid(alpha=0.25)
            axes.ticklabel_format(axis="y", useOffset=False)
        if threads:
            x = report["keras"]["latency"][threads[0]]
            all_axes[-1].axvline(x, color="0.45", linewidth=1, zorder=0)
            all_axes[-1].set_xlim(0, max(1.12 * x, all_axes[-1].get_xlim()[1]))
        # High enough, lest differences of rounding fill the picture
        low, high = all_axes[0].get_ylim()
        least = 0.2 if evaluated else 1e-4
        if high - low < least:
            middle = (low + high) / 2
            all_axes[0].set_ylim(middle - least / 2, middle + least / 2)
        all_axes[0].set_ylabel("mAP (%)" if evaluated else "smallest cosine")
        handles, labels = all_axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "plot.svg"
            figure.savefig(path, metadata={"Date": None, "Creator": None}, transparent=True)
            text = path.read_text(encoding="utf-8")
    return text[text.index("<svg") :]


def _css_class(row):
    return "beyond" if row["problems"] else "passed"
