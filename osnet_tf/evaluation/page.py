"""The report of an evaluation as one HTML file: figures, curves, and images to look at."""

import html
import os

import numpy as np

from osnet_tf.data.pillow_images import read_rgb
from osnet_tf.evaluation.preconditions import labels_of, uses_cameras
from osnet_tf.metrics.hardest import hardest_pairs, label_suspects
from osnet_tf.report import counts_line, distance_name, score_cells
from osnet_tf.visualize.page import page, picture_uri, text_table, thumbnail_uri
from osnet_tf.visualize.ranked import match_line, query_lines, rank_queries, worst_queries

_WORST, _MATCHES, _PAIRS, _SUSPECTS = 20, 8, 12, 24
_NEIGHBORS = 5
#: Images that are compared with each other for wrong labels: more would take minutes.
_MOST = 40_000


def evaluation_page(found, features, dataset, config, pictures, about, progress=None):
    """The report of an evaluation as HTML that needs nothing else.

    It holds the figures and curves, the queries that were answered worst with what they found, the
    hardest pairs of different people and of the same, and images whose label is probably wrong. It
    shows small copies of the dataset's images: it is as private as they are.

    Args:
        found: An `Evaluation`.
        features, dataset, config: What `evaluate_features` was given.
        pictures: Dict from a picture's name to its PNG file.
        about: The dict of `results.json`: model, versions, commit and date.
        progress: Called with the number of images of each finished block; may be None.

    Returns:
        str.

    Raises ImageError if an image that is shown cannot be read.
    """
    metric = next(iter(found.rankings))
    shown = _Shown(found, features, dataset, uses_cameras(dataset, config), metric)
    results = found.to_dict()
    scores = found.scores[metric]
    versions = ", ".join(f"{name} {value}" for name, value in about["versions"].items())
    warning = ""
    if found.trained_on:
        warning = '<p class="verdict beyond">The model was trained on these people.</p>'
    curves = "".join(
        f'<img class="{"wide" if name == "distances" else ""}" alt="{html.escape(name)}" '
        f'src="{picture_uri(path)}">'
        for name, path in pictures.items()
    )
    body = f"""{warning}
<h2>Figures</h2>
{text_table(*score_cells(results))}
{_verification(results)}
<h2>Curves</h2>
<div class="card plot pictures">{curves}</div>
<h2>Queries that were answered worst</h2>
{
        _note(
            f"By {distance_name(metric)} distance, the lowest average precision (AP) first. The "
            "query stands first; green is the same person, red another one, and beneath each are "
            "camera and distance."
        )
    }
<div class="card">{shown.worst()}</div>
<h2>Different people who look alike</h2>
{_note("Each query's person once, with the nearest gallery image of somebody else.")}
<div class="card pairs">{shown.different()}</div>
<h2>The same person, unlike</h2>
{_note("Each query's person once, with the farthest gallery image of the same person.")}
<div class="card pairs">{shown.same()}</div>
<h2>Labels that are probably wrong</h2>
{shown.suspects(progress)}"""
    return page(
        title=f"{dataset.name}: evaluation",
        heading=f"{dataset.name}: Rank-1 {scores.rank1:.2%}, mAP {scores.mAP:.2%}",
        about=f"{os.path.basename(about['model'])} · {counts_line(results)}",
        body=body,
        written=f"Written {about['date']} with {versions}; commit {about['commit']}.",
    )


def _verification(results):
    """A row for each false-positive rate: by each distance the threshold and the true positives."""
    found = results.get("verification", {})
    if not found:
        return ""
    titles, rates = ["same person?"], list(next(iter(found.values()))["at_fpr"])
    rows = [["equal error rate"], *([f"false positives {float(fpr):.4g}"] for fpr in rates)]
    for metric, one in found.items():
        titles += [f"{distance_name(metric)}: up to", "true positives"]
        rows[0] += [f"{one['eer_threshold']:.4f}", f"{1 - one['eer']:.2%}"]
        for row, fpr in zip(rows[1:], rates, strict=True):
            at = one["at_fpr"][fpr]
            row += [f"{at['threshold']:.4f}", f"{at['tpr']:.2%}"]
    return text_table(titles, rows)


