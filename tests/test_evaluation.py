import json
import sys

import numpy as np
import pytest
from PIL import Image

from osnet_tf.data import ReidDataset, Sample
from osnet_tf.data.decoding import ImageError
from osnet_tf.embedding import embed_paths
from osnet_tf.evaluation import evaluate, evaluate_features
from osnet_tf.model_source import load_source
from osnet_tf.models import OSNet
from osnet_tf.report import results_table


@pytest.fixture(scope="module")
def embedder():
    return OSNet("osnet_x0_25", input_shape=(32, 16, 3))


@pytest.fixture
def paths(tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.png" for i in range(5)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (40, 20, 3), "uint8")).save(path)
    return [str(path) for path in paths]


def test_embeddings_follow_the_paths_whatever_the_batch(embedder, paths):
    counted = []
    all_at_once = embed_paths(embedder, paths)
    in_twos = embed_paths(embedder, paths, batch_size=2, progress=counted.append)
    assert counted == [2, 2, 1]
    np.testing.assert_allclose(in_twos, all_at_once, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        embed_paths(embedder, paths[::-1]), all_at_once[::-1], rtol=1e-4, atol=1e-6
    )


def test_a_bad_image_is_named(embedder, paths):
    open(paths[3], "wb").close()
    with pytest.raises(ImageError, match=r"3\.png is empty"):
        embed_paths(embedder, paths)
    with pytest.raises(ValueError, match=r"no images to embed"):
        embed_paths(embedder, [])


FEATURES = np.array([[0, 1], [5, 0], [0, 2], [0, 1.5], [6, 0], [3, 3]], "float32")
DATASET = ReidDataset(
    "toy",
    train=(),
    query=(Sample("q1", 1, 0), Sample("q2", 2, 0)),
    gallery=(Sample("a", 1, 1), Sample("b", 3, 1), Sample("c", 2, 1), Sample("d", 2, 0)),
)


def test_results_by_hand():
    """q1: b (1.5) comes before a (2), so its match is second; q2: c is first, d is its own
    camera's and does not count."""
    results = evaluate_features(FEATURES, DATASET)
    assert (results["dataset"], results["num_query"], results["num_gallery"]) == ("toy", 2, 4)
    assert results["num_unmatched_query"] == 0
    euclidean = results["euclidean"]
    assert (euclidean["rank1"], euclidean["rank5"], euclidean["mAP"]) == (0.5, 1.0, 0.75)
    assert results["cosine"]["rank1"] == 1.0  # a and b point the same way; ties go by index
    json.dumps(results)


def test_evaluating_a_model_end_to_end(embedder, paths):
    samples = [Sample(path, pid, camid) for path, pid, camid in zip(
        [paths[0], paths[1], paths[0], paths[1], paths[2]], (1, 2, 1, 2, 3), (0, 0, 1, 1, 1),
        strict=True)]  # fmt: skip
    dataset = ReidDataset("copies", (), tuple(samples[:2]), tuple(samples[2:]))
    results = evaluate(embedder, dataset)
    assert results["euclidean"]["rank1"] == results["cosine"]["mAP"] == 1.0


def test_the_table_has_every_figure():
    table = results_table(evaluate_features(FEATURES, DATASET))
    assert "toy: 2 queries, 4 gallery images" in table
    assert table.splitlines()[2].split() == ["euclidean", "50.00", *["100.00"] * 3, "75.00"]


def test_sources_that_cannot_be_loaded(tmp_path):
    with pytest.raises(ValueError, match="Give either run_dir or model"):
        load_source()
    with pytest.raises(ValueError, match="Give the dataset's name"):
        load_source(model="x.keras")
    with pytest.raises(FileNotFoundError, match=r"There is no model .*x\.keras"):
        load_source(model=tmp_path / "x.keras", dataset="demo")
    assert "matplotlib" not in sys.modules
