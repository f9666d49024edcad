"""An HTML page that needs nothing else: the look that all reports share."""

import base64
import html
import io

from PIL import Image


def page(*, title, heading, about, body, written):
    """A page of HTML.

    Args:
        title, heading, about, written: Texts: of the browser's tab, above the page, beneath that,
            and at its end.
        body: HTML.

    >>> print(page(title="a", heading="A & B", about="", body="", written="").count("A &amp; B"))
    1
    """
    title, heading, about, written = map(html.escape, (title, heading, about, written))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body><main>
<h1>{heading}</h1>
<p class="about">{about}</p>
{body}
<footer>{written}</footer>
</main></body>
</html>
"""


def table(head, body):
    """A table that scrolls by itself where the page is too narrow, from the HTML of its cells."""
    return f"""<div class="card"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody></table></div>"""


def text_table(titles, rows):
    """As `table`, from texts.

    >>> "<td>a&lt;b</td>" in text_table(["name"], [["a<b"]])
    True
    """
    head = "".join(f"<th>{html.escape(title)}</th>" for title in titles)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>" for cells in rows
    )
    return table(head, body)


def picture_uri(path):
    """A PNG file as a `data:` URI."""
    with open(path, "rb") as file:
        return _uri("png", file.read())


def thumbnail_uri(pixels, size=(96, 48), quality=72):
    """A picture, made small, as a `data:` URI of a JPEG.

    Args:
        pixels: uint8 `(height, width, 3)`.
        size: `(height, width)`.
        quality: Of the JPEG.

    >>> import numpy as np
    >>> thumbnail_uri(np.zeros((256, 128, 3), "uint8"))[:23]
    'data:image/jpeg;base64,'
    """
    small = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=quality)
    return _uri("jpeg", buffer.getvalue())


def _uri(kind, contents):
    return f"data:image/{kind};base64,{base64.b64encode(contents).decode()}"


STYLE = """
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
.pictures { display: grid; gap: 14px; }
.pictures { grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); }
.pictures img { width: 100%; height: auto; display: block; }
.pictures img.wide { grid-column: 1 / -1; }
.card + .card { margin-top: 14px; }
.found { display: flex; flex-wrap: wrap; gap: 10px 8px; padding: 12px 14px; }
.found + .found { border-top: 1px solid #eef0f3; }
figure { margin: 0; width: 62px; font-size: 11px; line-height: 1.3; color: #3d4856; }
figure img { width: 54px; height: 108px; display: block; }
figure img { border: 4px solid #1c2430; border-radius: 3px; }
figure.same img { border-color: #16964a; }
figure.different img { border-color: #d63026; }
figure.query { margin-right: 10px; }
figcaption { overflow-wrap: anywhere; }
.pairs { display: flex; flex-wrap: wrap; gap: 10px 22px; padding: 12px 14px; }
.pairs > div { display: flex; gap: 4px; }
"""
