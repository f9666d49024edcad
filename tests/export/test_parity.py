import re

import numpy as np
import pytest
import tensorflow as tf

from osnet_tf.export.comparison_images import choose_images
from osnet_tf.export.config import Tolerance
from osnet_tf.export.exported import Agreement
from osnet_tf.export.formats import Artefact, Format
from osnet_tf.export.parity import compare, cosines, problems, smallest_cosine, thresholds_of


def test_cosines():
    a = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    b = np.array([[2.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(cosines(a, b), [1, np.sqrt(0.5), 1])
    assert smallest_cosine(a, b) == pytest.approx(np.sqrt(0.5))
    assert smallest_cosine(a[2:], b[:1]) == 0.0
    assert np.isnan(smallest_cosine(np.full((1, 2), np.nan), b[:1]))


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
    agreement = Agreement(cosine_mean=1.0, **row)
    found = problems(agreement, Tolerance(min_cosine=0.9, max_map_drop=0.2))
    assert len(found) == len(expected)
    for sentence, pattern in zip(found, expected, strict=True):
        assert re.search(pattern, sentence), sentence


def test_compare_on_real_files(small_embedder, frozen, demo_people, monkeypatch):
    """In place of files: the model itself, one that swaps two images, one that does not run."""
    from osnet_tf.embedding import embed_paths
    from osnet_tf.export import parity

    def exact(images):
        return frozen.function(tf.constant(images))[0].numpy()

    def swapped(images):
        return exact(images)[[1, 0, *range(2, len(images))]]

    def broken(images):
        raise RuntimeError("no kernel\nfor node 294")

    def absurd(images):
        return np.full((len(images), 512), np.nan, "float32")

    runs = {"1": exact, "2": swapped, "3": broken, "4": absurd}
    fake = Format(write=None, open=lambda path, num_threads: runs[path])
    monkeypatch.setattr(parity, "get_format", lambda name: fake)
    files = [(name, Artefact(name, "saved_model")) for name in runs]
    dataset, _ = choose_images(demo_people, "full")
    found = compare(small_embedder, files, dataset)
    paths = [s.path for s in (*dataset.query, *dataset.gallery)]
    expected = embed_paths(small_embedder, paths)
    np.testing.assert_allclose(found.embeddings, expected, rtol=1e-4, atol=1e-5)
    good, bad, failed, nan = found.agreements
    assert good.cosine_min == pytest.approx(1, abs=1e-6)
    assert good.map_change == pytest.approx(0, abs=1e-6)
    cosine = cosines(expected[:1], expected[1:2])[0]
    assert bad.cosine_min == pytest.approx(cosine, abs=1e-5)
    assert bad.cosine_mean == pytest.approx(1 - 2 * (1 - cosine) / len(paths), abs=1e-5)
    assert bad.mAP != found.mAP
    assert bad.map_change == pytest.approx(100 * (bad.mAP - found.mAP))
    assert (failed.error, failed.cosine_min, failed.mAP) == ("no kernel", 0, 0)
    assert (nan.error, nan.cosine_min, nan.mAP) == (None, 0, 0)
    assert good.error is None
    thresholds = thresholds_of(found.embeddings, dataset, "f00d")
    assert {(t.metric, t.dataset, t.fingerprint) for t in thresholds} == {
        ("cosine", "demo", "f00d")
    }
    check_rates(thresholds[-1], found.embeddings, dataset)


def check_rates(calibration, embeddings, dataset):
    """Its rates, counted pair by pair."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    accepted = {True: [], False: []}
    for q, query in enumerate(dataset.query):
        for g, sample in enumerate(dataset.gallery, start=len(dataset.query)):
            same = query.pid == sample.pid
            if not (same and query.camid == sample.camid):
                distance = 1 - float(unit[q].astype("f8") @ unit[g].astype("f8"))
                accepted[same].append(distance <= calibration.threshold + 1e-6)
    assert len(accepted[True]) == calibration.num_same
    assert np.mean(accepted[True]) == pytest.approx(calibration.tpr, abs=1 / len(accepted[True]))
    wrong = np.mean(accepted[False])
    assert wrong == pytest.approx(calibration.fpr, abs=1.5 / len(accepted[False]))
