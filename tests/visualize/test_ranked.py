"""Ranked sheets: who stands where, in which frame, with which text."""

import numpy as np
import pytest
from PIL import Image

from osnet_tf.data import ReidDataset, Sample
from osnet_tf.data.image_files import ImageError
from osnet_tf.errors import ArgumentError
from osnet_tf.metrics import rank
from osnet_tf.visualize.canvas import (
    FRAME,
    INK,
    LINE,
    PAPER,
    Cell,
    cell_corner,
    cell_sheet,
    fitting,
)
from osnet_tf.visualize.ranked import (
    DIFFERENT,
    SAME,
    match_line,
    query_lines,
    rank_queries,
    ranked_sheet,
    worst_queries,
)

SIZE = (20, 10)


@pytest.fixture
def people(tmp_path):
    """Two queries of persons 1 and 2 and a gallery of six; every file has a grey of its own."""

    def sample(number, pid, camid):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (10, 20), (number,) * 3).save(path)
        return Sample(str(path), pid, camid)

    query = (sample(10, 1, 0), sample(20, 2, 0))
    labels = ((1, 0), (1, 1), (2, 1), (0, 2), (2, 2), (3, 0))
    gallery = tuple(sample(30 + 10 * n, *one) for n, one in enumerate(labels))
    features = np.array([0.0, 10.0, 0.5, 3.0, 8.0, 1.0, 4.0, 9.5])[:, None]
    dataset = ReidDataset("six", (), query, gallery, names={1: "ann", 2: "bob"})
    return features, dataset


def ranking_of(features, dataset, **options):
    labels = [
        [getattr(s, name) for s in part]
        for name in ("pid", "camid")
        for part in (dataset.query, dataset.gallery)
    ]
    return rank(features[:2], features[2:], *labels, **options)


def test_the_order_is_that_of_the_evaluation(people):
    features, dataset = people
    first, second = rank_queries(features, dataset, ranking_of(*people), [0, 1], k=4)
    # The image at 0.5 is of ann by her own camera: out
    assert [match.distance for match in first.matches] == [1.0, 3.0, 4.0, 8.0]
    assert [match.sample.pid for match in first.matches] == [0, 1, 2, 2]
    assert [match.same for match in first.matches] == [False, True, False, False]
    assert first.average_precision == pytest.approx(1 / 2)
    assert [match.sample.pid for match in second.matches] == [3, 2, 2, 1]
    everyone = rank_queries(features, dataset, ranking_of(*people), [0], k=99, camera_aware=False)[
        0
    ]
    assert [match.distance for match in everyone.matches] == [0.5, 1.0, 3.0, 4.0, 8.0, 9.5]
    without = dataset._replace(has_cameras=False)
    assert rank_queries(features, without, ranking_of(*people), [0])[0] == everyone


def test_cells_and_frames(people):
    features, dataset = people
    ranked = rank_queries(features, dataset, ranking_of(*people), [1, 0], k=3)
    sheet = ranked_sheet(ranked, size=SIZE)
    for row, one in enumerate(ranked):
        cells = [(one.query, INK)] + [
            (m.sample, SAME if m.same else DIFFERENT) for m in one.matches
        ]
        for column, (sample, frame) in enumerate(cells):
            left, top = cell_corner(row, column, size=SIZE, lines=2, first_apart=True)
            grey = int(sample.path.rsplit("/", 1)[1].removesuffix(".png"))
            for at in ((left, top), (left + SIZE[1] - 1, top + SIZE[0] - 1)):
                assert sheet.getpixel(at) == (grey,) * 3
            for x in (left - 1, left - FRAME, left + SIZE[1]):
                assert sheet.getpixel((x, top + 5)) == frame
            assert sheet.getpixel((left + 3, top + SIZE[0] + FRAME - 1)) == frame
            assert sheet.getpixel((left - FRAME - 1, top + 5)) == PAPER
            beneath = top + SIZE[0] + FRAME + 1
            text = sheet.crop((left - FRAME, beneath, left + SIZE[1], beneath + LINE))
            assert min(text.convert("L").get_flattened_data()) < 128  # something is written there


def test_texts(people):
    features, dataset = people
    one = rank_queries(features, dataset, ranking_of(*people), [0], k=1)[0]
    assert query_lines(one, True) == ["ann, c1", "AP 50.0%"]
    assert query_lines(one._replace(average_precision=np.nan), False) == ["ann", "no match"]
    assert match_line(one.matches[0], True) == "c3: 1"
    assert match_line(one.matches[0]._replace(distance=0.123456), False) == "0.123"
    assert fitting("a" * 50, 40).endswith("a..")
    assert fitting("e\x1b[2J", 100) == "e\\x1b[2J"


def test_the_worst_come_first(people):
    rng = np.random.default_rng(0)
    query, gallery = rng.random((30, 3)), rng.random((40, 3))
    q_pids, g_pids = np.arange(30) % 7, np.arange(40) % 5  # pids 5 and 6 have no match
    ranking = rank(query, gallery, q_pids, g_pids, np.zeros(30, int), np.ones(40, int))
    found = worst_queries(ranking, 99)
    assert set(found) == set(np.flatnonzero(q_pids < 5))
    assert (np.diff(ranking.average_precision[found]) >= 0).all()
    np.testing.assert_array_equal(worst_queries(ranking, 3), found[:3])


def test_what_cannot_be_drawn(people, tmp_path):
    features, dataset = people
    with pytest.raises(ArgumentError, match="one picture or more"):
        ranked_sheet([])
    with pytest.raises(ArgumentError, match=r"2 queries and 6 gallery images.*shape=\(7, 1\)"):
        rank_queries(features[1:], dataset, ranking_of(*people), [0])
    ranked = rank_queries(features, dataset, ranking_of(*people), [0], k=1)
    broken = tmp_path / "10.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(ImageError, match=r"10\.png is truncated or corrupt"):
        ranked_sheet(ranked)
    assert rank_queries(features, dataset, ranking_of(*people), []) == []


def test_an_empty_place_stays_white():
    red = np.full((4, 2, 3), (255, 0, 0), "uint8")
    sheet = cell_sheet([[None, Cell(red)]], size=(8, 4))
    left, top = cell_corner(0, 0, size=(8, 4), lines=0)
    assert sheet.getpixel((left, top)) == PAPER
    left, top = cell_corner(0, 1, size=(8, 4), lines=0)
    assert sheet.getpixel((left, top)) == (255, 0, 0)
    assert sheet.getpixel((left - 1, top)) == PAPER  # no frame
