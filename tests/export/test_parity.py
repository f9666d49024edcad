import re

import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.data import ReidDataset, Sample
from osnet_tf.export.config import Tolerance
from osnet_tf.export.parity import choose_images, compare, cosines, problems, smallest_cosine
from osnet_tf.export.runners import Artefact, in_batches


def big_dataset():
    """200 people with 2 queries and 8 gallery images each, 900 distractors."""
    query = [Sample(f"q{p}_{i}", p, i) for p in range(1, 201) for i in range(2)]
    gallery = [Sample(f"g{p}_{i}", p, 2 + i) for p in range(1, 201) for i in range(8)]
    others = [Sample(f"d{i}", 0, 0) for i in range(900)]
    return ReidDataset("big", (), tuple(query), tuple(gallery + others))


def test_cosines():
    a = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    b = np.array([[2.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(cosines(a, b), [1, np.sqrt(0.5), 1])
    assert smallest_cosine(a, b) == pytest.approx(np.sqrt(0.5))
    assert smallest_cosine(a[2:], b[:1]) == 0.0
    assert np.isnan(smallest_cosine(np.full((1, 2), np.nan), b[:1]))


def test_a_sample_keeps_people_whole_and_others_to_confuse_them_with():
    dataset = big_dataset()
    sample, evaluation = choose_images(dataset, "auto")
    assert evaluation == "sample"
    assert len(sample.query) + len(sample.gallery) == 1000
    pids = {s.pid for s in sample.query}
    assert len(pids) >= 40
    for part in ("query", "gallery"):
        kept = [s for s in getattr(dataset, part) if s.pid in pids]
        assert set(kept) <= set(getattr(sample, part))
    assert any(s.pid not in pids for s in sample.gallery)
    assert choose_images(dataset, "auto")[0] == sample


def test_small_sets_are_evaluated_in_full():
    dataset = big_dataset()
    assert choose_images(dataset, "full")[0] == dataset
    small = dataset._replace(gallery=dataset.gallery[:100])
    for evaluation in ("auto", "sample"):
        assert choose_images(small, evaluation) == (small, "full")
    none, evaluation = choose_images(dataset, "none")
    assert (len(none.query), none.gallery, evaluation) == (100, (), "none")
    with pytest.raises(ValueError, match=r"must be one of auto, full.*Received: evaluation='some'"):
        choose_images(dataset, "some")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"cosine_min": 0.9, "map_change": -0.2}, []),
        ({"cosine_min": 0.9, "map_change": None}, []),
        ({"cosine_min": 1.0, "map_change": 5.0}, []),
        ({"cosine_min": 0.8, "map_change": 0.0}, ["smallest cosine of 0.800000 .*0.100000 too li"]),
        ({"cosine_min": float("nan"), "map_change": 0.0}, ["smallest cosine of nan"]),
        ({"cosine_min": 0.95, "map_change": -0.5}, [r"loses 0.500 points .*\(0.300 too many\)"]),
        (
            {"error": "no kernel", "cosine_min": 0.0, "map_change": -9.0},
            ["does not run: no kernel"],
        ),
        ({"cosine_min": 0.0, "map_change": -9.0}, ["smallest cosine", "loses 9.000 points"]),
    ],
)
def test_problems(row, expected):
    found = problems({"error": None, **row}, Tolerance(min_cosine=0.9, max_map_drop=0.2))
    assert len(found) == len(expected)
    for sentence, pattern in zip(found, expected, strict=True):
        assert re.search(pattern, sentence), sentence


@pytest.mark.parametrize("number", [1, 3, 4])
def test_a_static_batch_takes_any_number_of_images(number):
    seen = []

    def run(batch):
        seen.append(len(batch))
        return batch + 1

    images = np.arange(number)
    assert in_batches(run, images, 3).tolist() == (images + 1).tolist()
    assert set(seen) == {3}
    assert in_batches(run, images, None).tolist() == (images + 1).tolist()


def test_compare_on_real_files(small_embedder, frozen, demo_people, monkeypatch):
    """In place of files: the model itself, one that swaps two images, one that does not run."""
    from osnet_tf.embedding import embed_paths
    from osnet_tf.export import parity

    def exact(images):
        return frozen(tf.constant(images))[0].numpy()

    def swapped(images):
        return exact(images)[[1, 0, *range(2, len(images))]]

    def broken(images):
        raise RuntimeError("no kernel\nfor node 294")

    runs = iter([exact, swapped, broken])
    monkeypatch.setattr(parity, "runner", lambda *_: next(runs))
    artefacts = [Artefact(name, "saved_model") for name in "123"]
    dataset, _ = choose_images(demo_people, "full")
    found = compare(small_embedder, artefacts, dataset)
    paths = [s.path for s in (*dataset.query, *dataset.gallery)]
    expected = embed_paths(small_embedder, paths)
    np.testing.assert_allclose(found.embeddings, expected, rtol=1e-4, atol=1e-5)
    good, bad, failed = found.artefacts
    assert good["cosine_min"] == pytest.approx(1, abs=1e-6)
    assert good["map_change"] == pytest.approx(0, abs=1e-6)
    cosine = cosines(expected[:1], expected[1:2])[0]
    assert bad["cosine_min"] == pytest.approx(cosine, abs=1e-5)
    assert bad["cosine_mean"] == pytest.approx(1 - 2 * (1 - cosine) / len(paths), abs=1e-5)
    assert bad["mAP"] != found.keras["mAP"]
    assert bad["map_change"] == pytest.approx(100 * (bad["mAP"] - found.keras["mAP"]))
    assert (failed["error"], failed["cosine_min"], failed["mAP"]) == ("no kernel", 0, 0)
    assert good["error"] is None
