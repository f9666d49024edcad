import numpy as np
import pytest
from PIL import Image

from osnet_tf.config import ConfigError
from osnet_tf.data import ReidDataset, Sample
from osnet_tf.errors import ArgumentError
from osnet_tf.evaluation import EvaluationConfig, evaluate
from osnet_tf.models import OSNet


@pytest.fixture(scope="module")
def embedder():
    return OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)


@pytest.fixture
def paths(tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.png" for i in range(5)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (40, 20, 3), "uint8")).save(path)
    return [str(path) for path in paths]


def test_evaluating_a_model_end_to_end(embedder, paths):
    samples = [Sample(path, pid, camid) for path, pid, camid in zip(
        [paths[0], paths[1], paths[0], paths[1], paths[2]], (1, 2, 1, 2, 3), (0, 0, 1, 1, 1),
        strict=True)]  # fmt: skip
    dataset = ReidDataset("copies", (), tuple(samples[:2]), tuple(samples[2:]))
    results = evaluate(embedder, dataset).to_dict()
    assert results["euclidean"]["rank1"] == results["cosine"]["mAP"] == 1.0


def test_nothing_is_embedded_before_it_is_refused(embedder):
    """The images do not exist."""
    query = (Sample("/none/q.jpg", 1, 0),)
    dataset = ReidDataset("none", (), query, (Sample("/none/g.jpg", 2, 1),))
    with pytest.raises(ArgumentError, match="The dataset none cannot be evaluated"):
        evaluate(embedder, dataset)
    dataset = dataset._replace(gallery=(Sample("/none/g.jpg", 1, 1),))
    with pytest.raises(ConfigError, match="`rerank_k1` must be < the 2 images"):
        evaluate(embedder, dataset, EvaluationConfig(rerank=True))
