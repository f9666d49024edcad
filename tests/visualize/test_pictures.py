"""Pictures, by what is drawn: the data of their lines and bars, and where their texts stand."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from osnet_tf.data.statistics import SplitStatistics, Statistics
from osnet_tf.errors import NotFoundError
from osnet_tf.metrics import pairwise_distances, rank, verify
from osnet_tf.visualize import draw_cmc, draw_distances, draw_roc, sweep
from osnet_tf.visualize.datasets import draw_statistics
from osnet_tf.visualize.figure import figure_file


def case(seed=0):
    """30 queries and 90 gallery images of 15 people, some of them hard to tell apart."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((15, 4))
    q_pids, g_pids = np.arange(30) % 15, np.arange(90) % 15
    query = centers[q_pids] + 0.4 * rng.standard_normal((30, 4))
    gallery = centers[g_pids] + 0.4 * rng.standard_normal((90, 4))
    return query, gallery, q_pids, g_pids, np.zeros(30, int), np.ones(90, int)


def texts(axes):
    """{text: the rectangle that it takes, in pixels} of a legend and of the labels of an axis."""
    figure_of = axes.get_figure()
    figure_of.canvas.draw()
    return (
        {label.get_text(): label.get_window_extent() for label in axes.texts},
        axes.get_legend().get_window_extent(),
    )


def text_box(annotation):
    """The rectangle of a text alone, without its line."""
    from matplotlib.text import Text

    return Text.get_window_extent(annotation)


def test_cmc(drawn, tmp_path):
    rankings = {m: rank(*case(), metric=m, max_rank=7) for m in ("euclidean", "cosine")}
    draw_cmc(tmp_path / "cmc.png", rankings, title="demo")
    [axes] = drawn
    for line, (name, ranking) in zip(axes.get_lines(), rankings.items(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4, 5, 6, 7])
        np.testing.assert_array_equal(line.get_ydata(), 100 * ranking.cmc)
        assert f"Rank-1 {100 * ranking.cmc[0]:.2f}%, mAP {100 * ranking.mAP:.2f}%" in (
            line.get_label()
        )
        assert line.get_label().lower().startswith(name)
    assert axes.get_title() == "demo  CMC"


def test_roc(drawn, tmp_path):
    fprs = (0.2, 0.05, 1e-4)
    verified = verify(*case(), fprs=fprs)
    draw_roc(tmp_path / "roc.png", {"euclidean": verified})
    [axes] = drawn
    curve, marks = axes.get_lines()
    distances = pairwise_distances(*case()[:2])
    same = case()[2][:, None] == case()[3]
    accepted = [distances <= t for t in verified.roc_thresholds]
    points = np.array([(a[~same].mean(), 100 * a[same].mean()) for a in accepted])
    np.testing.assert_allclose(curve.get_xydata(), points[points[:, 0] > 0])
    # 1e-4 of 2,520 pairs can only be met by none, which a logarithmic axis cannot show
    expected = [(np.mean(distances[~same] <= t), 100 * np.mean(distances[same] <= t))
                for t in verified.thresholds[:2]]  # fmt: skip
    np.testing.assert_allclose(marks.get_xydata(), expected)
    assert axes.get_xscale() == "log"
    assert f"{100 * verified.eer:.2f}%" in curve.get_label()
    ticks = [label.get_text() for label in axes.get_xticklabels() if label.get_text()]
    assert ticks
    # Numbers, not the source of a formula
    assert all(float(tick.replace("\N{MINUS SIGN}", "-")) > 0 for tick in ticks)


def test_distances(drawn, tmp_path):
    fprs = (0.2, 0.05, 0.01)  # by cosine so close together that their texts must be moved
    verified = {m: verify(*case(), fprs=fprs, metric=m) for m in ("euclidean", "cosine")}
    draw_distances(tmp_path / "distances.png", verified, title="demo")
    drawn[0].get_figure().canvas.draw()
    same = case()[2][:, None] == case()[3]
    for axes, (metric, found) in zip(drawn, verified.items(), strict=True):
        distances = pairwise_distances(*case()[:2], metric=metric)
        for bars, chosen in zip(axes.patches, (same, ~same), strict=True):
            heights, edges, _ = bars.get_data()
            assert heights.sum() == pytest.approx(100)
            # Distances are counted up to 0.05 % above where they are: so none is far off
            below = np.array([np.mean(distances[chosen] <= edge) for edge in edges[1:]])
            later = np.array([np.mean(distances[chosen] <= edge * 0.999) for edge in edges[1:]])
            drawn_below = np.cumsum(heights) / 100
            assert (drawn_below <= below + 1e-9).all()
            assert (drawn_below >= later - 1e-9).all()
        lines = [line.get_xdata()[0] for line in axes.get_lines()]
        np.testing.assert_array_equal(lines, sorted(found.thresholds))
        labels, legend = texts(axes)
        assert list(labels) == ["FPR 0.01", "FPR 0.05", "FPR 0.2"]
        assert [label.xy for label in axes.texts] == [(t, 1) for t in sorted(found.thresholds)]
        plot, title = axes.get_window_extent(), axes.title.get_window_extent()
        texts_of = [text_box(label) for label in axes.texts]
        for number, rectangle in enumerate(texts_of):
            others = (legend, plot, title, *texts_of[:number])
            assert not any(rectangle.overlaps(other) for other in others)
        assert not legend.overlaps(plot)
        assert not legend.overlaps(axes.xaxis.label.get_window_extent())
        whole = axes.get_figure().bbox
        for text in (axes.yaxis.label, axes.xaxis.label, axes.title):
            box = text.get_window_extent()
            assert box.x0 >= 0
            assert box.y0 >= 0
            assert box.y1 <= whole.y1


