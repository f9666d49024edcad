import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image, ImageOps

from osnet_tf import metrics
from osnet_tf.data import ReidDataset, Sample, generate_demo, load_dataset
from osnet_tf.data.decoding import ImageError
from osnet_tf.embedding import embed_paths
from osnet_tf.evaluation import (
    EvaluationConfig,
    FeatureCache,
    evaluate,
    evaluate_features,
    evaluate_source,
)
from osnet_tf.metrics import calibration_path, find_calibration
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
    results = evaluate_features(FEATURES, DATASET).to_dict()
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
    results = evaluate(embedder, dataset).to_dict()
    assert results["euclidean"]["rank1"] == results["cosine"]["mAP"] == 1.0


def test_the_table_has_every_figure():
    table = results_table(evaluate_features(FEATURES, DATASET).to_dict()).splitlines()
    assert table[0].split() == [
        "dataset", "distance", "Rank-1", "Rank-5", "Rank-10", "Rank-20", "mAP", "mINP",
    ]  # fmt: skip
    assert table[1].split() == ["toy", "Euclidean", "50.00", *["100.00"] * 3, *["75.00"] * 2]
    assert table[-1] == "toy: 2 queries, 4 gallery images"


def clustered(seed=0, dim=8):
    """Features of 5 people by 3 cameras, 2 images each, and 4 distractors."""
    rng = np.random.default_rng(seed)
    centers = 2 * rng.standard_normal((5, dim))
    images = [(pid, camid) for pid in range(5) for camid in range(3) for _ in range(2)]
    points = [centers[pid] + rng.standard_normal(dim) for pid, _ in images]
    samples = [Sample(f"{i}.jpg", pid + 1, camid) for i, (pid, camid) in enumerate(images)]
    samples += [Sample(f"d{i}.jpg", 0, 0) for i in range(4)]
    points += list(2 * rng.standard_normal((4, dim)))
    queries = range(0, 30, 6)
    order = [*queries, *(i for i in range(34) if i not in queries)]
    query = tuple(samples[i] for i in order[:5])
    gallery = tuple(samples[i] for i in order[5:])
    return np.array(points, "float32")[order], ReidDataset("clusters", (), query, gallery)


def test_every_choice_is_the_library_function_it_names():
    features, dataset = clustered()
    query, gallery = features[:5], features[5:]
    labels = [np.array([getattr(s, name) for s in part]) for name in ("pid", "camid")
              for part in (dataset.query, dataset.gallery)]  # fmt: skip
    config = EvaluationConfig(
        query_expansion=2, database_augmentation=3, expansion_alpha=1.5, rerank=True,
        rerank_k1=4, rerank_k2=2, rerank_lambda=0.2, single_shot=7, seed=3, camera_aware=False,
    )  # fmt: skip
    found = evaluate_features(features, dataset, config, metrics=("cosine",)).to_dict()
    sets = (
        metrics.expand_queries(query, gallery, k=2, alpha=1.5),
        metrics.augment_gallery(gallery, k=3, alpha=1.5),
    )
    options = {"metric": "cosine", "camera_aware": False}
    ranking = metrics.rank(*sets, *labels, **options)
    distances = metrics.rerank(*sets, k1=4, k2=2, lambda_value=0.2, metric="cosine")
    reranked = metrics.rank_distances(distances, *labels, camera_aware=False)
    single = metrics.rank_single_shot(query, gallery, *labels, repeats=7, seed=3, **options)
    verified = metrics.verify(query, gallery, *labels, **options)
    assert found["cosine"]["mAP"] == ranking.mAP
    assert found["cosine"]["mAP_trapezoid"] == ranking.mAP_trapezoid
    assert found["cosine_reranked"]["mAP"] == reranked.mAP != ranking.mAP
    assert found["cosine"]["single_shot"]["rank1"] == single.cmc[0]
    assert found["cosine"]["single_shot"]["rank1_std"] == single.cmc_std[0]
    assert found["verification"]["cosine"]["eer"] == verified.eer
    assert found["verification"]["cosine"]["at_fpr"]["0.1"]["tpr"] == verified.tprs[0]
    assert found["num_distractors"] == 4
    assert evaluate_features(features, dataset).to_dict()["cosine"] != found["cosine"]
    table = results_table(found)
    assert "cosine, re-ranked" in table
    assert "7 draws" in table
    assert "4 of them distractors" in table
    assert f"up to distance {verified.thresholds[0]:8.4f}" in table


def test_features_of_another_number_are_refused():
    features, dataset = clustered()
    with pytest.raises(ValueError, match=r"5 queries and 29 gallery .* shape=\(33, 8\)"):
        evaluate_features(features[:-1], dataset)


def test_nan_features_are_named_by_the_image():
    features, dataset = clustered()
    features[7, 0] = np.nan
    with pytest.raises(
        ValueError, match=rf"gallery must be finite: row 2 \({dataset.gallery[2].path}"
    ):
        evaluate_features(features, dataset)