def _note(text):
    return f'<div class="notes"><p>{html.escape(text)}</p></div>'


class _Shown:
    """The images of the page."""

    def __init__(self, found, features, dataset, camera_aware, metric):
        self._found, self._features, self._dataset = found, features, dataset
        self._options = {"metric": metric, "camera_aware": camera_aware}
        self._samples = (*dataset.query, *dataset.gallery)

    def worst(self):
        ranking = self._found.rankings[self._options["metric"]]
        chosen = worst_queries(ranking, _WORST)
        rows = []
        for one in rank_queries(
            self._features, self._dataset, ranking, chosen, k=_MATCHES, **self._options
        ):
            figures = [self._figure(one.query, query_lines(one, self._cameras), "query")]
            for match in one.matches:
                kind = "same" if match.same else "different"
                line = match_line(match, self._cameras)
                figures.append(self._figure(match.sample, [line], kind))
            rows.append(f'<div class="found">{"".join(figures)}</div>')
        return "\n".join(rows)

    def different(self):
        return self._pairs(0, "different")

    def same(self):
        return self._pairs(1, "same")

    def suspects(self, progress):
        if len(self._samples) > _MOST:
            return _note(
                f"Not looked for: {len(self._samples):,} images are more than the {_MOST:,} that "
                "are compared with each other."
            )
        if len(self._samples) <= _NEIGHBORS:
            return _note("Not looked for: there are too few images.")
        pids = np.array([sample.pid for sample in self._samples])
        metric = self._options["metric"]
        suspects = label_suspects(
            self._features, pids, k=_NEIGHBORS, metric=metric, progress=progress
        )
        about = (
            f"{len(suspects):,} of {len(pids):,} images have {_NEIGHBORS} nearest others, of query "
            "and gallery and of all cameras, that are all of one other person; the nearest to them "
            "first. At the left is the image with its label, at the right the nearest of the "
            "others with theirs. The better the model, the more this says: a look decides."
        )
        pairs = "".join(
            self._pair(self._samples[one.image], self._samples[one.neighbor], one.distance, "")
            for one in suspects[:_SUSPECTS]
        )
        return _note(about) + (f'<div class="card pairs">{pairs}</div>' if suspects else "")

    @property
    def _cameras(self):
        return self._dataset.has_cameras

    def _pairs(self, which, kind):
        if not hasattr(self, "_hardest"):
            number = len(self._dataset.query)
            sets = self._features[:number], self._features[number:]
            self._hardest = hardest_pairs(
                *sets, *labels_of(self._dataset), k=_PAIRS, **self._options
            )
        return "".join(
            self._pair(
                self._dataset.query[one.query],
                self._dataset.gallery[one.gallery],
                one.distance,
                kind,
            )
            for one in self._hardest[which]
        )

    def _pair(self, first, second, distance, kind):
        figures = [
            self._figure(sample, [self._name(sample), text], kind)
            for sample, text in ((first, self._camera(first)), (second, f"{distance:.3g}"))
        ]
        return f"<div>{''.join(figures)}</div>"

    def _figure(self, sample, lines, kind):
        caption = "<br>".join(html.escape(line) for line in lines)
        title = html.escape(os.path.basename(sample.path))
        return (
            f'<figure class="{kind}"><img alt="{title}" title="{title}" '
            f'src="{thumbnail_uri(read_rgb(sample.path))}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )

    def _name(self, sample):
        return "distractor" if sample.pid == 0 else self._dataset.name_of(sample.pid)

    def _camera(self, sample):
        return f"c{sample.camid + 1}" if self._cameras else ""
