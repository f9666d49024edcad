import numpy as np
import pytest
from PIL import Image

from osnet_tf.errors import WriteError
from osnet_tf.evaluation import FeatureCache
from osnet_tf.files import locked
from osnet_tf.models import OSNet


@pytest.fixture
def paths(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(5)]
    for path in paths:
        Image.new("RGB", (10, 20)).save(path)
    return [str(path) for path in paths]


@pytest.fixture(scope="module")
def embedder():
    return OSNet("osnet_x0_25", input_shape=(32, 16, 3), streams=1)


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


def test_a_hand_made_entry_does_not_count(embedder, paths, tmp_path):
    """One of another number of rows, or of other numbers, under the right key."""
    cache = FeatureCache(tmp_path)
    cache.get("five", embedder, paths, False, lambda: np.ones((5, 2), "float32"))
    key = np.load(tmp_path / "five.npz")["key"]
    for bad in (np.ones((4, 2), "float32"), np.ones(5, "float32"), np.ones((5, 2)), np.array("x")):
        np.savez(tmp_path / "five.npz", key=key, features=bad)
        found = cache.get("five", embedder, paths, False, lambda: np.full((5, 2), 7, "float32"))
        assert (found == 7).all()


def test_names_of_datasets_become_names_of_files(embedder, tmp_path):
    FeatureCache(tmp_path).get("../a.b:c", embedder, [], False, lambda: np.ones((0, 2), "float32"))
    assert [path.name for path in tmp_path.glob("*.npz")] == [".._a.b_c.npz"]


def test_a_folder_in_use_is_passed_over(embedder, paths, tmp_path):
    cache = FeatureCache(tmp_path)
    with locked(tmp_path, "embedding elsewhere"):
        found = cache.get("five", embedder, paths, False, lambda: np.ones((5, 2), "float32"))
    assert found.shape == (5, 2)
    assert not (tmp_path / "five.npz").exists()


def test_a_file_in_the_folders_place_is_named(embedder, paths, tmp_path):
    (tmp_path / "features").touch()
    with pytest.raises(WriteError, match="features cannot be written: it is a file"):
        FeatureCache(tmp_path / "features").get("a", embedder, paths, False, lambda: 1 / 0)