def test_the_flip_test_averages_with_the_mirrored_image(embedder, paths):
    mirrored = [path.replace(".png", "_mirrored.png") for path in paths]
    for path, other in zip(paths, mirrored, strict=True):
        Image.open(path).resize((16, 32)).save(path)
        ImageOps.mirror(Image.open(path)).save(other)
    expected = (embed_paths(embedder, paths) + embed_paths(embedder, mirrored)) / 2
    np.testing.assert_allclose(
        embed_paths(embedder, paths, flip_test=True), expected, rtol=1e-4, atol=1e-6
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A folder with a `.keras` file and the demo people, a few of them."""
    folder = tmp_path_factory.mktemp("evaluation")
    OSNet("osnet_x0_25", input_shape=(32, 16, 3)).save(folder / "any.keras")
    generate_demo(folder, train_identities=2, test_identities=4, images_per_camera=2)
    return folder


def test_embeddings_are_kept_until_anything_changes(embedder, paths, tmp_path):
    cache, calls = FeatureCache(tmp_path / "features"), []

    def embed():
        calls.append(1)
        return np.full((5, 2), float(len(calls)), "float32")

    def get(flip_test=False, paths=paths):
        return float(cache.get("five", embedder, paths, flip_test, embed)[0, 0])

    assert [get(), get()] == [1, 1]
    assert [get(flip_test=True), get(flip_test=True), get()] == [2, 2, 3]
    Image.new("RGB", (20, 40)).save(paths[2])  # another picture by the same name
    assert [get(), get(), get(paths=paths[::-1])] == [4, 4, 5]
    weight = embedder.trainable_variables[0]
    before = weight.numpy()
    weight.assign(before * 1.001)
    assert [get(), get()] == [6, 6]
    weight.assign(before)
    entry = tmp_path / "features" / "five.npz"
    entry.write_bytes(entry.read_bytes()[:100])
    assert [get(), get()] == [7, 7]


def test_everything_is_written(demo):
    record, output_dir = evaluate_source(
        EvaluationConfig(rerank=True, rerank_k1=3, rerank_k2=2),
        model=demo / "any.keras", datasets=["demo"], data_dir=demo,
    )  # fmt: skip
    assert output_dir == demo / "any_evaluation"
    distances = ["cosine", "cosine_reranked", "euclidean", "euclidean_reranked"]
    assert sorted(path.name for path in output_dir.iterdir()) == sorted(
        ["features", "results.json", *(f"demo_{name}.png" for name in ("cmc", "roc", "distances")),
         *(f"demo_{name}_per_query.csv" for name in distances)]
    )  # fmt: skip
    assert json.loads((output_dir / "results.json").read_text()) == record
    assert record["protocol"]["rerank_k1"] == 3
    found = record["datasets"]["demo"]
    with open(output_dir / "demo_cosine_per_query.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == found["num_query"]
    means = np.mean([float(row["average_precision"]) for row in rows])
    assert means == pytest.approx(found["cosine"]["mAP"])
    at = found["verification"]["cosine"]["at_fpr"]["0.01"]
    calibration = find_calibration(demo / "any.keras", metric="cosine", fpr=0.01)
    assert (calibration.threshold, calibration.dataset) == (at["threshold"], "demo")
    for path in output_dir.glob("*.png"):
        with Image.open(path) as image:
            assert len(np.unique(np.asarray(image.convert("L")))) > 20, path


def test_distractors_join_the_gallery_and_no_thresholds_come_from_mirrored_embeddings(
    demo, tmp_path
):
    shutil.copy(demo / "any.keras", tmp_path / "flip.keras")
    crops = [s.path for s in load_dataset("demo", demo).train]
    for number, path in enumerate(crops):
        shutil.copy(path, tmp_path / f"{number}.jpg")
    config = EvaluationConfig(distractors=str(tmp_path), flip_test=True)
    where = {"model": tmp_path / "flip.keras", "datasets": ["demo"], "data_dir": demo}
    record, _ = evaluate_source(config, output_dir=tmp_path / "new" / "results", **where)
    found = record["datasets"]["demo"]
    plain = load_dataset("demo", demo)
    assert found["num_gallery"] == len(plain.gallery) + len(crops)
    more = sum(s.pid == 0 for s in plain.gallery) + len(crops)
    assert found["num_distractors"] == more
    assert not calibration_path(where["model"]).exists()
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        evaluate_source(EvaluationConfig(distractors=str(tmp_path / "none")), **where)


def test_sources_that_cannot_be_evaluated(demo):
    with pytest.raises(ValueError, match="Unknown dataset"):
        evaluate_source(model=demo / "any.keras", datasets=["demo", "nemo"], data_dir=demo)
    with pytest.raises(ValueError, match="per_query must be 'csv' or 'parquet'"):
        evaluate_source(model=demo / "any.keras", datasets=["demo"], per_query="xlsx")
