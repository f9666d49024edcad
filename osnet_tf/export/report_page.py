"""The parity report as one HTML file, with its plot inside."""

import html
import tempfile
from pathlib import Path

from osnet_tf.export.report import delegation, notes, operators, verdict
from osnet_tf.report import export_cells, export_compared_on, milliseconds_per_image
from osnet_tf.visualize.figure import require_matplotlib

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
    return _PAGE.format(
        style=_STYLE,
        title=escape(f"{report['name']}: parity report"),
        name=escape(report["name"]),
        about=escape(f"{report['architecture']} · {export_compared_on(report)}"),
        verdict_class="beyond" if failed else "passed",
        verdict=escape(verdict(report)),
        head=head,
        body="\n".join(body),
        plot=plot_svg(report),
        notes="".join(f"<p>{escape(note)}</p>" for note in notes(report)),
        operators=graphs,
        written=escape(f"Written {report['date']} with {versions}; commit {report['commit']}."),
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


_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2430; background: #f4f5f7; margin: 0; }
main { max-width: 1320px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0; }
h2 { font-size: 17px; margin: 32px 0 10px; }
.about { color: #5b6675; margin: 4px 0 18px; }
.verdict { padding: 10px 14px; border-radius: 8px; font-weight: 600; }
.verdict.passed { background: #e2f3e8; color: #14532d; }
.verdict.beyond { background: #fde5e1; color: #8a1c0c; }
.card { background: #fff; border: 1px solid #dfe3e8; border-radius: 10px; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 8px 8px; white-space: nowrap; font-size: 13px; }
th { font-weight: 600; color: #5b6675; border-bottom: 1px solid #dfe3e8; }
th:first-child, td:first-child { text-align: left; padding-left: 16px; }
td:first-child { font-weight: 600; }
tr + tr td { border-top: 1px solid #eef0f3; }
tr.keras td { background: #f8f9fb; color: #5b6675; }
tr td:last-child { padding-right: 16px; }
tr.passed td:last-child { color: #14703a; font-weight: 600; }
tr.beyond td { background: #fdf1ef; }
tr.beyond td:last-child { color: #b42310; font-weight: 700; }
.plot { padding: 14px; }
.plot svg { width: 100%; height: auto; display: block; }
.notes p { margin: 6px 0; color: #3d4856; max-width: 92ch; }
details { background: #fff; border: 1px solid #dfe3e8; border-radius: 8px; margin: 6px 0; }
summary { padding: 8px 14px; cursor: pointer; font-size: 14px; }
details p { margin: 0; padding: 0 14px 10px; font-size: 13px; color: #3d4856; }
footer { margin-top: 28px; color: #7a8594; font-size: 12.5px; }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body><main>
<h1>{name}</h1>
<p class="about">{about}</p>
<p class="verdict {verdict_class}">{verdict}</p>
<h2>The exported files beside the Keras model</h2>
<div class="card"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody></table></div>
<h2>What a file costs and what it is worth</h2>
<div class="card plot">{plot}</div>
<h2>How to read this</h2>
<div class="notes">{notes}</div>
<h2>Operators</h2>
{operators}
<footer>{written}</footer>
</main></body>
</html>
"""