def test_thresholds_that_accept_nothing_are_not_drawn(drawn, tmp_path):
    found = verify(np.ones((3, 2)), np.ones((6, 2)), [0, 1, 2], [0, 1, 2] * 2, [0] * 3, [1] * 6)
    draw_distances(tmp_path / "d.png", {"euclidean": found})
    assert not list(drawn[0].get_lines())
    draw_roc(tmp_path / "r.png", {"euclidean": found})
    np.testing.assert_array_equal(drawn[1].get_lines()[0].get_xydata(), [[1, 100]])


def test_a_sweep(drawn, tmp_path):
    trials = [
        SimpleNamespace(
            settings={"rate": 1e-3, "head": "linear"}, score=0.5, state="complete", score_name="mA"
        ),
        SimpleNamespace(
            settings={"rate": 1e-1, "head": "arcface"}, score=0.25, state="pruned", score_name="mA"
        ),
        SimpleNamespace(
            settings={"rate": 1e-2, "head": "linear"}, score=0.75, state="failed", score_name="mA"
        ),
    ]
    sweep.draw_sweep(tmp_path / "sweep.png", trials)
    heads, rates = drawn
    assert [axes.get_xlabel() for axes in drawn] == ["head", "rate"]
    assert [list(line.get_ydata()) for line in rates.get_lines()] == [[50.0], [25.0]]
    assert [list(line.get_xdata()) for line in rates.get_lines()] == [[1e-3], [1e-1]]
    assert (rates.get_xscale(), heads.get_xscale()) == ("log", "linear")


def test_the_file_is_the_picture(tmp_path):
    with figure_file(tmp_path / "a.png", columns=2, width=2, height=1) as axes:
        for one, color in zip(axes, ("#ff0000", "#0000ff"), strict=True):
            one.set_axis_off()
            one.axvspan(0, 1, color=color)
            one.set(xlim=(0, 1), ylim=(0, 1))
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (480, 120)  # 4 by 1 inches at 120 dots
        pixels = np.asarray(image.convert("RGB"))
    assert pixels[60, 120].tolist() == [255, 0, 0]
    assert pixels[60, 360].tolist() == [0, 0, 255]


def test_no_picture_where_drawing_fails_or_the_folder_is_missing(tmp_path):
    with pytest.raises(ZeroDivisionError), figure_file(tmp_path / "a.png"):
        1 / 0  # noqa: B018
    with (
        pytest.raises(NotFoundError, match=r"no folder .*none to write b\.png into"),
        figure_file(tmp_path / "none" / "b.png"),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_names_of_any_kind_are_drawn_as_they_are(drawn, tmp_path):
    """Not as formulas, of which half are errors; a letter that no font has is a box."""
    odd = ("$\\frac{", "a_b^c", "行人", "e\x1b[2J", "\n")
    groups = {name: number for number, name in enumerate(odd)}
    statistics = Statistics("$x", "classes", {"train": SplitStatistics(10, groups)})
    draw_statistics(tmp_path / "odd.png", statistics)
    [axes] = drawn
    assert axes.get_title() == "$x"
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert shown == ["$\\frac{", "a_b^c", "行人", "e\\x1b[2J", "\n"]
    assert [bar.get_height() for bar in axes.patches] == [0, 1, 2, 3, 4]


def test_numbers_of_a_dataset(drawn, tmp_path):
    """Bars where there are few; how many have so many, where there are many."""
    people = {str(pid): 1 + pid % 3 for pid in range(60)}
    splits = {"train": SplitStatistics(120, people, {"1": 70, "2": 50})}
    draw_statistics(tmp_path / "stats.png", Statistics("mine", "identities", splits))
    cameras, identities = drawn
    assert [bar.get_height() for bar in cameras.patches] == [70, 50]
    assert [bar.get_height() for bar in identities.patches] == [20, 20, 20]
    assert identities.get_ylabel() == "identities"
