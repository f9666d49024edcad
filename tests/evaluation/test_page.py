"""The page of an evaluation: what it says, and what it shows."""

import base64
import html.parser
import io

import numpy as np
import pytest
from PIL import Image

from osnet_tf.data import ReidDataset, Sample
from osnet_tf.evaluation import EvaluationConfig, evaluate_features, page
from osnet_tf.evaluation.written import write_evaluation
from osnet_tf.metrics.hardest import hardest_pairs, label_suspects
from osnet_tf.visualize.ranked import worst_queries


class Page(html.parser.HTMLParser):
    """The images of a page: (kind of frame, title, source, caption)."""

    def __init__(self, text):
        super().__init__()
        self.figures, self.images, self.links = [], [], []
        self._kind = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.links += [attributes[name] for name in ("src", "href") if name in attributes]
        if tag == "figure":
            self._kind = attributes["class"]
        if tag == "img" and self._kind is not None:
            self.figures.append([self._kind, attributes["title"], attributes["src"], ""])
        elif tag == "img":
            self.images.append(attributes)

    def handle_endtag(self, tag):
        if tag == "figure":
            self._kind = None

    def handle_data(self, text):
        if self._kind is not None and self.figures:
            self.figures[-1][3] += text + " "


@pytest.fixture
def case(tmp_path):
    """Six people whose images have a grey of their own; one gallery label is wrong."""
    rng = np.random.default_rng(0)
    samples, features = [], []
    for number in range(48):
        pid, camid = 1 + number % 6, number // 6 % 3
        path = tmp_path / f"{number}&.png"
        Image.new("RGB", (8, 16), (5 * number,) * 3).save(path)
        samples.append(Sample(str(path), pid, camid))
        features.append(np.eye(6)[pid - 1] * 10 + rng.standard_normal(6))
    samples[40] = samples[40]._replace(pid=6)  # and looks like the person 5
    names = {pid: f"<{pid}>" for pid in range(1, 7)}
    dataset = ReidDataset("mine", (), tuple(samples[:12]), tuple(samples[12:]), names=names)
    return np.array(features), dataset


def written(case, tmp_path, config, **about):
    features, dataset = case
    found = evaluate_features(features, dataset, config)
    record = {"model": "models/x.keras", "versions": {"keras": "3"}, "commit": "abc", "date": "now"}
    write_evaluation(found, features, dataset, config, tmp_path, about={**record, **about})
    return found, (tmp_path / "mine_report.html").read_text(encoding="utf-8")


def grey_of(source):
    contents = base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))
    return np.asarray(Image.open(io.BytesIO(contents))).mean()


def test_the_page(case, tmp_path):
    features, dataset = case
    config = EvaluationConfig()
    found, text = written(case, tmp_path, config)
    shown = Page(text)
    assert all(link.startswith("data:") for link in shown.links)  # it needs nothing else
    assert f"Rank-1 {found.scores['euclidean'].rank1:.2%}" in text
    assert f"<td>{100 * found.scores['cosine'].mAP:.2f}</td>" in text
    threshold = found.verifications["cosine"].thresholds[0]
    assert f"<td>{threshold:.4f}</td>" in text
    assert [image["alt"] for image in shown.images] == ["CMC", "ROC", "distances"]
    png = base64.b64decode(shown.images[0]["src"].removeprefix("data:image/png;base64,"))
    assert png == (tmp_path / "mine_cmc.png").read_bytes()
    for _, name, source, _ in shown.figures:  # each small copy is of the file that it names
        number = int(name.removesuffix("&.png"))
        assert grey_of(source) == pytest.approx(5 * number, abs=2)

    worst = worst_queries(found.rankings["euclidean"], 20)
    queries = [figure for figure in shown.figures if figure[0] == "query"]
    assert [figure[1] for figure in queries] == [f"{number}&.png" for number in worst]
    first = dataset.query[worst[0]]
    assert queries[0][3].split()[:3] == [f"<{first.pid}>,", f"c{first.camid + 1}", "AP"]
    at = shown.figures.index(queries[1])
    of_first = shown.figures[1:at]
    assert len(of_first) == 8
    labels = {sample.path.rsplit("/", 1)[1]: sample.pid for sample in dataset.gallery}
    for kind, name, _, _ in of_first:
        assert kind == ("same" if labels[name] == first.pid else "different")

    labels_of = [[s.pid for s in part] for part in (dataset.query, dataset.gallery)]
    cameras = [[s.camid for s in part] for part in (dataset.query, dataset.gallery)]
    different, same = hardest_pairs(features[:12], features[12:], *labels_of, *cameras)
    expected = [
        name
        for one in (*different, *same)
        for name in (f"{one.query}&.png", f"{one.gallery + 12}&.png")
    ]
    after = [figure[1] for figure in shown.figures]
    start = len(worst) * 9
    assert after[start : start + len(expected)] == expected
    suspects = label_suspects(features, labels_of[0] + labels_of[1])
    assert 40 in [one.image for one in suspects]
    rest = after[start + len(expected) :]
    assert rest[::2] == [f"{one.image}&.png" for one in suspects]
    assert rest[1::2] == [f"{one.neighbor}&.png" for one in suspects]
    assert f"{len(suspects)} of 48 images" in text


def test_without_verification_and_too_many_images(case, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "_MOST", 47)
    _, text = written(case, tmp_path, EvaluationConfig(verification=False))
    assert "same person?" not in text
    assert [image["alt"] for image in Page(text).images] == ["CMC"]
    assert "Not looked for: 48 images" in text


def test_no_page_unless_asked_for(case, tmp_path):
    features, dataset = case
    config = EvaluationConfig(verification=False)
    found = evaluate_features(features, dataset, config)
    write_evaluation(found, features, dataset, config, tmp_path)
    assert not list(tmp_path.glob("*.html"))
